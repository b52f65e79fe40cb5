/* A program that loads the library named by its argument, as bindings of scripting languages do, and
 * asks for every version of the table. Exits with 0 when everything was as it should be. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <onnxruntime_c_api.h>
#include <stdio.h>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 3;
  }
  const OrtApiBase* (*get_base)(void) = NULL;
  *(void**)&get_base = dlsym(library, "OrtGetApiBase");
  if (get_base == NULL) return 4;
  /* A program linked to an older library asks for that library's version of the symbol. */
  if (dlvsym(library, "OrtGetApiBase", "VERS_1.23.0") == NULL) return 5;
  if (dlvsym(library, "OrtSessionOptionsAppendExecutionProvider_CPU", "VERS_1.16.3") == NULL) {
    return 6;
  }
  if (strncmp(get_base()->GetVersionString(), "1.", 2) != 0) return 7;
  for (uint32_t version = 1; version <= ORT_API_VERSION; ++version) {
    if (get_base()->GetApi(version) == NULL) return 8;
  }
  if (get_base()->GetApi(0) != NULL || get_base()->GetApi(ORT_API_VERSION + 1) != NULL) return 9;
  return 0;
}
