// Runs of a session on values that stay where they are, for doors to which every copy of one
// counts. Entry point: run_session; Session::run and run_into are made of it.
#pragma once

#include <span>
#include <string_view>

#include "sardonyx/sardonyx.h"

namespace sardonyx {

struct NamedRef {
  std::string_view name;
  const Value* value = nullptr;
};

// Session::run_into; what is in `results` is unspecified when it fails.
Result<void> run_session(const Session& session, std::span<const NamedRef> inputs,
                         std::span<const std::string_view> outputs, std::span<Value> results,
                         const RunOptions& options);

}  // namespace sardonyx
