// The functions of the library that CAPI_LIBRARY names, or else of this build: what is linked to
// this file runs on either, without being built again.
#include <dlfcn.h>
#include <onnxruntime_c_api.h>

#include <cstdio>

namespace {

void* find(const char* name) {
  const char* path = std::getenv("CAPI_LIBRARY");
  void* library = dlopen(path != nullptr ? path : CAPI_BUILT_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    std::exit(2);
  }
  void* function = dlsym(library, name);
  if (function == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    std::exit(2);
  }
  return function;
}

}  // namespace

extern "C" const OrtApiBase* ORT_API_CALL OrtGetApiBase() noexcept {
  static const auto get = reinterpret_cast<decltype(&OrtGetApiBase)>(find("OrtGetApiBase"));
  return get();
}

extern "C" OrtStatus* ORT_API_CALL
OrtSessionOptionsAppendExecutionProvider_CPU(OrtSessionOptions* options, int use_arena) noexcept {
  static const auto append =
      reinterpret_cast<decltype(&OrtSessionOptionsAppendExecutionProvider_CPU)>(
          find("OrtSessionOptionsAppendExecutionProvider_CPU"));
  return append(options, use_arena);
}
