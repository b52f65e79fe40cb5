// Operators that make a tensor out of numbers: Constant, ConstantOfShape, Range, EyeLike.
#include <cmath>
#include <cstring>

#include "ops/cells.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

// ---- Constant: one of its attributes. A graph builder folds it; the kernel serves what is left.

Result<Tensor> constant_value(const AttrMap& attrs) {
  const auto length = [](size_t count) { return Shape{static_cast<int64_t>(count)}; };
  if (const Tensor* tensor = attrs.get_tensor("value")) return *tensor;
  if (attrs.has("value_int")) return Tensor::scalar<int64_t>(attrs.get_int("value_int"));
  if (attrs.has("value_float")) return Tensor::scalar<float>(attrs.get_float("value_float"));
  if (attrs.has("value_string")) {
    return Tensor::scalar<std::string>(attrs.get_string("value_string"));
  }
  if (attrs.has("value_ints")) {
    const auto& ints = attrs.get_ints("value_ints");
    return Tensor::from<int64_t>(length(ints.size()), ints);
  }
  if (attrs.has("value_floats")) {
    const auto& floats = attrs.get_floats("value_floats");
    return Tensor::from<float>(length(floats.size()), floats);
  }
  if (attrs.has("value_strings")) {
    const auto& strings = attrs.get_strings("value_strings");
    return Tensor::from<std::string>(length(strings.size()), strings);
  }
  return fail(Code::kInvalidGraph, "none of the value attributes is given");
}

// A sparse tensor as a dense one (spec: SparseTensorProto; indices are linear or one per axis).
Result<Tensor> dense_value(const SparseTensor& sparse) {
  if (dtype_is_sub_byte(sparse.values.dtype())) {
    return fail(Code::kInvalidGraph, "sparse_value cannot be {}",
                dtype_name(sparse.values.dtype()));
  }
  Tensor dense = TRY(Tensor::allocate(sparse.values.dtype(), sparse.dense_shape));
  const auto rank = static_cast<int64_t>(sparse.dense_shape.rank());
  const bool linear = sparse.indices.shape().rank() == 1;
  const auto* indices = sparse.indices.as<const int64_t>();
  for (int64_t i = 0; i < sparse.values.count(); ++i) {
    int64_t at = linear ? indices[i] : 0;
    for (int64_t d = 0; !linear && d < rank; ++d) {
      at = at * sparse.dense_shape[static_cast<size_t>(d)] + indices[i * rank + d];
    }
    if (at < 0 || at >= dense.count()) {
      return fail(Code::kInvalidGraph, "sparse_value has an index out of range");
    }
    with_cell(dense.dtype(),
              [&]<class T>() { dense.as<T>()[at] = sparse.values.as<const T>()[i]; });
  }
  return dense;
}

Result<Tensor> any_constant(const AttrMap& attrs) {
  if (const Attr* attr = attrs.find("sparse_value")) {
    return dense_value(std::get<SparseTensor>(*attr));
  }
  return constant_value(attrs);
}

Result<void> infer_constant(InferContext& context) {
  if (context.attrs().size() != 1) {
    return fail(Code::kInvalidGraph,
                "needs one of the attributes value, sparse_value, value_int(s), "
                "value_float(s), value_string(s); {} are given",
                context.attrs().size());
  }
  const Tensor value = TRY(any_constant(context.attrs()));
  context.set_output(0, value.dtype(), to_dims(value.shape()));
  if (value.dtype() == DType::kInt64 && value.count() <= kMaxKnownInts) {
    const auto ints = value.elements<int64_t>();
    propagate_ints(context, to_dims(value.shape()), Dims(ints.begin(), ints.end()));
  }
  return {};
}

Result<std::unique_ptr<Kernel>> make_constant(const KernelRequest& request) {
  return make_kernel([value = TRY(any_constant(request.node.attrs))](RunArgs& args) {
    const TensorView dst = args.allocate(0, value.dtype(), value.shape());
    if (!args.failed()) copy_elements(value.view(), dst);
  });
}

// ---- ConstantOfShape

Result<void> infer_constant_of_shape(InferContext& context) {
  TRY(expect_rank(context, 0, 1));
  const Tensor* value = context.attrs().get_tensor("value");
  if (value != nullptr && value->count() != 1) {
    return fail(Code::kInvalidArgument, "value has {} elements, expected 1", value->count());
  }
  const DType dtype = value == nullptr ? DType::kFloat32 : value->dtype();
  auto dims = context.ints(0);
  if (!dims) {
    if (const auto length = known_length(context, 0)) {
      context.set_output(0, dtype, unknown_dims(static_cast<size_t>(*length)));
    } else {
      context.set_output(0, dtype);
    }
    return {};
  }
  for (const Dim& dim : *dims) {
    if (dim.is_constant() && dim.value() < 0) {
      return fail(Code::kInvalidArgument, "the shape has the negative dim {}", dim.value());
    }
  }
  const Dim count = product(*dims);
  const bool integer = dtype == DType::kInt64 || dtype == DType::kInt32;
  if (integer && dims->size() <= 1 && count.is_constant() && count.value() <= kMaxKnownInts) {
    const int64_t number = IndexView(value->view())[0];
    context.set_output_ints(0, Dims(static_cast<size_t>(count.value()), number));
  }
  context.set_output(0, dtype, std::move(*dims));
  return {};
}

