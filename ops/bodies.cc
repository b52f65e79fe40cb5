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

Result<void> check_whole_bytes(DType dtype, int64_t count) {
  if (!dtype_is_sub_byte(dtype) || count * dtype_bits(dtype) % 8 == 0) return {};
  return fail(Code::kNotImplemented,
              "cannot cut {} elements of {} apart: they share a byte with others", count,
              dtype_name(dtype));
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
  const Shape run_shape{piece_shape.count(at, piece_shape.rank())};
  TRY(check_whole_bytes(dtype, run_shape.count()));
  const size_t run_bytes = dtype_bytes(dtype, static_cast<size_t>(run_shape.count()));
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Tensor& piece = pieces[i].tensor();
    if (piece.shape() != piece_shape || piece.dtype() != dtype) {
      return fail(Code::kFail, "iteration {} gave a scan output of shape {}, the first gave {}", i,
                  piece.shape().to_string(), piece_shape.to_string());
    }
    for (int64_t row = 0; row < rows; ++row) {
      const auto from = static_cast<size_t>(row) * run_bytes;
      const auto to = (static_cast<size_t>(row) * pieces.size() + i) * run_bytes;
      copy_elements({dtype, run_shape, piece.as<char>() + from},
                    {dtype, run_shape, stacked.as<char>() + to});
    }
  }
  return stacked;
}

}  // namespace sardonyx
