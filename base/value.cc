// Constructors of run-time values.
#include "base/value.h"

namespace sardonyx {

Value Value::sparse(SparseTensor sparse) {
  Value value;
  value.kind_ = Kind::kSparse;
  value.contents_ = std::make_shared<const SparseTensor>(std::move(sparse));
  return value;
}

Value Value::sequence(std::vector<Value> items, DType element) {
  Value value;
  value.kind_ = Kind::kSequence;
  value.contents_ = std::make_shared<const ValueList>(ValueList{std::move(items), element});
  return value;
}

Value Value::map(Tensor keys, Tensor values) {
  Value value;
  value.kind_ = Kind::kMap;
  value.contents_ = std::make_shared<const MapValue>(MapValue{std::move(keys), std::move(values)});
  return value;
}

Value Value::optional() {
  Value value;
  value.kind_ = Kind::kOptional;
  value.contents_ = std::make_shared<const ValueList>();
  return value;
}

Value Value::optional(Value inner) {
  Value value;
  value.kind_ = Kind::kOptional;
  value.contents_ =
      std::make_shared<const ValueList>(ValueList{{std::move(inner)}, DType::kUndefined});
  return value;
}

}  // namespace sardonyx
