// SharedLibrary: a library of the system that is loaded when something first needs it, so that
// libsardonyx.so itself needs none. Entry point: SharedLibrary::open.
#pragma once

#include <initializer_list>
#include <string>

#include "base/result.h"

namespace sardonyx {

class SharedLibrary {
 public:
  // The first of these names that the loader finds. It stays loaded until the process ends.
  static Result<SharedLibrary> open(std::initializer_list<const char*> names);

  // Sets `function` to the exported function of this name; fails when the library has none.
  template <class Fn>
  Result<void> find(const char* name, Fn*& function) const {
    function = reinterpret_cast<Fn*>(TRY(address(name)));
    return {};
  }

 private:
  Result<void*> address(const char* name) const;

  void* loaded_ = nullptr;
  std::string name_;
};

}  // namespace sardonyx
