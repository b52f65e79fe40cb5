// What kernels call while they run, and the cache of packed weights.
#include "ops/kernel.h"

#include <map>
#include <mutex>

#include "base/memory.h"
#include "base/rebuilt.h"

namespace sardonyx {

Value RunArgs::input_value(size_t index) const {
  if (input_values[index] != nullptr) return *input_values[index];
  const TensorView& view = inputs[index];
  if (view.dtype == DType::kUndefined) return Value();
  return Tensor::wrap(view.dtype, view.shape, view.data, nullptr);
}

TensorView RunArgs::allocate(size_t index, DType dtype, const Shape& shape) {
  if (output_values[index] == nullptr) return outputs[index];
  auto tensor = Tensor::allocate(dtype, shape);
  if (!tensor) {
    if (!failed()) *error = std::move(tensor.error());
    return TensorView{dtype, Shape{0}, nullptr};
  }
  outputs[index] = tensor->view();
  *output_values[index] = Value(std::move(*tensor));
  return outputs[index];
}

void RunArgs::set_value(size_t index, Value value) { *output_values[index] = std::move(value); }

void RunArgs::report(Code code, std::string message) {
  if (!failed()) *error = Error{code, std::move(message), std::string()};
}

struct WeightCache::State {
  struct Entry {
    Tensor source;
    std::shared_ptr<void> made;
  };
  std::mutex mutex;
  std::map<std::pair<const void*, std::string>, Entry> entries;
};

WeightCache::WeightCache() : state_(std::make_unique<State>()) {}
WeightCache::~WeightCache() = default;

std::shared_ptr<void> WeightCache::get(const Tensor& source, const std::string& tag,
                                       const std::function<std::shared_ptr<void>()>& make) {
  const std::lock_guard lock(state_->mutex);
  auto& entry = state_->entries[{source.data(), tag}];
  if (entry.made == nullptr) {
    Reading reading(source);
    entry = {source, make()};
    reading.let_go();
  }
  return entry.made;
}

// Weights of a few hundred KB lie together in huge pages: reading them in pages of 4 KB costs a
// transformer 5% of its time.
std::shared_ptr<void> WeightCache::allocate(size_t bytes) {
  constexpr size_t kChunk = size_t{16} << 20;
  static std::mutex mutex;
  static std::weak_ptr<void> current;  // lives as long as what lies in it
  static size_t used = 0;
  bytes = (bytes + kMemoryAlignment) / kMemoryAlignment * kMemoryAlignment;
  if (bytes > kChunk / 2) return allocate_memory(bytes, Contents::kUndefined);
  const std::lock_guard lock(mutex);
  std::shared_ptr<void> chunk = current.lock();
  if (chunk == nullptr || used + bytes > kChunk) {
    chunk = allocate_memory(kChunk, Contents::kUndefined);
    if (chunk == nullptr) return nullptr;
    current = chunk;
    used = 0;
  }
  void* data = static_cast<std::byte*>(chunk.get()) + used;
  used += bytes;
  return {std::move(chunk), data};
}

}  // namespace sardonyx
