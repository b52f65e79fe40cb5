// What scenarios are made of; see scenarios.cc.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/capi/outcome.h"

namespace sardonyx::capi_tests {

inline constexpr char kAdd[] = R"(<ir_version: 8, opset_import: ["" : 17]>
  g (float[N,2] x) => (float[N,2] y) <float[2] w = {1, 2}> { y = Add(x, w) })";
inline constexpr char kTwo[] = R"(<ir_version: 8, opset_import: ["" : 17]>
  g (float[2] a, float[2] b) => (float[2] y, float[2] z) { y = Add(a, b)  z = Mul(a, b) })";
inline constexpr char kReshape[] = R"(<ir_version: 8, opset_import: ["" : 17]>
  g (float[N] x, int64[K] s) => (float[M] y) { z = Neg(x)  y = Reshape(z, s) })";
inline constexpr char kSequence[] = R"(<ir_version: 8, opset_import: ["" : 17]>
  g (seq(float[N]) x, int64 i) => (float[N] y) { y = SequenceAt(x, i) })";

using Do = std::function<OrtStatus*()>;
struct Scenario {
  const char* name;
  Do run;
};

// In the process of a scenario: what is made here is never released.
struct World {
  Env env = make_env();
  SessionOptions options = [] {
    SessionOptions made = make_options();
    EXPECT_OK(api().SetIntraOpNumThreads(made.get(), 1));
    return made;
  }();
  std::vector<float> floats = {1, 2, 3, 4};
  std::vector<double> doubles = {1, 2, 3, 4};
  std::vector<int64_t> ints = {4, 1, 1, 1};

  Session session(const char* text) { return load(env, text, options.get()); }
  OrtStatus* opening(const char* text) {
    const std::string bytes = model_bytes(text);
    OrtSession* session = nullptr;
    return api().CreateSessionFromArray(env.get(), bytes.data(), bytes.size(), options.get(),
                                        &session);
  }
};

inline World& world() {
  static World& one = *new World;
  return one;
}

// Kept: scenarios end with their process.
inline OrtValue* floats(const std::vector<int64_t>& dims) {
  return tensor(world().floats, dims).release();
}
inline OrtValue* doubles(const std::vector<int64_t>& dims) {
  return tensor(world().doubles, dims).release();
}
inline OrtValue* ints(const std::vector<int64_t>& dims) {
  return tensor(world().ints, dims).release();
}
inline OrtValue* strings(int64_t count) {
  return made<Value>(api().CreateTensorAsOrtValue, allocator(), &count, size_t{1},
                     ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING)
      .release();
}
inline OrtValue* sequence(std::vector<OrtValue*> items) {
  OrtValue* value = nullptr;
  EXPECT_OK(api().CreateValue(items.data(), items.size(), ONNX_TYPE_SEQUENCE, &value));
  return value;
}

// In scenario_runs.cc.
std::vector<Scenario> runs();
std::vector<Scenario> bindings();

}  // namespace sardonyx::capi_tests
