// Running sessions.
#pragma once

#include "api/run.h"
#include "base/result.h"
#include "capi/handles.h"

namespace sardonyx::capi {

// Fails while the session's model is edited.
Result<void> check_ready(const OrtSession& session);

// Null where it is no tensor.
const void* memory_of(const Value& value);

// run_session with the client's run options; null: the defaults.
// given: memory_of the results, which the caller's are to be written to.
Result<void> run_loaded(const LoadedSession& loaded, const OrtRunOptions* options,
                        std::span<const NamedRef> inputs, std::span<const std::string_view> outputs,
                        std::span<const void* const> given, std::span<Value> results);

}  // namespace sardonyx::capi
