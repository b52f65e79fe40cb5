// Weights that leave memory once they are packed come back, with the same bytes, for whoever reads
// them: base/rebuilt.h by itself, and sessions of a model file against those of the same bytes.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "base/mapped_file.h"
#include "base/rebuilt.h"
#include "tests/support/text_session.h"

namespace sardonyx {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kCount = 64 << 10;

// An element that may be gone, which AddressSanitizer knows as well.
__attribute__((no_sanitize("address"))) float peek(const Tensor& tensor, int64_t index) {
  const auto* elements = tensor.as<float>();
  return elements[index];
}

struct Counted {
  int calls = 0;
  Tensor tensor = make_rebuilt(DType::kFloat32, Shape{kCount}, [this](void* dst) {
                    ++calls;
                    for (int64_t i = 0; i < kCount; ++i) static_cast<float*>(dst)[i] = float(i);
                  }).value();

  // The pages at the ends may be shared with others, who keep them.
  float middle() const { return peek(tensor, kCount / 2); }
};
constexpr int64_t kMiddlePlace = kCount / 2;
constexpr float kMiddle = kMiddlePlace;

TEST(Rebuilt, ComesBackAfterItWasLetGo) {
  Counted weights;
  {
    Reading reading(weights.tensor);
    reading.let_go();
    EXPECT_EQ(weights.middle(), kMiddle);
  }
  EXPECT_EQ(weights.calls, 1);
  EXPECT_EQ(weights.middle(), 0) << "its pages should be gone";
  {
    const Reading reading(weights.tensor.reshaped(Shape{2, kCount / 2}));
    EXPECT_EQ(weights.calls, 2);
    EXPECT_EQ(weights.middle(), kMiddle);
  }
  EXPECT_EQ(weights.middle(), 0) << "what a Reading has brought back goes with it";
}

TEST(Rebuilt, IsFilledWhenItIsReadFirst) {
  int calls = 0;
  const auto fill = [&calls](void* dst) {
    ++calls;
    std::fill_n(static_cast<float*>(dst), kCount, 3.f);
  };
  const Tensor tensor =
      make_rebuilt(DType::kFloat32, Shape{kCount}, fill, Filled::kWhenRead).value();
  EXPECT_EQ(calls, 0);
  {
    const Reading reading(tensor);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(tensor.as<float>()[kMiddlePlace], 3);
  }
  keep_bytes(tensor);
  EXPECT_EQ(calls, 2) << "they had gone with the Reading";
  EXPECT_EQ(tensor.as<float>()[kMiddlePlace], 3);
  const Tensor small =
      make_rebuilt(
          DType::kFloat32, Shape{8},
          [](void* dst) { std::fill_n(static_cast<float*>(dst), 8, 5.f); }, Filled::kWhenRead)
          .value();
  EXPECT_EQ(small.as<float>()[7], 5) << "small ones are there";
}

TEST(Rebuilt, StaysUntilTheLastReaderIsDone) {
  Counted weights;
  {
    const Reading last(weights.tensor);
    {
      Reading first(weights.tensor);
      first.let_go();
    }
    EXPECT_EQ(weights.middle(), kMiddle);
  }
  EXPECT_EQ(weights.middle(), 0);
  EXPECT_EQ(weights.calls, 1);
}

TEST(Rebuilt, StaysWhereSomebodyReadsItUnannounced) {
  Counted weights;
  {
    Reading reading(weights.tensor);
    reading.let_go();
  }
  keep_bytes(weights.tensor);
  EXPECT_EQ(weights.calls, 2);
  {
    Reading reading(weights.tensor);
    reading.let_go();
  }
  EXPECT_EQ(weights.middle(), kMiddle);
  EXPECT_EQ(weights.calls, 2);
}

TEST(Rebuilt, LeavesOtherTensorsAlone) {
  const Tensor tensor = floats({2}, {1, 2});
  EXPECT_FALSE(rebuild_of(tensor));
  {
    Reading reading(tensor);
    reading.let_go();
  }
  keep_bytes(tensor);
  EXPECT_THAT(elements_of(Value(tensor)), testing::ElementsAre(1, 2));
}

TEST(Rebuilt, CopiesOfAMappedFileKnowTheWayBack) {
  const fs::path path = fs::temp_directory_path() /
                        fmt::format("sardonyx-rebuilt-{}.bin", static_cast<int>(::getpid()));
  std::ofstream(path, std::ios::binary) << std::string(1, 'x') + std::string(200000, '\x3f');
  const Bytes bytes = map_file(path).value();
  const Tensor misaligned =
      Tensor::wrap(DType::kFloat32, Shape{50000}, const_cast<char*>(bytes.data) + 1, bytes.owner);
  const Tensor aligned = aligned_tensor(misaligned).value();
  ASSERT_TRUE(rebuild_of(aligned));
  {
    Reading reading(aligned);
    reading.let_go();
  }
  EXPECT_EQ(peek(aligned, 25000), 0.f);
  const Reading reading(aligned);
  EXPECT_EQ(std::memcmp(aligned.data(), misaligned.data(), aligned.bytes()), 0);
  fs::remove(path);
}

// Weights that are packed by several kernels, packed and read, folded into others, captured.
constexpr char kModel[] = R"(<ir_version: 8, opset_import: ["" : 17], producer_name: "@">
    g (float[N,64,H,W] x, int64[T] ids, bool c) => (float[N,64,H,W] normal, float[T,256] product,
                                                    float[T,256] chosen) {
      conv = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(x, filters)
      normal = BatchNormalization(conv, scale, scale, scale, scale)
      rows = Gather(table, ids)
      product = MatMul(rows, table)
      chosen = If<then_branch = yes () => (float[T,256] a) { a = MatMul(rows, table) },
                  else_branch = no () => (float[T,256] b) { b = MatMul(rows, other) }>(c) })";

