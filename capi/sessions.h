// Loading sessions.
#pragma once

#include <functional>

#include "base/result.h"
#include "capi/handles.h"

namespace sardonyx::capi {

using LoadModel = std::function<Result<Session>(const SessionOptions&)>;

// Checks the options, loads, and says what there is to say to the logger. container: null, or what
// the session shares weights by.
Result<void> open_session(const OrtEnv* env, const OrtSessionOptions* options,
                          const LoadModel& load, OrtSession** out,
                          const OrtPrepackedWeightsContainer* container = nullptr);

LoadModel load_file(const ORTCHAR_T* path);

// The bytes are copied: the caller's may go away.
LoadModel load_bytes(const void* data, size_t size);

}  // namespace sardonyx::capi
