// Profiles as files: the steps of profiled runs as Chrome trace events, with the names that ONNX
// Runtime's profiles use, so that its readers and chrome://tracing take them.
// Entry points: profile_json, write_profile.
#pragma once

#include <span>
#include <string>

#include "sardonyx/sardonyx.h"

namespace sardonyx {

// A JSON array of complete events ("ph": "X"), times in microseconds since the session was made.
SARDONYX_API std::string profile_json(std::span<const StepTime> steps);

// Writes profile_json() to "<prefix>_2026-01-31_23-59-59_999.json", the local time with
// milliseconds (and a number where that exists), as ONNX Runtime names it, and returns the name.
// Fails when the file cannot be written.
SARDONYX_API Result<std::string> write_profile(std::span<const StepTime> steps,
                                               const std::string& prefix);

}  // namespace sardonyx
