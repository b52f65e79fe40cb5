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

Result<Tensor> ArenaPool::make_result(DType dtype, const Shape& shape) const {
  if (!source_ || dtype == DType::kString) return Tensor::allocate(dtype, shape);
  const size_t bytes = dtype_bytes(dtype, static_cast<size_t>(shape.count()));
  std::shared_ptr<void> memory = source_(std::max<size_t>(bytes, 1));
  if (memory == nullptr) {
    return fail(Code::kRuntimeException, "out of memory: a result needs {} bytes", bytes);
  }
  void* data = memory.get();
  return Tensor::wrap(dtype, shape, data, std::move(memory));
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
