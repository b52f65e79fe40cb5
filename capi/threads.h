// The client's own threads.
#pragma once

#include "base/result.h"
#include "capi/handles.h"

namespace sardonyx::capi {

// Adds the client's functions to the settings; fails when one of the two is missing.
Result<void> add_hooks(const ThreadHooks& hooks, ThreadSettings& settings);

// The pool of an environment.
Result<void> make_global_pool(const OrtThreadingOptions& options, Environment& environment);

}  // namespace sardonyx::capi
