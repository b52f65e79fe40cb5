// spread_codes: codes of less than 8 bits, several in a byte, one to an element, in terms of other
// operators.
#pragma once

#include "ops/contrib/lowering.h"

namespace sardonyx {

// 8-bit numbers that hold `8 / bits` codes each, the first one in the lowest bits, spread along the
// last of `rank` axes.
ValueId spread_codes(Lowering& to, ValueId bytes, int64_t bits, int64_t rank);

}  // namespace sardonyx
