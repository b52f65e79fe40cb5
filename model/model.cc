// Lookups behind model/model.h.
#include "model/model.h"

#include <array>
#include <cstring>

#include "base/rebuilt.h"
#include "base/result.h"

namespace sardonyx {

std::string_view attr_type_name(AttrType type) {
  static constexpr std::array<std::string_view, 15> kNames = {
      "undefined",      "float",      "int",        "string",  "tensor", "graph",
      "floats",         "ints",       "strings",    "tensors", "graphs", "sparse_tensor",
      "sparse_tensors", "type_proto", "type_protos"};
  const auto index = static_cast<size_t>(type);
  return kNames[index < kNames.size() ? index : 0];
}

const AttrDef* NodeDef::find_attr(std::string_view attr_name) const {
  for (const AttrDef& attr : attrs) {
    if (attr.name == attr_name) return &attr;
  }
  return nullptr;
}

int64_t Model::opset_version(std::string_view opset_domain) const {
  for (const OpsetImport& import : opset_imports) {
    if (import.domain == opset_domain) return import.version;
  }
  return 0;
}

size_t element_alignment(DType dtype) {
  if (dtype == DType::kString) return alignof(std::string);
  const int bits = dtype_bits(dtype);
  if (dtype == DType::kComplex64) return 4;
  return bits >= 64 ? 8 : bits >= 16 ? static_cast<size_t>(bits) / 8 : 1;
}

Result<Tensor> aligned_tensor(const Tensor& tensor, Filled filled) {
  if (!tensor.has_data() || tensor.dtype() == DType::kString) return tensor;
  if (reinterpret_cast<uintptr_t>(tensor.data()) % element_alignment(tensor.dtype()) == 0) {
    return tensor;
  }
  if (const Rebuild copy = rebuild_of(tensor)) {
    return make_rebuilt(tensor.dtype(), tensor.shape(), copy, filled);
  }
  Tensor copy = TRY(Tensor::allocate(tensor.dtype(), tensor.shape()));
  std::memcpy(copy.data(), tensor.data(), tensor.bytes());
  return copy;
}

std::string in_quotes(std::string_view name) {
  constexpr size_t kShown = 120;
  if (name.size() <= kShown) return fmt::format("'{}'", name);
  return fmt::format("'{}...' ({} bytes)", name.substr(0, kShown), name.size());
}

}  // namespace sardonyx
