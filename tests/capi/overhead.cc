// Time per call of a tiny graph through the C ABI and through the C++ API of the same build, in
// turns: prints "c++ <ns> c <ns> difference <ns>", each the least of many rounds' means.
#include <chrono>

#include "sardonyx/sardonyx.h"
#include "tests/capi/client.h"

namespace sardonyx::capi_tests {
namespace {

constexpr char kTiny[] = R"(<ir_version: 8, opset_import: ["" : 17]>
  g (float[4] x) => (float[4] y) { y = Neg(x) })";
constexpr int kRounds = 400;
constexpr int kCalls = 1000;

template <class Call>
double nanoseconds(const Call& call) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kCalls; ++i) call();
  const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start;
  return taken.count() / kCalls;
}

int measure() {
  const Env env = make_env();
  const SessionOptions options = make_options();
  EXPECT_OK(api().SetIntraOpNumThreads(options.get(), 1));
  const Session c_session = load(env, kTiny, options.get());
  std::vector<float> data = {1, 2, 3, 4};
  std::vector<float> place(4);
  const capi_tests::Value input = tensor(data, {4});
  const capi_tests::Value output = tensor(place, {4});
  const char* x = "x";
  const char* y = "y";
  const OrtValue* inputs[] = {input.get()};
  OrtValue* outputs[] = {output.get()};
  const auto c_call = [&] {
    if (api().Run(c_session.get(), nullptr, &x, inputs, 1, &y, 1, outputs) != nullptr) std::abort();
  };

  const std::string bytes = model_bytes(kTiny);
  sardonyx::SessionOptions plain;
  plain.threads = 1;
  const auto session =
      sardonyx::Session::load(std::as_bytes(std::span(bytes)), nullptr, plain).value();
  const std::vector<NamedValue> named = {
      {"x", Tensor::wrap(DType::kFloat32, {4}, data.data(), nullptr)}};
  std::vector<sardonyx::Value> results = {
      Tensor::wrap(DType::kFloat32, {4}, place.data(), nullptr)};
  const auto plain_call = [&] {
    if (!session.run_into(named, {"y"}, results)) std::abort();
  };

  double c = 1e9;
  double plain_time = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    plain_time = std::min(plain_time, nanoseconds(plain_call));
    c = std::min(c, nanoseconds(c_call));
  }
  std::printf("c++ %.1f c %.1f difference %.1f\n", plain_time, c, c - plain_time);
  return 0;
}

}  // namespace
}  // namespace sardonyx::capi_tests

int main() {  // NOLINT(bugprone-exception-escape): it may end so
  return sardonyx::capi_tests::measure();
}
