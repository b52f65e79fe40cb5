// Constructors, names and merging of value types.
#include "graph/type.h"

#include <algorithm>

namespace sardonyx {

ValueType ValueType::tensor(DType dtype) {
  ValueType type;
  type.kind = Kind::kTensor;
  type.dtype = dtype;
  return type;
}

ValueType ValueType::tensor(DType dtype, Dims dims) {
  ValueType type = tensor(dtype);
  type.dims = std::move(dims);
  return type;
}

ValueType ValueType::sequence(ValueType element) {
  ValueType type;
  type.kind = Kind::kSequence;
  type.element = std::make_shared<const ValueType>(std::move(element));
  return type;
}

ValueType ValueType::optional(ValueType element) {
  ValueType type = sequence(std::move(element));
  type.kind = Kind::kOptional;
  return type;
}

ValueType ValueType::map(DType key, ValueType value) {
  ValueType type = sequence(std::move(value));
  type.kind = Kind::kMap;
  type.dtype = key;
  return type;
}

bool ValueType::is_concrete() const {
  return is_tensor() && dtype != DType::kUndefined && has_rank() &&
         std::all_of(dims->begin(), dims->end(),
                     [](const Dim& dim) { return dim.is_constant() && dim.value() >= 0; });
}

std::string ValueType::onnx_name() const {
  const std::string inner = element ? element->onnx_name() : "";
  const std::string name(dtype_onnx_name(dtype));
  switch (kind) {
    case Kind::kUnknown:
      return "unknown";
    case Kind::kTensor:
      return "tensor(" + name + ")";
    case Kind::kSparse:
      return "sparse_tensor(" + name + ")";
    case Kind::kSequence:
      return "seq(" + inner + ")";
    case Kind::kMap:
      return "map(" + name + "," + inner + ")";
    case Kind::kOptional:
      return "optional(" + inner + ")";
    case Kind::kOpaque:
      return "opaque";
  }
  return "unknown";
}

std::string ValueType::to_string() const {
  const std::string inner = element ? element->to_string() : "";
  const std::string name(dtype_name(dtype));
  const std::string shape = has_rank() ? sardonyx::to_string(*dims) : "?";
  switch (kind) {
    case Kind::kUnknown:
      return "unknown";
    case Kind::kTensor:
      return name + " " + shape;
    case Kind::kSparse:
      return "sparse " + name + " " + shape;
    case Kind::kSequence:
      return "sequence of " + inner;
    case Kind::kMap:
      return "map of " + name + " to " + inner;
    case Kind::kOptional:
      return "optional " + inner;
    case Kind::kOpaque:
      return "opaque";
  }
  return "unknown";
}

namespace {

// 0: nothing known, 1: an expression or symbol, 2: a number.
int precision(const Dim& dim) { return dim.is_constant() ? 2 : dim.is_unknown() ? 0 : 1; }

}  // namespace

ValueType merge_types(const ValueType& first, const ValueType& second) {
  if (first.kind == ValueType::Kind::kUnknown) return second;
  if (first.kind != second.kind) return first;
  ValueType merged = first;
  if (merged.dtype == DType::kUndefined) merged.dtype = second.dtype;
  if (!merged.dims) {
    merged.dims = second.dims;
  } else if (second.dims && second.dims->size() == merged.dims->size()) {
    for (size_t i = 0; i < merged.dims->size(); ++i) {
      Dim& dim = (*merged.dims)[i];
      if (precision((*second.dims)[i]) > precision(dim)) dim = (*second.dims)[i];
    }
  }
  if (!merged.element) {
    merged.element = second.element;
  } else if (second.element) {
    merged.element =
        std::make_shared<const ValueType>(merge_types(*first.element, *second.element));
  }
  return merged;
}

}  // namespace sardonyx
