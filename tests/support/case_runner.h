// Runs one case: the rule with concrete and symbolic dims, then every kernel candidate on every
// tier with 1 and 3 threads, then the row as a whole model. Entry point: run_case.
#pragma once

#include <optional>
#include <string>

#include "tests/support/case_file.h"

namespace sardonyx {

// Nothing when the row holds; otherwise what went wrong.
std::optional<std::string> run_case(const Case& row);

}  // namespace sardonyx
