// kZeros: elements that pointers to input pixels in the padding point at.
#pragma once

#include "cpu/gemm.h"

namespace sardonyx {

template <class T>
alignas(64) inline constexpr T kZeros[kMaxChunkDepth] = {};

}  // namespace sardonyx
