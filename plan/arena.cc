// Blocks of run memory; see plan/arena.h.
#include "plan/arena.h"

#include <algorithm>

#include "base/memory.h"

namespace sardonyx {

Result<ArenaPool::Block> ArenaPool::take(size_t bytes) {
  if (bytes == 0) return Block{};
  bytes = (bytes + kMemoryAlignment - 1) / kMemoryAlignment * kMemoryAlignment;
  const std::lock_guard lock(mutex_);
  auto best = free_.end();
  for (auto it = free_.begin(); it != free_.end(); ++it) {
    if (it->bytes >= bytes && (best == free_.end() || it->bytes < best->bytes)) best = it;
  }
  if (best != free_.end()) {
    Block block = std::move(*best);
    free_.erase(best);
    return block;
  }
  // The free blocks are all too small for the plans that run now: let the largest one go, so that
  // growing shapes do not leave a trail.
  if (!free_.empty()) {
    const auto largest = std::max_element(
        free_.begin(), free_.end(), [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
    used_ -= largest->bytes;
    free_.erase(largest);
  }
  if (limit_ != 0 && (bytes > limit_ || used_ > limit_ - bytes)) {
    return fail(Code::kRuntimeException,
                "memory limit of {} bytes: {} more are needed for activations, {} are in use",
                limit_, bytes, used_);
  }
  std::shared_ptr<void> memory =
      source_ ? source_(bytes) : allocate_memory(bytes, Contents::kUndefined);
  if (memory == nullptr) {
    return fail(Code::kRuntimeException, "out of memory: activations need {} bytes", bytes);
  }
  used_ += bytes;
  return Block{std::move(memory), bytes};
}

void ArenaPool::give(Block block) {
  if (block.memory == nullptr) return;
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(block));
}

// One that fits, or nearly so; what was given last may still be in a cache.
ArenaPool::Block ArenaPool::take_spare(Spares& spares, size_t bytes) {
  const std::lock_guard lock(spares.mutex);
  for (auto block = spares.blocks.rbegin(); block != spares.blocks.rend(); ++block) {
    if (block->bytes < bytes || block->bytes - bytes > bytes / 4) continue;
    Block taken = std::move(*block);
    spares.blocks.erase(std::next(block).base());
    return taken;
  }
  return {};
}

void ArenaPool::give_spare(Spares& spares, Block block) {
  constexpr size_t kMostBytes = size_t{128} << 20;
  constexpr size_t kMostBlocks = 8;
  std::vector<Block> leaving;  // freed without the lock
  const std::lock_guard lock(spares.mutex);
  spares.blocks.push_back(std::move(block));
  size_t bytes = 0;
  for (const Block& each : spares.blocks) bytes += each.bytes;
  while (spares.blocks.size() > kMostBlocks || bytes > kMostBytes) {
    bytes -= spares.blocks.front().bytes;
    leaving.push_back(std::move(spares.blocks.front()));
    spares.blocks.erase(spares.blocks.begin());
  }
}

Result<Tensor> ArenaPool::make_result(DType dtype, const Shape& shape) const {
  constexpr size_t kLarge = size_t{32} << 10;
  const auto count = shape.checked_count();
  if (dtype == DType::kString || !count) return Tensor::allocate(dtype, shape);
  const size_t bytes = dtype_bytes(dtype, static_cast<size_t>(*count));
  Block block;
  if (bytes >= kLarge) block = take_spare(*spares_, bytes);
  if (block.memory == nullptr) {
    block.bytes = std::max<size_t>(bytes, 1);
    block.memory =
        source_ ? source_(block.bytes) : allocate_memory(block.bytes, Contents::kUndefined);
  }
  if (block.memory == nullptr) {
    return fail(Code::kRuntimeException, "out of memory: a result needs {} bytes", bytes);
  }
  void* data = block.data();
  if (bytes < kLarge) return Tensor::wrap(dtype, shape, data, std::move(block.memory));
  const auto let_go = [spares = std::weak_ptr(spares_), block = std::move(block)](void*) mutable {
    if (const auto pool = spares.lock()) give_spare(*pool, std::move(block));
  };
  return Tensor::wrap(dtype, shape, data, std::shared_ptr<void>(data, let_go));
}

Result<void> ArenaPool::reserve(size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (limit_ != 0 && (bytes > limit_ || used_ > limit_ - bytes)) {
    return fail(Code::kRuntimeException,
                "memory limit of {} bytes: {} more are needed, {} are in use", limit_, bytes,
                used_);
  }
  used_ += bytes;
  return {};
}

void ArenaPool::release(size_t bytes) {
  const std::lock_guard lock(mutex_);
  used_ -= bytes;
}

size_t ArenaPool::used_bytes() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

}  // namespace sardonyx
