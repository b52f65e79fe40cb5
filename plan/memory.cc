// Offset assignment by decreasing size, each block into the lowest gap among the blocks already
// placed that are alive at the same time (greedy-by-size; Pisarchyk and Lee, "Efficient Memory
// Management for Deep Neural Net Inference", 2020, section 5.2).
#include "plan/memory.h"

#include <algorithm>
#include <numeric>

namespace sardonyx {
namespace {

constexpr size_t kAlignment = 64;

size_t lowest_gap(const std::vector<MemoryBlock>& blocks, const std::vector<size_t>& by_offset,
                  const MemoryBlock& block) {
  size_t offset = 0;
  for (size_t other_index : by_offset) {
    const MemoryBlock& other = blocks[other_index];
    if (other.last_step < block.first_step || other.first_step > block.last_step) continue;
    if (other.offset >= offset + block.bytes) break;
    offset = std::max(offset, other.offset + other.bytes);
  }
  return offset;
}

}  // namespace

size_t place_blocks(std::vector<MemoryBlock>& blocks) {
  std::vector<size_t> by_size(blocks.size());
  std::iota(by_size.begin(), by_size.end(), size_t{0});
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](size_t a, size_t b) { return blocks[a].bytes > blocks[b].bytes; });
  std::vector<size_t> by_offset;
  size_t total = 0;
  for (size_t index : by_size) {
    MemoryBlock& block = blocks[index];
    block.bytes = (block.bytes + kAlignment - 1) / kAlignment * kAlignment;
    block.offset = lowest_gap(blocks, by_offset, block);
    total = std::max(total, block.offset + block.bytes);
    const auto place = std::upper_bound(
        by_offset.begin(), by_offset.end(), block.offset,
        [&](size_t offset, size_t other) { return offset < blocks[other].offset; });
    by_offset.insert(place, index);
  }
  return total;
}

}  // namespace sardonyx
