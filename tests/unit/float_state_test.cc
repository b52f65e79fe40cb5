// Denormals are zeros while a run computes, and the caller's floating-point state is as it was when
// the run returns, however it ends.
#include "base/float_state.h"

#include <gmock/gmock.h>

#include <stdexcept>

#include "base/thread_pool.h"
#include "tests/support/text_session.h"

namespace sardonyx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kDenormal = 1e-40f;

std::string model(const std::string& body) {
  return R"(<ir_version: 8, opset_import: ["" : 17, "mine" : 1]>
            g (float[N] x) => (float[N] y) {)" +
         body + "}";
}

// Sees the state that its code runs with; throws where x[0] is 13.
std::shared_ptr<CustomOp> watcher(FloatState& seen) {
  auto op = std::make_shared<CustomOp>();
  op->domain = "mine";
  op->name = "Watch";
  op->infer = [](const CustomNode& node) { return std::vector{node.inputs[0]}; };
  op->make = [&seen](const CustomNode&) -> Result<CustomOp::Compute> {
    return [&seen](std::span<const Value> inputs) -> Result<std::vector<Value>> {
      seen = float_state();
      if (inputs[0].tensor().as<float>()[0] == 13) throw std::runtime_error("thirteen");
      return std::vector<Value>{inputs[0]};
    };
  };
  return op;
}

// A state that is not the usual one: rounds down, keeps denormals.
FloatState unusual_state() {
#if defined(__x86_64__)
  return (float_state() & ~kFlushBits) | 0x2000;
#elif defined(__aarch64__)
  return (float_state() & ~kFlushBits) | (FloatState{2} << 22);
#else
  return float_state();
#endif
}

class FloatStateTest : public testing::Test {
 protected:
  const FloatStateScope scope_{unusual_state()};
  const FloatState before_ = float_state();
};

TEST_F(FloatStateTest, RunsFlushUnlessTheyAreToldNotTo) {
  const Tensor x = floats({1}, {kDenormal});
  const auto doubled = [&](const char* value) {
    SessionOptions options;
    if (value != nullptr) options.config["session.set_denormal_as_zero"] = value;
    const FloatState before = float_state();
    const Session session = load_text(model("y = Add(x, x)"), options).value();
    const Value y = run_one(session, {{"x", x}});
    EXPECT_EQ(float_state() & ~kStatusBits, before & ~kStatusBits);
    return elements_of(y);
  };
  EXPECT_THAT(doubled(nullptr), ElementsAre(0));
  EXPECT_THAT(doubled("1"), ElementsAre(0));
  EXPECT_THAT(doubled("0"), ElementsAre(kDenormal + kDenormal));
  SessionOptions options;
  options.config["session.set_denormal_as_zero"] = "yes";
  EXPECT_THAT(error_of(load_text(model("y = Add(x, x)"), options)),
              HasSubstr("must be '0' or '1'"));
}

TEST_F(FloatStateTest, IsBackAfterFailuresAndCancellation) {
  const Session session = load_text(R"(<ir_version: 8, opset_import: ["" : 17]>
                   g (float[N] x, int64[M] i) => (float[M] y) { y = Gather(x, i) })")
                              .value();
  EXPECT_FALSE(session.run({{"x", floats({1}, {1})}, {"i", ints({1}, {9})}}));
  EXPECT_EQ(float_state(), before_);
  EXPECT_FALSE(session.run({{"x", floats({1}, {1})}}));
  EXPECT_EQ(float_state(), before_);
  const std::atomic<bool> cancel = true;
  RunOptions options;
  options.cancel = &cancel;
  EXPECT_FALSE(session.run({{"x", floats({1}, {1})}, {"i", ints({1}, {0})}}, {}, options));
  EXPECT_EQ(float_state(), before_);
}

TEST_F(FloatStateTest, IsTheCallersInCustomOperators) {
  FloatState seen = 0;
  SessionOptions options;
  options.custom_ops = {watcher(seen)};
  const Session session = load_text(model("w = mine.Watch(x)  y = Add(w, w)"), options).value();
  const Tensor x = floats({1}, {kDenormal});
  EXPECT_THAT(elements_of(run_one(session, {{"x", x}})), ElementsAre(0));
  EXPECT_EQ(seen & ~kStatusBits, before_ & ~kStatusBits);
  EXPECT_EQ(float_state(), before_);
  EXPECT_THROW(static_cast<void>(session.run({{"x", floats({1}, {13})}})), std::runtime_error);
  EXPECT_EQ(float_state(), before_);
}

TEST_F(FloatStateTest, IsTheCallersInTasks) {
  ThreadPool pool(3);
  for (const FloatState state : {before_ | kFlushBits, before_ & ~kFlushBits}) {
    const FloatStateScope scope(state);
    std::atomic<int> others = 0;
    pool.parallel_for(300, [&](int64_t) {
      if (((float_state() ^ state) & ~kStatusBits) != 0) ++others;
    });
    EXPECT_EQ(others, 0);
  }
}

// What tells what a number is tells the truth, alone and fused with others.
TEST_F(FloatStateTest, DenormalsAreNumbersWhereTheyAreConvertedOrCompared) {
  const Tensor x = floats({3}, {kDenormal, 0, -kDenormal});
  const auto run = [&](const std::string& body, int level) {
    SessionOptions options;
    options.optimization = static_cast<OptimizationLevel>(level);
    return elements_of(run_one(load_text(model(body), options).value(), {{"x", x}}));
  };
  for (const int level : {0, 99}) {
    EXPECT_THAT(run("y = Sign(x)", level), ElementsAre(1, 0, -1));
    EXPECT_THAT(run("s = Sign(x)  t = Sin(s)  y = Round(t)", level), ElementsAre(1, 0, -1));
    EXPECT_THAT(run("b = Cast<to = 9>(x)  y = Cast<to = 1>(b)", level), ElementsAre(1, 0, 1));
    EXPECT_THAT(run("d = Cast<to = 11>(x)  y = Cast<to = 1>(d)", level),
                ElementsAre(kDenormal, 0, -kDenormal));
  }
}

}  // namespace
}  // namespace sardonyx
