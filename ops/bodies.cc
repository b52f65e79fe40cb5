// See ops/bodies.h.
#include "ops/bodies.h"

#include <cstring>

namespace sardonyx {

Result<std::vector<Value>> Body::run(const RunArgs& args, std::span<const Value> inputs) const {
  std::vector<Value> captures;
  for (size_t i = 0; i < capture_count; ++i) {
    captures.push_back(args.input_value(first_capture + i));
  }
  return runner->run(inputs, captures);
}

Body body_of(const KernelRequest& request, std::string_view attr) {
  Body body;
  body.runner = request.runner(attr);
  body.first_capture = request.node.inputs.size();
  for (const auto& [name, value] : request.node.attrs) {
    const auto* subgraph = std::get_if<Subgraph>(&value);
    if (subgraph == nullptr) continue;
    body.capture_count = subgraph->captures.size();
    if (name == attr) break;
    body.first_capture += body.capture_count;
  }
  return body;
}

void report_error(RunArgs& args, Error error) {
  if (!args.failed()) *args.error = std::move(error);
}

Result<Value> own_value(const Value& value) {
  if (!value.is_tensor() || value.tensor().owner() != nullptr) return value;
  const Tensor& tensor = value.tensor();
  Tensor copy = TRY(Tensor::allocate(tensor.dtype(), tensor.shape()));
  copy_elements(tensor.view(), copy.view());
  return Value(std::move(copy));
}

ValueType without_dims(ValueType type) {
  type.dims.reset();
  if (type.element) type.element = std::make_shared<const ValueType>(without_dims(*type.element));
  return type;
}

ValueType either_type(const ValueType& a, const ValueType& b) {
  if (a.kind != b.kind) return {};
  ValueType type = a;
  if (a.element && b.element) {
    type.element = std::make_shared<const ValueType>(either_type(*a.element, *b.element));
  } else {
    type.element = nullptr;
  }
  if (a.dtype != b.dtype) type.dtype = DType::kUndefined;
  if (!a.has_rank() || !b.has_rank() || a.dims->size() != b.dims->size()) {
    type.dims.reset();
    return type;
  }
  for (size_t i = 0; i < a.dims->size(); ++i) {
    if (!((*a.dims)[i] == (*b.dims)[i])) (*type.dims)[i] = Dim::unknown();
  }
  return type;
}

namespace {

Shape empty_piece_shape(const ValueType& type, int64_t axis) {
  Shape shape;
  if (!type.has_rank()) return shape;
  for (size_t i = 0; i < type.dims->size(); ++i) {
    if (static_cast<int64_t>(i) == axis) continue;
    const Dim& dim = (*type.dims)[i];
    shape.push_back(dim.is_constant() ? dim.value() : 0);
  }
  return shape;
}

}  // namespace

void copy_run(const TensorView& src, int64_t from, const TensorView& dst, int64_t to,
              int64_t count) {
  const int64_t bits = dtype_bits(src.dtype);
  if (!dtype_is_sub_byte(src.dtype)) {
    const auto at = [&](const TensorView& view, int64_t element) {
      const size_t bytes = dtype_bytes(view.dtype, static_cast<size_t>(element));
      return TensorView{view.dtype, Shape{count}, static_cast<char*>(view.data) + bytes};
    };
    return copy_elements(at(src, from), at(dst, to));
  }
  // Neighbours share a byte: the first in its low bits.
  const auto mask = static_cast<uint8_t>((1 << bits) - 1);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t src_bit = (from + i) * bits;
    const int64_t dst_bit = (to + i) * bits;
    const int element = src.as<const uint8_t>()[src_bit / 8] >> (src_bit % 8) & mask;
    uint8_t& byte = dst.as<uint8_t>()[dst_bit / 8];
    byte = static_cast<uint8_t>((byte & ~(mask << (dst_bit % 8))) | element << (dst_bit % 8));
  }
}

Result<Tensor> stack(std::span<const Value> pieces, const ValueType& type, int64_t axis) {
  DType dtype = type.dtype;
  Shape piece_shape;
  if (pieces.empty()) {
    if (axis < 0 && type.has_rank()) axis += static_cast<int64_t>(type.dims->size());
    piece_shape = empty_piece_shape(type, axis);
  } else {
    piece_shape = pieces.front().tensor().shape();
    dtype = pieces.front().tensor().dtype();
    if (axis < 0) axis += static_cast<int64_t>(piece_shape.rank()) + 1;
  }
  if (axis < 0 || axis > static_cast<int64_t>(piece_shape.rank())) {
    return fail(Code::kInvalidArgument, "axis {} is outside of a stack of rank {}", axis,
                piece_shape.rank() + 1);
  }
  const auto at = static_cast<size_t>(axis);
  Shape shape = piece_shape;
  shape.insert(at, static_cast<int64_t>(pieces.size()));
  Tensor stacked = TRY(Tensor::allocate(dtype, shape));
  const int64_t rows = piece_shape.count(0, at);
  const int64_t run = piece_shape.count(at, piece_shape.rank());
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Tensor& piece = pieces[i].tensor();
    if (piece.shape() != piece_shape || piece.dtype() != dtype) {
      return fail(Code::kFail, "iteration {} gave a scan output of shape {}, the first gave {}", i,
                  piece.shape().to_string(), piece_shape.to_string());
    }
    const auto count = static_cast<int64_t>(pieces.size());
    for (int64_t row = 0; row < rows; ++row) {
      copy_run(piece.view(), row * run, stacked.view(),
               (row * count + static_cast<int64_t>(i)) * run, run);
    }
  }
  return stacked;
}

}  // namespace sardonyx
