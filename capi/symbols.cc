// The symbols of libonnxruntime.so.1, which compiles this file for itself. Programs linked to a
// library of ONNX Runtime ask for the version of that library, so each symbol is there once for
// each version; a build makes the list (cmake/SardonyxOnnxRuntime.cmake).
#include "capi/tables.h"

extern "C" {

#if !defined(SARDONYX_SYMBOL_VERSIONS)

const OrtApiBase* ORT_API_CALL OrtGetApiBase() noexcept { return &sardonyx::capi::api_base(); }

OrtStatus* ORT_API_CALL OrtSessionOptionsAppendExecutionProvider_CPU(OrtSessionOptions* options,
                                                                     int use_arena) noexcept {
  return sardonyx::capi::append_cpu(options, use_arena);
}

#else

const OrtApiBase* get_api_base() noexcept { return &sardonyx::capi::api_base(); }

OrtStatus* append_cpu(OrtSessionOptions* options, int use_arena) noexcept {
  return sardonyx::capi::append_cpu(options, use_arena);
}

// `node` is "@VERS_1.23.0", or "@@..." for the one that new programs are linked to.
#define SYMBOL_ALIAS(function, symbol, alias_name, node)                      \
  ORT_EXPORT __attribute__((alias(#function))) decltype(function) alias_name; \
  __asm__(".symver " #alias_name ", " #symbol node);
#define SYMBOL_VERSION(suffix, node)                                     \
  SYMBOL_ALIAS(get_api_base, OrtGetApiBase, get_api_base_##suffix, node) \
  SYMBOL_ALIAS(append_cpu, OrtSessionOptionsAppendExecutionProvider_CPU, append_cpu_##suffix, node)
#include "onnxruntime/symbol_versions.inc"

#endif

}  // extern "C"
