// ValueType: what is known of a value before it exists: tensor of dtype and dims, sequence, map,
// optional, sparse tensor. Unknown parts stay unknown until inference fills them in.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/dtype.h"
#include "graph/dim.h"

namespace sardonyx {

struct ValueType {
  enum class Kind : uint8_t { kUnknown, kTensor, kSparse, kSequence, kMap, kOptional, kOpaque };

  Kind kind = Kind::kUnknown;
  DType dtype = DType::kUndefined;           // tensor, sparse: elements; map: keys
  std::optional<Dims> dims;                  // tensor, sparse: nullopt when the rank is unknown
  std::shared_ptr<const ValueType> element;  // sequence, optional: of what; map: the values

  static ValueType tensor(DType dtype);  // rank unknown
  static ValueType tensor(DType dtype, Dims dims);
  static ValueType sequence(ValueType element);
  static ValueType optional(ValueType element);
  static ValueType map(DType key, ValueType value);

  bool is_tensor() const { return kind == Kind::kTensor; }
  bool has_rank() const { return dims.has_value(); }
  // A tensor whose dtype and all dims are known.
  bool is_concrete() const;

  // "tensor(float)", "seq(tensor(int64))", "map(string,tensor(float))": ONNX's type strings.
  std::string onnx_name() const;
  // "float32 Nx3x224x224".
  std::string to_string() const;
};

// The more specific of two descriptions of one value; dims that disagree keep the first's.
ValueType merge_types(const ValueType& first, const ValueType& second);

}  // namespace sardonyx
