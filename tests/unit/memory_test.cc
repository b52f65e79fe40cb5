// The memory plan: blocks that are alive at the same step never overlap, for random lifetimes. The
// memory of results: it serves again when nobody holds it any more, and not before.
#include "plan/memory.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <random>

#include "plan/arena.h"

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
  blocks.reserve(10);
  for (int step = 0; step < 10; ++step) blocks.push_back({640, step, step + 1, 0});
  EXPECT_EQ(place_blocks(blocks), 1280u);
}

const Shape kLargeResult{1 << 20};

TEST(MakeResult, TakesTheMemoryThatWasLetGo) {
  const ArenaPool pool(0);
  std::optional<Tensor> first = pool.make_result(DType::kFloat32, kLargeResult).value();
  const Tensor second = pool.make_result(DType::kFloat32, kLargeResult).value();
  const void* memory = first->data();
  EXPECT_NE(second.data(), memory);
  Tensor held = *first;
  first.reset();
  EXPECT_NE(pool.make_result(DType::kFloat32, kLargeResult).value().data(), memory);
  held = Tensor();
  EXPECT_EQ(pool.make_result(DType::kFloat32, Shape{(1 << 20) - 100}).value().data(), memory);
  EXPECT_NE(pool.make_result(DType::kFloat32, Shape{1 << 19}).value().data(), memory);
  EXPECT_EQ(pool.make_result(DType::kInt32, kLargeResult).value().data(), memory);
}

TEST(MakeResult, KeepsAFewResultsAndOutlivesThePool) {
  int allocated = 0, freed = 0;
  auto pool = std::make_unique<ArenaPool>(0, [&](size_t bytes) {
    ++allocated;
    return std::shared_ptr<void>(std::malloc(bytes), [&](void* memory) {
      ++freed;
      std::free(memory);
    });
  });
  std::vector<Tensor> results;
  results.reserve(10);
  for (int i = 0; i < 10; ++i) {
    results.push_back(pool->make_result(DType::kFloat32, kLargeResult).value());
  }
  EXPECT_EQ(allocated, 10);
  const Tensor last = results.back();
  results.clear();
  EXPECT_EQ(freed, 1);  // eight are kept, and one is held
  pool.reset();
  EXPECT_EQ(freed, 9);
  last.as<float>()[(1 << 20) - 1] = 1;
  EXPECT_EQ(last.as<float>()[(1 << 20) - 1], 1);
}

}  // namespace
}  // namespace sardonyx
