// Running sessions.
#pragma once

#include "base/result.h"
#include "capi/handles.h"

namespace sardonyx::capi {

// Session::run_into with the client's run options; null: the defaults.
Result<void> run_loaded(const LoadedSession& loaded, const OrtRunOptions* options,
                        const std::vector<NamedValue>& inputs,
                        const std::vector<std::string>& outputs, std::vector<Value>& results);

}  // namespace sardonyx::capi
