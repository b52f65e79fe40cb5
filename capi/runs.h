// Running sessions.
#pragma once

#include "api/run.h"
#include "base/result.h"
#include "capi/handles.h"

namespace sardonyx::capi {

// Fails while the session's model is edited.
Result<void> check_ready(const OrtSession& session);

// run_session with the client's run options; null: the defaults. Results that the client may write
// to, and keep beyond the inputs.
Result<void> run_loaded(const LoadedSession& loaded, const OrtRunOptions* options,
                        std::span<const NamedRef> inputs, std::span<const ResultRef> results);

}  // namespace sardonyx::capi
