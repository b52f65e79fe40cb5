// How a command ends: exit codes, and Failure, which carries one of them with the message up to
// main(). Inside this room errors travel as exceptions. Entry point: require.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "sardonyx/sardonyx.h"

namespace sardonyx::cli {

enum class Exit { kOk = 0, kRunFailed = 1, kUsage = 2, kBadModel = 3, kBadInput = 4 };

struct Failure {
  Exit exit;
  std::string message;
};

template <class... Args>
[[noreturn]] void stop(Exit exit, fmt::format_string<Args...> format, Args&&... args) {
  throw Failure{exit, fmt::format(format, std::forward<Args>(args)...)};
}

// The value, or the Failure of its Error.
template <class T>
T require(Result<T>&& result, Exit exit) {
  if (!result) throw Failure{exit, result.error().text()};
  return take_value(std::move(result));
}

// What fed values are to blame for is bad input, the rest a failed run.
template <class T>
T require_run(Result<T>&& result) {
  const bool input = !result && result.error().code == Code::kInvalidArgument;
  return require(std::move(result), input ? Exit::kBadInput : Exit::kRunFailed);
}

}  // namespace sardonyx::cli