Result<std::unique_ptr<Kernel>> make_constant_of_shape(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Tensor* given = request.node.attrs.get_tensor("value");
  const Tensor value = given == nullptr ? Tensor::scalar<float>(0) : *given;
  return make_kernel([value, shape = request.outputs[0].shape()](RunArgs& args) {
    const TensorView dst = args.allocate(0, value.dtype(), shape);
    if (args.failed()) return;
    const int64_t count = shape.count();
    if (dtype_is_sub_byte(value.dtype())) {
      // One byte full of the element serves all.
      uint8_t element;
      unpack_elements(value.dtype(), value.data(), 1, &element);
      const uint8_t elements[4] = {element, element, element, element};
      uint8_t byte = 0;
      pack_elements(value.dtype(), elements, 8 / dtype_bits(value.dtype()), &byte);
      std::memset(dst.data, byte, dst.bytes());
      return;
    }
    with_cell(value.dtype(), [&]<class T>() {
      const T element = *value.as<const T>();
      parallel_ranges(args.pool, count, sizeof(T), [&](int64_t first, int64_t last) {
        std::fill(dst.as<T>() + first, dst.as<T>() + last, element);
      });
    });
  });
}

// ---- Range

// max(ceil((limit - start) / delta), 0), exact for integers.
template <class T>
Result<int64_t> range_length(T start, T limit, T delta) {
  const Wide<T> first = widen(start);
  const Wide<T> last = widen(limit);
  const Wide<T> step = widen(delta);
  if (step == 0) return fail(Code::kInvalidArgument, "delta is 0");
  if constexpr (is_number_float<T>) {
    const double length = std::ceil((last - first) / step);
    if (!(length > 0)) return 0;
    constexpr double kLimit = 0x1p50;
    if (length > kLimit) return fail(Code::kInvalidArgument, "{} elements are too many", length);
    return static_cast<int64_t>(length);
  } else {
    if (step > 0 ? first >= last : first <= last) return 0;
    const uint64_t span =
        step > 0 ? uint64_t(last) - uint64_t(first) : uint64_t(first) - uint64_t(last);
    const uint64_t by = step > 0 ? uint64_t(step) : uint64_t(0) - uint64_t(step);
    const uint64_t length = span / by + (span % by != 0);
    if (length > (uint64_t{1} << 50)) {
      return fail(Code::kInvalidArgument, "{} elements are too many", length);
    }
    return static_cast<int64_t>(length);
  }
}

template <class Fn>
bool visit_range(DType dtype, Fn&& fn) {
  return visit_dtype<float, double, Float16, Bfloat16, int16_t, int32_t, int64_t>(dtype, fn);
}

Result<int64_t> range_length_of(const Tensor& start, const Tensor& limit, const Tensor& delta) {
  Result<int64_t> length = int64_t{0};
  visit_range(start.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    length = range_length(*start.as<T>(), *limit.as<T>(), *delta.as<T>());
  });
  return length;
}

Result<void> infer_range(InferContext& context) {
  for (size_t i = 0; i < 3; ++i) {
    if (context.has_rank(i) && product(context.dims(i)).is_constant() &&
        product(context.dims(i)).value() != 1) {
      return fail(Code::kInvalidArgument, "{} must be a scalar", context.describe(i));
    }
  }
  const auto start = context.ints(0);
  const auto limit = context.ints(1);
  const auto delta = context.ints(2);
  Dim length = Dim::unknown();
  const bool symbolic = start && limit && delta && (*delta)[0].is_constant();
  if (symbolic && !(all_constant(*start) && all_constant(*limit))) {
    if ((*delta)[0] == Dim(0)) return fail(Code::kInvalidArgument, "delta is 0");
    length = dim_max(0, ceil_div((*limit)[0] - (*start)[0], (*delta)[0]));
  } else {
    const Tensor* first = context.constant(0);
    const Tensor* last = context.constant(1);
    const Tensor* step = context.constant(2);
    if (first != nullptr && last != nullptr && step != nullptr) {
      length = TRY(range_length_of(*first, *last, *step));
    } else if (symbolic) {
      if ((*delta)[0] == Dim(0)) return fail(Code::kInvalidArgument, "delta is 0");
      length = dim_max(0, ceil_div((*limit)[0] - (*start)[0], (*delta)[0]));
    }
  }
  if (symbolic && length.is_constant() && length.value() <= kMaxKnownInts) {
    Dims ints;
    // Step by step: no sum leaves [start, limit), a product might overflow.
    for (int64_t i = 0; i < length.value(); ++i) {
      ints.push_back(i == 0 ? (*start)[0] : ints.back() + (*delta)[0]);
    }
    context.set_output_ints(0, std::move(ints));
  }
  set_like_input(context, {length});
  return {};
}

