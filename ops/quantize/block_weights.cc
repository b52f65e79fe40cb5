#include "ops/quantize/block_weights.h"

#include <algorithm>

namespace sardonyx {

int BlockWeights::code(int64_t row, int64_t at) const {
  const int64_t index = flat ? row * depth + at : at;
  const uint8_t* from = flat ? codes : codes + row * row_bytes();
  if (bits == 8) return from[index];
  const int per_byte = 8 / bits;
  int place = static_cast<int>(index % per_byte);
  if (high_first) place = per_byte - 1 - place;
  return (from[index / per_byte] >> (place * bits)) & ((1 << bits) - 1);
}

void BlockWeights::decode(int64_t row, float* dst) const {
  const bool plain =
      block_of == nullptr && block_size % 2 == 0 && (!flat || depth % block_size == 0);
  if (bits == 4 && plain) {
    const int64_t whole = flat ? depth / 2 : row_bytes();
    const uint8_t* from = codes + row * whole;
    for (int64_t k = 0, b = 0; k < depth; k += block_size, ++b) {
      const int64_t block = row * blocks_per_row() + b;
      const float zero = zeros == nullptr ? 0 : zeros[block];
      const int64_t count = std::min(block_size, depth - k);
      kernels->expand(from + k / 2, count / 2 * 2, table.data(), zero, scales[block], high_first,
                      dst + k);
      if (count % 2 != 0) {
        const auto last = static_cast<size_t>(code(row, k + count - 1));
        dst[k + count - 1] = (table[last] - zero) * scales[block];
      }
    }
    return;
  }
  if (bits == 8 && block_of == nullptr && !flat) {
    const uint8_t* from = codes + row * row_bytes();
    for (int64_t k = 0, b = 0; k < depth; k += block_size, ++b) {
      const int64_t block = row * blocks_per_row() + b;
      const float shift = table[0] - (zeros == nullptr ? 0 : zeros[block]);
      kernels->expand_bytes(from + k, std::min(block_size, depth - k), shift, scales[block],
                            dst + k);
    }
    return;
  }
  for (int64_t k = 0; k < depth; ++k) {
    const int64_t own = block_of != nullptr ? block_of[k] : k / block_size;
    const int64_t block = flat ? (row * depth + k) / block_size : row * blocks_per_row() + own;
    const float zero = zeros == nullptr ? 0 : zeros[block];
    dst[k] = (table[static_cast<size_t>(code(row, k))] - zero) * scales[block];
  }
}

bool BlockWeights::can_dot() const {
  return bits == 4 && block_of == nullptr && block_size % 32 == 0 &&
         (!flat || depth % block_size == 0);
}

void BlockWeights::sort(const float* src, float* space, float* dst) const {
  std::fill(std::copy_n(src, depth, space), space + sorted_count(), 0.0f);
  kernels->sort(space, sorted_count(), dst);
  if (!high_first) return;
  for (int64_t i = 0; i < sorted_count(); i += 32) {
    std::swap_ranges(dst + i, dst + i + 16, dst + i + 16);
  }
}

NBitsRow BlockWeights::row(int64_t row) const {
  NBitsRow part;
  part.codes = codes + row * row_bytes();
  part.blocks = blocks_per_row();
  part.block_size = block_size;
  part.scales = scales + row * part.blocks;
  part.zeros = zeros == nullptr ? nullptr : zeros + row * part.blocks;
  return part;
}

float BlockWeights::dot(int64_t row, const float* sorted) const {
  return kernels->dot(this->row(row), table.data(), sorted);
}

}  // namespace sardonyx
