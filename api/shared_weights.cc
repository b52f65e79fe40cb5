// See api/shared_weights.h.
#include "api/shared_weights.h"

#include <cstring>
#include <string_view>

#include "base/rebuilt.h"
#include "sardonyx/sardonyx.h"

namespace sardonyx {
namespace {

constexpr size_t kLeastShared = 1024;  // bytes; below, there is nothing to gain

bool equal(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  const Reading reading_a(a), reading_b(b);
  return a.data() == b.data() || std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

Tensor shared_tensor(const Tensor& tensor, SharedWeights& shared) {
  const Reading reading(tensor);
  const std::string_view bytes(static_cast<const char*>(tensor.data()), tensor.bytes());
  const uint64_t hash = std::hash<std::string_view>()(bytes);
  const std::lock_guard lock(shared.mutex);
  const auto [begin, end] = shared.constants.equal_range(hash);
  for (auto entry = begin; entry != end; ++entry) {
    if (equal(entry->second, tensor)) return entry->second;
  }
  shared.constants.emplace(hash, tensor);
  return tensor;
}

}  // namespace

void share_constants(Graph& graph, SharedWeights& shared) {
  for (size_t id = 0; id < graph.value_count(); ++id) {
    GraphValue& value = graph.value(static_cast<ValueId>(id));
    if (!value.is_constant() || value.constant.dtype() == DType::kString) continue;
    if (value.constant.bytes() >= kLeastShared) {
      value.constant = shared_tensor(value.constant, shared);
    }
  }
}

std::shared_ptr<SharedWeights> make_shared_weights() { return std::make_shared<SharedWeights>(); }

}  // namespace sardonyx
