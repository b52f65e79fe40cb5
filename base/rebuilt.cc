// See base/rebuilt.h.
#include "base/rebuilt.h"

#include <cstring>
#include <mutex>
#include <utility>

#include "base/mapped_file.h"
#include "base/memory.h"

namespace sardonyx {
namespace {

constexpr size_t kLeastBytes = size_t{64} << 10;  // below, there is nothing to gain

struct Rebuilt {
  std::shared_ptr<void> memory;
  size_t bytes = 0;
  Rebuild rebuild;

  std::mutex mutex;
  bool there = true;
  bool kept = false;  // for good
  bool goes = false;  // with the last reader
  int readers = 0;

  // With the mutex held.
  void bring_back() {
    if (!there) rebuild(memory.get());
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

Result<Tensor> make_rebuilt(DType dtype, const Shape& shape, Rebuild rebuild) {
  Tensor tensor = TRY(Tensor::allocate(dtype, shape));
  rebuild(tensor.data());
  if (tensor.bytes() < kLeastBytes) return tensor;
  auto state = std::make_shared<Rebuilt>();
  state->memory = tensor.owner();
  state->bytes = tensor.bytes();
  state->rebuild = std::move(rebuild);
  void* data = tensor.data();
  return Tensor::wrap(dtype, shape, data, std::shared_ptr<void>(data, RebuiltOwner{state}));
}

Rebuild rebuild_of(const Tensor& tensor) {
  if (const Rebuilt* state = rebuilt(tensor); state != nullptr) return state->rebuild;
  if (!is_mapped_file(tensor.owner())) return {};
  return [tensor](void* dst) {
    std::memcpy(dst, tensor.data(), tensor.bytes());
    release_pages(tensor.owner(), tensor.data(), tensor.bytes());
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
