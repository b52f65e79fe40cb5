// NumPy's .npy files to tensors and back. Our own reader: the format is a text header and the
// bytes, and no part in Debian reads it from C++ with its sizes checked.
// Entry points: read_npy, write_npy.
#pragma once

#include <filesystem>

#include "sardonyx/sardonyx.h"

namespace sardonyx::cli {

// Versions 1 to 3, little-endian numbers, booleans and fixed-width text, either memory order.
// `wanted`: the dtype that void or unsigned elements of its width are taken as (bfloat16, float8),
// since NumPy has no name for these.
Result<Tensor> read_npy(const std::filesystem::path& path, DType wanted = DType::kUndefined);

// bfloat16 and float8 are written as unsigned integers of their width, types below a byte and
// strings are refused.
Result<void> write_npy(const std::filesystem::path& path, const Tensor& tensor);

}  // namespace sardonyx::cli
