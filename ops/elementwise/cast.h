// The conversion of Cast as steps of a program, for Cast, CastLike and what else converts.
#pragma once

#include <string_view>

#include "ops/elementwise.h"

namespace sardonyx {

struct CastMode {
  bool saturate = true;           // to float8: out of range becomes the largest number
  std::string_view round = "up";  // to float8e8m0: up, down, nearest
};

// `reg` converted to `to`, which is neither string nor packed.
Result<Reg> emit_conversion(ProgramBuilder& builder, Reg reg, DType to, const CastMode& mode);

// Cast from or to strings.
Result<std::unique_ptr<Kernel>> make_cast_strings(const KernelRequest& request);

}  // namespace sardonyx
