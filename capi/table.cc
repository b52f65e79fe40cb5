// The table that programs ask for by version. Entry point: api_base.
#include <cstdio>

#include "capi/door.h"
#include "capi/tables.h"

namespace sardonyx::capi {
namespace {

// "1.<newest API version>.0", as ONNX Runtime's own libraries are numbered.
#define SARDONYX_TEXT(number) #number
#define SARDONYX_VERSION_TEXT(api) "1." SARDONYX_TEXT(api) ".0"
constexpr const char* kVersion = SARDONYX_VERSION_TEXT(ORT_API_VERSION);

// Builds without training have no table for it.
const OrtTrainingApi* ORT_API_CALL GetTrainingApi(uint32_t) noexcept { return nullptr; }
// Functions by name that may change from version to version; there are none.
OrtExperimentalFnPtr ORT_API_CALL GetExperimentalFunction(const char*) noexcept { return nullptr; }
const OrtModelPackageApi* ORT_API_CALL GetModelPackageApi() noexcept { return nullptr; }
const OrtInteropApi* ORT_API_CALL GetInteropApi() noexcept { return &interop_table(); }
const OrtEpApi* ORT_API_CALL GetEpApi() noexcept { return &ep_table(); }
const OrtModelEditorApi* ORT_API_CALL GetModelEditorApi() noexcept { return &model_editor_table(); }
const OrtCompileApi* ORT_API_CALL GetCompileApi() noexcept { return &compile_table(); }

OrtApi make_table() {
  OrtApi api{};
  add_status(api);
  add_environment(api);
  add_threads(api);
  add_session_options(api);
  add_option_files(api);
  add_providers(api);
  add_sessions(api);
  add_runs(api);
  add_bindings(api);
  add_types(api);
  add_tensors(api);
  add_strings(api);
  add_containers(api);
  add_sparse(api);
  add_memory(api);
  add_allocators(api);
  add_metadata(api);
  add_devices(api);
  add_compatibility(api);
  add_key_values(api);
  add_custom_ops(api);
  add_kernel_info(api);
  add_kernel_context(api);
  add_op_attrs(api);
  add_op_calls(api);
  add_graphs(api);
  PLAIN(GetTrainingApi);
  PLAIN(GetExperimentalFunction);
  PLAIN(GetModelPackageApi);
  PLAIN(GetInteropApi);
  PLAIN(GetEpApi);
  PLAIN(GetModelEditorApi);
  PLAIN(GetCompileApi);
  return api;
}

// One table for every version: later ones only append.
const OrtApi* ORT_API_CALL GetApi(uint32_t version) noexcept {
  if (version >= 1 && version <= ORT_API_VERSION) return &table();
  std::fprintf(stderr,
               "The requested API version [%u] is not available, only API versions [1, %u] are "
               "supported in this build. Current ORT Version is: %s\n",
               version, static_cast<unsigned>(ORT_API_VERSION), kVersion);
  return nullptr;
}

const char* ORT_API_CALL GetVersionString() noexcept { return kVersion; }

}  // namespace

const OrtApi& table() {
  static const OrtApi api = make_table();
  return api;
}

const OrtApiBase& api_base() {
  static const OrtApiBase base = {&GetApi, &GetVersionString};
  return base;
}

}  // namespace sardonyx::capi
