// fail(): makes the Error of a Result from a format string. Inside the library; the public part
// (Error, Result, TRY) is base/error.h.
#pragma once

#include <fmt/format.h>

#include <utility>

#include "base/error.h"

namespace sardonyx {

tl::unexpected<Error> fail_as(Code code, fmt::string_view format, fmt::format_args args);

// Cold: what leads here is compiled for size, away from what runs.
template <class... Args>
[[gnu::cold]] tl::unexpected<Error> fail(Code code, fmt::format_string<Args...> format,
                                         Args&&... args) {
  return fail_as(code, format, fmt::make_format_args(args...));
}

}  // namespace sardonyx
