// Session config entries: what the keys that ONNX Runtime knows change here. Unknown keys are kept
// and change nothing. Entry points: choose_pool, flushes_denormals, check_config_entries,
// parse_affinity.
#pragma once

#include <string_view>

#include "base/result.h"
#include "sardonyx/sardonyx.h"

namespace sardonyx {

// The pool that the options ask for: theirs, one with threads of its own, or the process-wide one.
Result<std::shared_ptr<ThreadPool>> choose_pool(const SessionOptions& options);

// "1,2;3-8": the processors of each worker, counted from 0 in the result and from 1 in the text.
Result<std::vector<std::vector<int>>> parse_affinity(std::string_view text);

// Whether runs take denormals for zeros: unless they are told not to.
Result<bool> flushes_denormals(const SessionOptions& options);

// Refuses what is asked for and not there, such as a format of models.
Result<void> check_config_entries(const SessionOptions& options);

}  // namespace sardonyx