// start + i * delta; narrow floats in f32 (spec: Range-27, stash_type), integers wrap.
template <class T>
void fill_range(T start, T delta, int64_t count, T* dst) {
  for (int64_t i = 0; i < count; ++i) {
    if constexpr (std::is_integral_v<T>) {
      dst[i] = static_cast<T>(uint64_t(start) + uint64_t(i) * uint64_t(delta));
    } else if constexpr (std::is_same_v<T, double>) {
      dst[i] = start + static_cast<double>(i) * delta;
    } else {
      const auto sum = static_cast<float>(widen(start)) +
                       static_cast<float>(i) * static_cast<float>(widen(delta));
      dst[i] = narrow<T>(sum);
    }
  }
}

Result<std::unique_ptr<Kernel>> make_range(const KernelRequest&) {
  return make_kernel([](RunArgs& args) {
    const DType dtype = args.inputs[0].dtype;
    visit_range(dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      const T start = *args.inputs[0].as<T>();
      const T delta = *args.inputs[2].as<T>();
      const auto length = range_length(start, *args.inputs[1].as<T>(), delta);
      if (!length) return args.report(length.error().code, length.error().message);
      const TensorView dst = args.allocate(0, dtype, {*length});
      if (!args.failed()) fill_range(start, delta, dst.count(), dst.as<T>());
    });
  });
}

// ---- EyeLike

Result<void> infer_eye_like(InferContext& context) {
  TRY(expect_rank(context, 0, 2));
  const DType dtype = context.attrs().has("dtype")
                          ? static_cast<DType>(context.attrs().get_int("dtype"))
                          : context.dtype(0);
  if ((dtype_bit(dtype) & (kNumericTypes | dtype_set(DType::kBool))) == 0) {
    return fail(Code::kInvalidArgument, "dtype {} is not one that EyeLike gives", int(dtype));
  }
  context.set_output(0, dtype, context.has_rank(0) ? context.dims(0) : unknown_dims(2));
  return {};
}

Result<std::unique_ptr<Kernel>> make_eye_like(const KernelRequest& request) {
  const Shape shape = request.inputs[0].shape();
  const DType dtype = request.outputs[0].dtype();
  return make_kernel([shape, dtype, k = request.node.attrs.get_int("k")](RunArgs& args) {
    const TensorView dst = args.allocate(0, dtype, shape);
    if (args.failed()) return;
    std::memset(dst.data, 0, dst.bytes());
    visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
                uint32_t, int64_t, uint64_t, bool>(dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      // Row r has its one in column r + k.
      const int64_t first = k < 0 ? (k < -shape[0] ? shape[0] : -k) : 0;
      for (int64_t r = first; r < shape[0] && k < shape[1] && r + k < shape[1]; ++r) {
        dst.as<T>()[r * shape[1] + r + k] = narrow<T>(Wide<T>(1));
      }
    });
  });
}

}  // namespace

OpDef op_Constant() {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.versions = {1, 9, 11, 12, 13, 19, 21, 23, 24, 25};
  op.outputs = {{"output", "T"}};
  op.attrs = {
      optional_attr("value", Kind::kTensor),        optional_attr("sparse_value", Kind::kSparse),
      optional_attr("value_int", Kind::kInt),       optional_attr("value_ints", Kind::kInts),
      optional_attr("value_float", Kind::kFloat),   optional_attr("value_floats", Kind::kFloats),
      optional_attr("value_string", Kind::kString), optional_attr("value_strings", Kind::kStrings)};
  op.infer = infer_constant;
  op.kernels = {{"copy", make_constant}};
  return op;
}

OpDef op_ConstantOfShape() {
  OpDef op;
  op.versions = {9, 20, 21, 23, 24, 25};
  op.inputs = {{"input", "T1", dtype_set(DType::kInt64)}};
  op.outputs = {{"output", "T2"}};
  op.attrs = {optional_attr("value", FormalAttr::Kind::kTensor)};
  op.infer = infer_constant_of_shape;
  op.kernels = {{"fill", make_constant_of_shape}};
  return op;
}

OpDef op_Range() {
  const DTypeSet types = kFloatTypes | dtype_set(DType::kInt16, DType::kInt32, DType::kInt64);
  OpDef op;
  op.versions = {11, 27};
  op.inputs = {{"start", "T", types}, {"limit", "T", types}, {"delta", "T", types}};
  op.outputs = {{"output", "T", types}};
  op.attrs = {int_attr("stash_type", 1)};
  op.infer = infer_range;
  op.kernels = {{"reference", make_range}};
  return op;
}

OpDef op_EyeLike() {
  const DTypeSet types = kNumericTypes | dtype_set(DType::kBool);
  OpDef op;
  op.versions = {9, 22};
  op.inputs = {{"input", "T1", types}};
  op.outputs = {{"output", "T2", types}};
  op.attrs = {optional_attr("dtype", FormalAttr::Kind::kInt), int_attr("k", 0)};
  op.infer = infer_eye_like;
  op.kernels = {{"reference", make_eye_like}};
  return op;
}

}  // namespace sardonyx
