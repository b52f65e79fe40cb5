// ArenaPool: the memory runs work in. A run takes one block per plan, sized by the plan, and gives
// it back; the pool keeps as many blocks as ran at once and lets smaller ones go when a bigger one
// is needed, so that memory stays bounded by the largest plan. Results that the caller has
// let go of serve the next run: fresh pages cost more than writing to old ones. Entry points: take,
// give, make_result.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "base/tensor.h"

namespace sardonyx {

class ArenaPool {
 public:
  // Memory of 64-byte alignment; null when it cannot be had.
  using Source = std::function<std::shared_ptr<void>(size_t bytes)>;
  // limit: most bytes that blocks may take together; 0: none. source: where they come from; empty:
  // base/memory.h.
  explicit ArenaPool(size_t limit, Source source = {})
      : limit_(limit), source_(std::move(source)), spares_(std::make_shared<Spares>()) {}

  struct Block {
    std::shared_ptr<void> memory;
    size_t bytes = 0;
    void* data() const { return memory.get(); }
  };
  // A 64-byte aligned block of at least this size; empty for 0 bytes.
  Result<Block> take(size_t bytes);
  void give(Block block);
  // A tensor that outlives the run, and the pool, from the same source; contents undefined but for
  // strings; not counted.
  Result<Tensor> make_result(DType dtype, const Shape& shape) const;
  // Counts bytes that live outside blocks (packed weights, results) against the limit.
  Result<void> reserve(size_t bytes);
  void release(size_t bytes);
  size_t used_bytes() const;

 private:
  // Memory of results that nobody holds any more.
  struct Spares {
    std::mutex mutex;
    std::vector<Block> blocks;  // the one that was given last is the last
  };
  static Block take_spare(Spares& spares, size_t bytes);
  static void give_spare(Spares& spares, Block block);

  const size_t limit_;
  const Source source_;
  const std::shared_ptr<Spares> spares_;
  mutable std::mutex mutex_;
  std::vector<Block> free_;
  size_t used_ = 0;  // blocks (free or taken) and reservations
};

}  // namespace sardonyx
