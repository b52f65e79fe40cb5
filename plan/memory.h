// Lifetimes → offsets: blocks that are never alive at the same step share memory.
// Entry point: place_blocks.
#pragma once

#include <cstddef>
#include <vector>

namespace sardonyx {

struct MemoryBlock {
  size_t bytes = 0;
  int first_step = 0;  // alive from before this step runs
  int last_step = 0;   // until after this step has run
  size_t offset = 0;   // the result, a multiple of 64
};

// Sets the offsets; returns the size of the memory that holds them all.
size_t place_blocks(std::vector<MemoryBlock>& blocks);

}  // namespace sardonyx
