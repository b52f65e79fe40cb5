// One session used from many threads at once, with shapes that differ, shapes that depend on data,
// and branches: every run gives what it gives alone.
#include <gmock/gmock.h>

#include <thread>

#include "tests/support/text_session.h"

namespace sardonyx {
namespace {

constexpr char kModel[] = R"(<ir_version: 8, opset_import: ["" : 17]>
  g (float[N,8] x, bool flip) => (float[N,4] y, int64[R,K] where) {
    w = Constant<value = float[8,4] {1,2,3,4, 5,6,7,8, 1,0,1,0, 0,1,0,1, 2,2,2,2, 3,1,3,1,
                                     4,3,2,1, 0,0,1,1}>()
    m = MatMul(x, w)  t = Tanh(m)
    y = If<then_branch = yes () => (float[N,4] a) { a = Neg(t) },
           else_branch = no () => (float[N,4] b) { b = Mul(t, t) }>(flip)
    r = Relu(x)  where = NonZero(r) })";

std::vector<NamedValue> inputs_of(int64_t rows, bool flip) {
  std::vector<float> elements(static_cast<size_t>(rows * 8));
  for (size_t i = 0; i < elements.size(); ++i) {
    elements[i] = static_cast<float>((i * 7 + static_cast<size_t>(rows)) % 11) * 0.1f - 0.5f;
  }
  return {{"x", floats({rows, 8}, elements)}, {"flip", Tensor::scalar(flip)}};
}

TEST(ConcurrentRuns, GiveWhatTheyGiveAlone) {
  SessionOptions options;
  options.threads = 2;
  options.plan_limit = 3;  // fewer than the shapes below: plans come and go while others run
  const Session session = load_text(kModel, options).value();
  constexpr int64_t kShapes = 6;
  std::vector<std::vector<Value>> expected;
  for (int64_t rows = 1; rows <= kShapes; ++rows) {
    for (const bool flip : {false, true}) {
      expected.push_back(session.run(inputs_of(rows, flip)).value());
    }
  }
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int64_t round = 0; round < 60; ++round) {
        const int64_t rows = (round * (thread + 1)) % kShapes + 1;
        const bool flip = (round + thread) % 2 == 1;
        const auto results = session.run(inputs_of(rows, flip));
        const auto& alone = expected[static_cast<size_t>((rows - 1) * 2 + (flip ? 1 : 0))];
        const bool same = results && elements_of((*results)[0]) == elements_of(alone[0]) &&
                          elements_of<int64_t>((*results)[1]) == elements_of<int64_t>(alone[1]);
        if (!same) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace sardonyx
