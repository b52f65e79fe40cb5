// See base/rebuilt.h.
#include "base/rebuilt.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

#include "base/mapped_file.h"
#include "base/memory.h"

namespace sardonyx {
namespace {

constexpr size_t kLeastBytes = size_t{64} << 10;  // below, there is nothing to gain

// Where there is AddressSanitizer, it finds who reads bytes that are not there.
#if defined(__SANITIZE_ADDRESS__)
void forbid(const void* data, size_t bytes) { __asan_poison_memory_region(data, bytes); }
void allow(const void* data, size_t bytes) { __asan_unpoison_memory_region(data, bytes); }
#else
void forbid(const void*, size_t) {}
void allow(const void*, size_t) {}
#endif

struct Rebuilt {
  std::shared_ptr<void> memory;
  size_t bytes = 0;
  Rebuild rebuild;

  std::mutex mutex;
  bool there = true;
  bool kept = false;  // for good
  bool goes = false;  // with the last reader
  int readers = 0;

  ~Rebuilt() { allow(memory.get(), bytes); }

  // With the mutex held.
  void bring_back() {
    if (there) return;
    allow(memory.get(), bytes);
    rebuild(memory.get());
    there = true;
  }
};

// The deleter of the owner, by which it is recognized.
struct RebuiltOwner {
  std::shared_ptr<Rebuilt> state;
  void operator()(void*) { state.reset(); }
};

Rebuilt* rebuilt(const Tensor& tensor) {
  const RebuiltOwner* owner = std::get_deleter<RebuiltOwner>(tensor.owner());
  if (owner == nullptr || tensor.data() != owner->state->memory.get()) return nullptr;
  return owner->state.get();
}

}  // namespace

Result<Tensor> make_rebuilt(DType dtype, const Shape& shape, Rebuild rebuild, Filled filled) {
  const auto count = static_cast<size_t>(shape.checked_count().value_or(0));
  const size_t bytes = dtype == DType::kString ? 0 : dtype_bytes(dtype, count);
  if (bytes < kLeastBytes) {
    Tensor tensor = TRY(Tensor::allocate(dtype, shape));
    rebuild(tensor.data());
    return tensor;
  }
  auto state = std::make_shared<Rebuilt>();
  state->memory = allocate_memory(bytes, Contents::kUndefined);
  if (state->memory == nullptr) {
    return fail(Code::kRuntimeException, "out of memory: a {} tensor of shape {} needs {} bytes",
                dtype_name(dtype), shape.to_string(), bytes);
  }
  state->bytes = bytes;
  state->rebuild = std::move(rebuild);
  state->there = false;
  forbid(state->memory.get(), bytes);
  if (filled == Filled::kNow) state->bring_back();
  void* data = state->memory.get();
  return Tensor::wrap(dtype, shape, data, std::shared_ptr<void>(data, RebuiltOwner{state}));
}

Rebuild rebuild_of(const Tensor& tensor) {
  if (const Rebuilt* state = rebuilt(tensor); state != nullptr) return state->rebuild;
  if (!is_mapped_file(tensor.owner())) return {};
  return [tensor](void* dst) {
    // Piece by piece, so that not all of it is in memory twice.
    constexpr size_t kPiece = size_t{1} << 20;
    for (size_t at = 0; at < tensor.bytes(); at += kPiece) {
      const size_t bytes = std::min(kPiece, tensor.bytes() - at);
      const std::byte* from = static_cast<const std::byte*>(tensor.data()) + at;
      std::memcpy(static_cast<std::byte*>(dst) + at, from, bytes);
      release_pages(tensor.owner(), from, bytes);
    }
    release_pages(tensor.owner());  // the system brings in pages beside those that are touched
  };
}

Reading::Reading(const Tensor& tensor) : tensor_(tensor) {
  Rebuilt* state = rebuilt(tensor_);
  if (state == nullptr) return;
  const std::lock_guard lock(state->mutex);
  let_go_ = !state->there;
  state->bring_back();
  ++state->readers;
}

Reading::~Reading() {
  Rebuilt* state = rebuilt(tensor_);
  if (state == nullptr) {
    if (let_go_) release_pages(tensor_.owner(), tensor_.data(), tensor_.bytes());
    return;
  }
  const std::lock_guard lock(state->mutex);
  state->goes |= let_go_;
  if (--state->readers != 0 || !state->goes || state->kept) return;
  let_pages_go(state->memory.get(), state->bytes);
  forbid(state->memory.get(), state->bytes);
  state->there = state->goes = false;
}

void keep_bytes(const Tensor& tensor) {
  Rebuilt* state = rebuilt(tensor);
  if (state == nullptr) return;
  const std::lock_guard lock(state->mutex);
  state->kept = true;
  state->bring_back();
}

}  // namespace sardonyx
