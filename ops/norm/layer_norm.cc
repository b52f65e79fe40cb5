// LayerNormalization, RMSNormalization and ONNX Runtime's SimplifiedLayerNormalization: rows of the
// axes from `axis` on are normalised by their mean and variance, or by their mean square.
#include <algorithm>
#include <cmath>

#include "cpu/norm.h"
#include "ops/elementwise/broadcast.h"
#include "ops/norm/float_view.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

// ---- types and shapes

// `scale` (and bias) must broadcast to the data.
Result<void> expect_fits(const InferContext& context, size_t index) {
  if (!context.has_rank(index) || !context.has_rank(0)) return {};
  const Dims& scale = context.dims(index);
  const Dims& data = context.dims(0);
  bool fits = scale.size() <= data.size();
  for (size_t i = 0; fits && i < scale.size(); ++i) {
    const Dim& dim = scale[scale.size() - 1 - i];
    const Dim& whole = data[data.size() - 1 - i];
    fits = dim == Dim(1) || !dim.is_constant() || !whole.is_constant() || dim == whole;
  }
  if (fits) return {};
  return fail(Code::kInvalidArgument, "{} does not broadcast to {}", context.describe(index),
              context.describe(0));
}

// The output like the data, and the statistics with 1 for the normalised axes.
Result<void> infer_rows(InferContext& context, DType output, DType statistics) {
  if (!context.has_rank(0)) {
    context.set_output(0, output);
    for (size_t i = 1; i < context.output_count(); ++i) context.set_output(i, statistics);
    return {};
  }
  const int64_t axis = TRY(context.axis(context.attrs().get_int("axis", -1), context.rank(0)));
  for (size_t i = 1; i < context.input_count(); ++i) {
    if (context.has_input(i)) TRY(expect_fits(context, i));
  }
  Dims dims = context.dims(0);
  context.set_output(0, output, dims);
  std::fill(dims.begin() + axis, dims.end(), Dim(1));
  for (size_t i = 1; i < context.output_count(); ++i) context.set_output(i, statistics, dims);
  return {};
}

Result<DType> stash_dtype(const InferContext& context) {
  const int64_t stash = context.attrs().get_int("stash_type", 1);
  if (stash == static_cast<int64_t>(DType::kFloat32)) return DType::kFloat32;
  if (stash == static_cast<int64_t>(DType::kBfloat16)) return DType::kBfloat16;
  if (stash == static_cast<int64_t>(DType::kFloat64)) return DType::kFloat64;
  if (stash == static_cast<int64_t>(DType::kFloat16)) return DType::kFloat16;
  return fail(Code::kInvalidArgument, "stash_type is {}, which is no float type", stash);
}

Result<void> infer_layer_norm(InferContext& context) {
  return infer_rows(context, context.dtype(0), TRY(stash_dtype(context)));
}
Result<void> infer_rms_norm(InferContext& context) {
  return infer_rows(context, context.dtype(1), TRY(stash_dtype(context)));
}

// ---- kernels

struct RowShape {
  int64_t rows = 1, cols = 1;
  float epsilon = 0;
  bool centered = true;  // subtract the mean
};

RowShape row_shape(const KernelRequest& request, bool centered) {
  const Shape shape = request.inputs[0].shape();
  const auto rank = static_cast<int64_t>(shape.rank());
  int64_t axis = request.node.attrs.get_int("axis", -1);
  if (axis < 0) axis += rank;
  const auto first = static_cast<size_t>(axis);
  return {shape.count(0, first), shape.count(first, shape.rank()),
          request.node.attrs.get_float("epsilon", 1e-5f), centered};
}

// Whether the operand is absent or one element for each column.
bool is_per_column(const KernelRequest& request, size_t index, int64_t cols) {
  if (!request.has_input(index)) return true;
  const Shape scale = request.inputs[index].shape();
  const Shape data = request.inputs[0].shape();
  int64_t covered = 1;
  size_t i = 0;
  for (; i < scale.rank() && covered != cols; ++i) {
    if (scale[scale.rank() - 1 - i] != data[data.rank() - 1 - i]) return false;
    covered *= scale[scale.rank() - 1 - i];
  }
  return covered == cols && scale.count() == cols;
}

int64_t rows_per_task(int64_t cols) {
  constexpr int64_t kTaskElements = 16384;
  return std::max<int64_t>(1, kTaskElements / std::max<int64_t>(1, cols));
}

template <class Fn>
void for_row_ranges(ThreadPool* pool, const RowShape& shape, Fn&& fn) {
  const int64_t step = rows_per_task(shape.cols);
  pool->parallel_for((shape.rows + step - 1) / step, [&](int64_t task) {
    fn(task * step, std::min(shape.rows, (task + 1) * step));
  });
}

bool given(const RunArgs& args, size_t input) {
  return input < args.inputs.size() && args.inputs[input].data != nullptr;
}

