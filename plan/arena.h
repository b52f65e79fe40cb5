// ArenaPool: the memory runs work in. A run takes one block per plan, sized by the plan, and gives
// it back; the pool keeps as many blocks as ran at once and lets smaller ones go when a bigger one
// is needed, so that memory stays bounded by the largest plan. Entry points: take, give.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"

namespace sardonyx {

class ArenaPool {
 public:
  // limit: most bytes that blocks may take together; 0: none.
  explicit ArenaPool(size_t limit) : limit_(limit) {}

  struct Block {
    std::shared_ptr<void> memory;
    size_t bytes = 0;
    void* data() const { return memory.get(); }
  };
  // A 64-byte aligned block of at least this size; empty for 0 bytes.
  Result<Block> take(size_t bytes);
  void give(Block block);
  // Counts bytes that live outside blocks (packed weights, results) against the limit.
  Result<void> reserve(size_t bytes);
  void release(size_t bytes);
  size_t used_bytes() const;

 private:
  const size_t limit_;
  mutable std::mutex mutex_;
  std::vector<Block> free_;
  size_t used_ = 0;  // blocks (free or taken) and reservations
};

}  // namespace sardonyx
