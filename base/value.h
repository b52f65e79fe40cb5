// Value: anything an ONNX model takes or gives at run time: tensor, sparse tensor, sequence, map,
// optional. Cheap to copy (shared ownership of the contents).
#pragma once

#include <memory>
#include <vector>

#include "base/tensor.h"

namespace sardonyx {

struct SparseTensor {  // COO: indices are [nnz] (linear) or [nnz, rank], int64
  Shape dense_shape;
  Tensor values;
  Tensor indices;
};

class Value;
struct ValueList;

struct MapValue {  // keys[i] -> values item i; keys is an int64 or string tensor of rank 1
  Tensor keys;
  Tensor values;
};

class SARDONYX_API Value {
 public:
  enum class Kind : uint8_t { kNone, kTensor, kSparse, kSequence, kMap, kOptional };

  Value() = default;
  Value(Tensor tensor) : kind_(Kind::kTensor), tensor_(std::move(tensor)) {}
  static Value sparse(SparseTensor sparse);
  static Value sequence(std::vector<Value> items, DType element = DType::kUndefined);
  static Value map(Tensor keys, Tensor values);
  static Value optional();             // empty optional
  static Value optional(Value inner);  // optional that has a value

  Kind kind() const { return kind_; }
  bool is_tensor() const { return kind_ == Kind::kTensor; }
  const Tensor& tensor() const { return tensor_; }
  Tensor& tensor() { return tensor_; }
  const SparseTensor& sparse() const { return of<SparseTensor>(); }
  const std::vector<Value>& items() const;  // of a sequence
  DType element_dtype() const;              // of a sequence: its declared element dtype
  const MapValue& map() const { return of<MapValue>(); }
  bool has_value() const;      // false only for an empty optional
  const Value& inner() const;  // of a non-empty optional

 private:
  template <class T>
  const T& of() const {
    return *static_cast<const T*>(contents_.get());
  }

  Kind kind_ = Kind::kNone;
  Tensor tensor_;
  // What other kinds hold: ValueList, SparseTensor or MapValue. One pointer for all, because values
  // are copied and moved in every run and hardly ever hold anything but a tensor.
  std::shared_ptr<const void> contents_;
};

struct ValueList {
  std::vector<Value> items;
  DType element = DType::kUndefined;
};

inline const std::vector<Value>& Value::items() const { return of<ValueList>().items; }
inline DType Value::element_dtype() const { return of<ValueList>().element; }
inline bool Value::has_value() const {
  return kind_ != Kind::kOptional || !of<ValueList>().items.empty();
}
inline const Value& Value::inner() const { return of<ValueList>().items.front(); }

}  // namespace sardonyx
