// A case as a whole model of one node: written, read, built, optimised, planned and run, as a user
// would. Entry point: run_as_model.
#pragma once

#include <vector>

#include "tests/support/case_file.h"

namespace sardonyx {

// How the inputs of the model are declared.
enum class CaseInputs : uint8_t {
  kConcrete,      // with the dims of the row
  kSymbolic,      // with a symbol for every dim
  kInitializers,  // tensors of at most 16 integers are initializers, the rest has no shape
  kUndeclared,    // with their dtypes alone
};

// The results in the order of the row; Kind::kNone where nobody asks.
Result<std::vector<Value>> run_as_model(const Case& row, CaseInputs style, int threads);

}  // namespace sardonyx
