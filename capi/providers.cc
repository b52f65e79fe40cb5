// Execution providers: there is the CPU's, and asking for another is an error, never ignored.
#include <cctype>
#include <cstring>

#include "capi/door.h"
#include "capi/handles.h"
#include "capi/tables.h"

namespace sardonyx::capi {
namespace {

constexpr const char* kCpuProvider = "CPUExecutionProvider";

// Names that AppendExecutionProvider takes in builds that have them.
constexpr std::array<std::string_view, 21> kOtherProviders = {
    "ACL",  "AZURE",    "CANN",    "CoreML",        "CUDA",     "DML",   "Dnnl",
    "JS",   "MIGraphX", "NNAPI",   "NvTensorRtRtx", "OpenVINO", "QNN",   "ROCM",
    "SNPE", "TensorRT", "VitisAI", "VSINPU",        "WebGPU",   "WebNN", "XNNPACK"};

Result<void> not_in_this_build(std::string_view provider) {
  return fail(Code::kFail, "{} execution provider is not enabled in this build. It has {}.",
              provider, kCpuProvider);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

Result<void> append_provider(OrtSessionOptions& options, std::string_view name) {
  constexpr std::string_view kSuffix = "ExecutionProvider";
  std::string_view stem = name;
  if (stem.ends_with(kSuffix)) stem.remove_suffix(kSuffix.size());
  if (equal_ignoring_case(stem, "CPU")) {
    options.providers.emplace_back(kCpuProvider);
    return {};
  }
  for (const std::string_view other : kOtherProviders) {
    if (!equal_ignoring_case(stem, other)) continue;
    return fail(Code::kInvalidArgument,
                "{} execution provider is not supported in this build. It has {}.", other,
                kCpuProvider);
  }
  return fail(Code::kInvalidArgument,
              "Unknown provider name '{}'. Currently supported values are 'CPU'", name);
}

Result<void> SessionOptionsAppendExecutionProvider(OrtSessionOptions* options, const char* name,
                                                   const char* const* keys,
                                                   const char* const* values, size_t count) {
  REQUIRE(options, name);
  if (count != 0) REQUIRE(keys, values);
  return append_provider(*options, name);
}

Result<void> GetAvailableProviders(char*** out, int* count) {
  REQUIRE(out, count);
  const size_t length = std::strlen(kCpuProvider) + 1;
  auto names = std::make_unique<char*[]>(1);
  names[0] = new char[length];
  std::copy_n(kCpuProvider, length, names[0]);
  *out = names.release();
  *count = 1;
  return {};
}

Result<void> ReleaseAvailableProviders(char** names, int count) {
  if (names == nullptr) return {};
  for (int i = 0; i < count; ++i) delete[] names[i];
  delete[] names;
  return {};
}

Result<void> AppendCpu(OrtSessionOptions* options, int /*use_arena*/) {
  REQUIRE(options);
  return append_provider(*options, "CPU");
}

// Entries of providers of other devices: each of them names its provider. There are no options to
// release.
template <EntryName Provider, class Returned, class... Args>
void set_absent(Returned (*&entry)(Args...) noexcept) {
  entry = [](Args...) noexcept -> Returned {
    if constexpr (!std::is_void_v<Returned>) {
      return status_of([] { return not_in_this_build(Provider.text); });
    }
  };
}

#define ABSENT(provider, name) set_absent<provider>(api.name)

void add_cuda(OrtApi& api) {
  ABSENT("CUDA", SessionOptionsAppendExecutionProvider_CUDA);
  ABSENT("CUDA", SessionOptionsAppendExecutionProvider_CUDA_V2);
  ABSENT("CUDA", CreateCUDAProviderOptions);
  ABSENT("CUDA", UpdateCUDAProviderOptions);
  ABSENT("CUDA", UpdateCUDAProviderOptionsWithValue);
  ABSENT("CUDA", GetCUDAProviderOptionsAsString);
  ABSENT("CUDA", GetCUDAProviderOptionsByName);
  ABSENT("CUDA", ReleaseCUDAProviderOptions);
  ABSENT("CUDA", SetCurrentGpuDeviceId);
  ABSENT("CUDA", GetCurrentGpuDeviceId);
  ABSENT("TensorRT", SessionOptionsAppendExecutionProvider_TensorRT);
  ABSENT("TensorRT", SessionOptionsAppendExecutionProvider_TensorRT_V2);
  ABSENT("TensorRT", CreateTensorRTProviderOptions);
  ABSENT("TensorRT", UpdateTensorRTProviderOptions);
  ABSENT("TensorRT", UpdateTensorRTProviderOptionsWithValue);
  ABSENT("TensorRT", GetTensorRTProviderOptionsAsString);
  ABSENT("TensorRT", GetTensorRTProviderOptionsByName);
  ABSENT("TensorRT", ReleaseTensorRTProviderOptions);
}

void add_others(OrtApi& api) {
  ABSENT("ROCM", SessionOptionsAppendExecutionProvider_ROCM);
  ABSENT("ROCM", CreateROCMProviderOptions);
  ABSENT("ROCM", UpdateROCMProviderOptions);
  ABSENT("ROCM", GetROCMProviderOptionsAsString);
  ABSENT("ROCM", ReleaseROCMProviderOptions);
  ABSENT("CANN", SessionOptionsAppendExecutionProvider_CANN);
  ABSENT("CANN", CreateCANNProviderOptions);
  ABSENT("CANN", UpdateCANNProviderOptions);
  ABSENT("CANN", GetCANNProviderOptionsAsString);
  ABSENT("CANN", ReleaseCANNProviderOptions);
  ABSENT("Dnnl", SessionOptionsAppendExecutionProvider_Dnnl);
  ABSENT("Dnnl", CreateDnnlProviderOptions);
  ABSENT("Dnnl", UpdateDnnlProviderOptions);
  ABSENT("Dnnl", GetDnnlProviderOptionsAsString);
  ABSENT("Dnnl", ReleaseDnnlProviderOptions);
  ABSENT("OpenVINO", SessionOptionsAppendExecutionProvider_OpenVINO);
  ABSENT("OpenVINO", SessionOptionsAppendExecutionProvider_OpenVINO_V2);
  ABSENT("MIGraphX", SessionOptionsAppendExecutionProvider_MIGraphX);
  ABSENT("VitisAI", SessionOptionsAppendExecutionProvider_VitisAI);
}

// Tables of providers that are not here.
Result<void> GetExecutionProviderApi(const char* provider, uint32_t /*version*/, const void** out) {
  REQUIRE(provider, out);
  *out = nullptr;
  return fail(Code::kInvalidArgument,
              "Specified provider is not supported. There is no table of functions of '{}'.",
              provider);
}

}  // namespace

void add_providers(OrtApi& api) {
  DOOR(SessionOptionsAppendExecutionProvider);
  DOOR(GetAvailableProviders);
  DOOR(ReleaseAvailableProviders);
  DOOR(GetExecutionProviderApi);
  add_cuda(api);
  add_others(api);
}

OrtStatus* append_cpu(OrtSessionOptions* options, int use_arena) noexcept {
  return door<&AppendCpu>(options, use_arena);
}

}  // namespace sardonyx::capi
