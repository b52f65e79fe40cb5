// fail(): makes the Error of a Result from a format string. Inside the library; the public part
// (Error, Result, TRY) is base/error.h.
#pragma once

#include <fmt/format.h>

#include <utility>

#include "base/error.h"

namespace sardonyx {

template <class... Args>
tl::unexpected<Error> fail(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(
      Error{code, fmt::format(format, std::forward<Args>(args)...), std::string()});
}

}  // namespace sardonyx