std::string model_bytes(size_t name_length) {
  std::string text = kModel;
  text.replace(text.find('@'), 1, name_length, 'n');
  Model model = parse_text(text).value();
  std::mt19937 engine(1);
  std::uniform_real_distribution<float> number(0.5F, 1.5F);
  for (const auto& [name, shape] :
       std::vector<std::pair<std::string, Shape>>{{"filters", {64, 64, 3, 3}},
                                                  {"scale", {64}},
                                                  {"table", {256, 256}},
                                                  {"other", {256, 256}}}) {
    TensorDef def;
    def.name = name;
    def.data = Tensor::allocate(DType::kFloat32, shape).value();
    for (float& element : def.data.elements<float>()) element = number(engine);
    model.graph.initializers.push_back(def);
  }
  return write_model(model).value();
}

std::vector<std::vector<float>> run_all(const Session& session) {
  std::vector<std::vector<float>> results;
  int64_t size = 3;
  for (const auto& [batch, side, tokens] :
       {std::array<int64_t, 3>{1, 16, 3}, {2, 5, 1}, {1, 40, 70}, {3, 3, 2}}) {
    std::vector<float> x(static_cast<size_t>(batch * 64 * side * side));
    for (float& element : x) element = static_cast<float>(size = size * 31 % 1009) / 1009;
    std::vector<int64_t> ids(static_cast<size_t>(tokens));
    for (int64_t& id : ids) id = size = size * 7 % 251;
    const bool choice = tokens > 1;
    const auto values = session.run({{"x", floats({batch, 64, side, side}, x)},
                                     {"ids", ints({tokens}, ids)},
                                     {"c", Tensor::scalar(choice)}});
    for (const Value& value : values.value()) results.push_back(elements_of(value));
  }
  return results;
}

TEST(Rebuilt, SessionsOfAFileGiveWhatSessionsOfItsBytesGive) {
  const fs::path path = fs::temp_directory_path() /
                        fmt::format("sardonyx-rebuilt-{}.onnx", static_cast<int>(::getpid()));
  for (size_t name_length = 1; name_length <= 4;
       ++name_length) {  // so that all are misaligned once
    auto bytes = std::make_shared<std::string>(model_bytes(name_length));
    std::ofstream(path, std::ios::binary) << *bytes;
    SessionOptions options;
    options.threads = 1;
    const auto* data = reinterpret_cast<const std::byte*>(bytes->data());
    const auto of_bytes = Session::load(std::span(data, bytes->size()), bytes, options);
    const auto of_file = Session::load(path, options);
    ASSERT_TRUE(of_file) << of_file.error().text();
    EXPECT_EQ(run_all(*of_file), run_all(of_bytes.value()));
    EXPECT_EQ(run_all(*of_file), run_all(of_bytes.value()));
  }
  fs::remove(path);
}

TEST(Rebuilt, ManyThreadsMayPlanAndRunAtOnce) {
  const fs::path path = fs::temp_directory_path() /
                        fmt::format("sardonyx-threads-{}.onnx", static_cast<int>(::getpid()));
  std::ofstream(path, std::ios::binary) << model_bytes(2);
  const auto expected = run_all(Session::load(path).value());
  const auto shared = make_shared_weights();
  std::vector<Session> sessions;
  for (int i = 0; i < 2; ++i) {
    SessionOptions options;
    options.threads = 2;
    options.plan_limit = 5;  // fewer than the shapes: plans come and go
    options.shared_weights = shared;
    sessions.push_back(Session::load(path, options).value());
  }
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 3; ++round) wrong += run_all(sessions[i % 2]) != expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  fs::remove(path);
}

}  // namespace
}  // namespace sardonyx
