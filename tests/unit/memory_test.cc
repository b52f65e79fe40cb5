// The memory plan: blocks that are alive at the same step never overlap, for random lifetimes.
#include "plan/memory.h"

#include <gtest/gtest.h>

#include <random>

namespace sardonyx {
namespace {

bool alive_together(const MemoryBlock& a, const MemoryBlock& b) {
  return a.first_step <= b.last_step && b.first_step <= a.last_step;
}

TEST(PlaceBlocks, KeepsLivingBlocksApart) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<MemoryBlock> blocks(1 + random() % 60);
    for (MemoryBlock& block : blocks) {
      block.bytes = 1 + random() % 1000;
      block.first_step = static_cast<int>(random() % 40);
      block.last_step = block.first_step + static_cast<int>(random() % 10);
    }
    const size_t total = place_blocks(blocks);
    for (size_t i = 0; i < blocks.size(); ++i) {
      EXPECT_EQ(blocks[i].offset % 64, 0u);
      EXPECT_LE(blocks[i].offset + blocks[i].bytes, total);
      for (size_t j = 0; j < i; ++j) {
        if (!alive_together(blocks[i], blocks[j])) continue;
        EXPECT_TRUE(blocks[i].offset + blocks[i].bytes <= blocks[j].offset ||
                    blocks[j].offset + blocks[j].bytes <= blocks[i].offset);
      }
    }
  }
}

TEST(PlaceBlocks, ReusesMemoryInAChain) {
  std::vector<MemoryBlock> blocks;
  for (int step = 0; step < 10; ++step) blocks.push_back({640, step, step + 1, 0});
  EXPECT_EQ(place_blocks(blocks), 1280u);
}

}  // namespace
}  // namespace sardonyx
