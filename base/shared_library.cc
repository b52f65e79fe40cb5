#include "base/shared_library.h"

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

namespace sardonyx {

Result<SharedLibrary> SharedLibrary::open(std::initializer_list<const char*> names) {
  SharedLibrary library;
#if !defined(_WIN32)
  for (const char* name : names) {
    library.loaded_ = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    library.name_ = name;
    if (library.loaded_ != nullptr) return library;
  }
#endif
  std::string list;
  for (const char* name : names) list += (list.empty() ? "" : " or ") + std::string(name);
  return fail(Code::kNotImplemented, "{} is not on this machine", list);
}

Result<void*> SharedLibrary::address(const char* name) const {
#if !defined(_WIN32)
  if (void* found = dlsym(loaded_, name)) return found;
#endif
  return fail(Code::kNotImplemented, "{} of this machine has no {}", name_, name);
}

}  // namespace sardonyx