template <bool kCentered>
Result<std::unique_ptr<Kernel>> make_vectors(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const RowShape shape = row_shape(request, kCentered);
  for (const Operand& operand : request.inputs) {
    if (operand.present() && operand.dtype() != DType::kFloat32) return decline("not float32");
  }
  for (const Operand& operand : request.outputs) {
    if (operand.present() && operand.dtype() != DType::kFloat32) return decline("not float32");
  }
  if (!is_per_column(request, 1, shape.cols) || !is_per_column(request, 2, shape.cols)) {
    return decline("scale or bias is not one row");
  }
  const auto rows =
      kCentered ? norm_kernels(request.tier).layer_norm : norm_kernels(request.tier).rms_norm;
  return make_kernel([shape, rows](RunArgs& args) {
    const auto output = [&](size_t i) {
      return i < args.outputs.size() ? args.outputs[i].as<float>() : nullptr;
    };
    NormRows norm;
    norm.src = args.inputs[0].as<float>();
    norm.scale = args.inputs[1].as<float>();
    norm.bias = given(args, 2) ? args.inputs[2].as<float>() : nullptr;
    norm.dst = output(0);
    norm.mean = kCentered ? output(1) : nullptr;
    norm.inv_std = output(kCentered ? 2 : 1);
    norm.cols = shape.cols;
    norm.epsilon = shape.epsilon;
    for_row_ranges(args.pool, shape, [&](int64_t first, int64_t last) { rows(norm, first, last); });
  });
}

struct Moments {
  double mean = 0, inverse = 0;
};

Moments moments_of(const RowShape& shape, const FloatView& x, int64_t row) {
  const int64_t first = row * shape.cols, last = first + shape.cols;
  const auto count = static_cast<double>(shape.cols);
  double sum = 0, squares = 0;
  for (int64_t i = first; shape.centered && i < last; ++i) sum += x.get(i);
  const double mean = sum / count;
  for (int64_t i = first; i < last; ++i) squares += (x.get(i) - mean) * (x.get(i) - mean);
  return {mean, 1 / std::sqrt(squares / count + shape.epsilon)};
}

template <bool kCentered>
Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const RowShape shape = row_shape(request, kCentered);
  std::vector<Shape> operands;
  for (size_t i = 1; i < 3; ++i) {
    operands.push_back(request.has_input(i) ? request.inputs[i].shape() : Shape());
  }
  const size_t bytes[] = {1, 1};
  TileWalk walk(request.inputs[0].shape(), operands, bytes, 1);
  return make_kernel([shape, walk = std::move(walk)](RunArgs& args) {
    const FloatView x(args.inputs[0]), scale(args.inputs[1]), y(args.outputs[0]);
    for_row_ranges(args.pool, shape, [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        const Moments moments = moments_of(shape, x, row);
        for (int64_t i = row * shape.cols; i < (row + 1) * shape.cols; ++i) {
          double number = (x.get(i) - moments.mean) * moments.inverse;
          number *= scale.get(walk.offset(walk.operands()[0], i));
          if (given(args, 2)) {
            number += FloatView(args.inputs[2]).get(walk.offset(walk.operands()[1], i));
          }
          y.set(i, number);
        }
        for (size_t o = 1; o < args.outputs.size(); ++o) {
          const bool is_mean = kCentered && o == 1;
          if (args.outputs[o].data == nullptr) continue;
          FloatView(args.outputs[o]).set(row, is_mean ? moments.mean : moments.inverse);
        }
      }
    });
  });
}

constexpr DTypeSet kStatisticTypes = kFloatTypes;

template <bool kCentered>
OpDef row_norm_op(std::vector<int> versions) {
  OpDef op;
  op.versions = std::move(versions);
  op.attrs = {int_attr("axis", -1), float_attr("epsilon", 1e-5f), int_attr("stash_type", 1)};
  op.kernels = {{"vectors", make_vectors<kCentered>}, {"reference", make_reference<kCentered>}};
  return op;
}

}  // namespace

OpDef op_LayerNormalization() {
  OpDef op = row_norm_op<true>({17});
  op.inputs = {{"X", "T", kFloatTypes},
               {"Scale", "T", kFloatTypes},
               {"B", "T", kFloatTypes, Form::kOptional}};
  op.outputs = {{"Y", "T", kFloatTypes},
                {"Mean", "U", kStatisticTypes, Form::kOptional},
                {"InvStdDev", "U", kStatisticTypes, Form::kOptional}};
  op.infer = infer_layer_norm;
  return op;
}

OpDef op_RMSNormalization() {
  OpDef op = row_norm_op<false>({23});
  op.inputs = {{"X", "T", kFloatTypes}, {"scale", "V", kFloatTypes}};
  op.outputs = {{"Y", "V", kFloatTypes}};
  op.infer = infer_rms_norm;
  return op;
}

OpDef op_SimplifiedLayerNormalization() {
  OpDef op = row_norm_op<false>({1});
  op.inputs = {{"X", "T", kFloatTypes}, {"scale", "V", kFloatTypes}};
  op.outputs = {{"Y", "V", kFloatTypes}, {"inv_std_var", "U", kStatisticTypes, Form::kOptional}};
  op.infer = infer_rms_norm;
  return op;
}

}  // namespace sardonyx
