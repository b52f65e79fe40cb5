// MatMulInteger: a product of 8-bit matrices less their zero points, into int32.
// QLinearMatMul: a product of quantized matrices, quantized again; 8-bit integers or float8.
// sardonyx QLinearMatMul: the same for 8-bit integers, times alpha, B perhaps transposed, a bias
// added, clipped to [low, high]; without y_scale the result is float32.
#include "ops/matrix_shape.h"
#include "ops/number.h"
#include "ops/quantize/matmul_s8.h"
#include "ops/quantize/quantized.h"

namespace sardonyx {

Result<void> check_one_number(const InferContext& context, size_t index) {
  if (!context.has_rank(index)) return {};
  const Dim count = product(context.dims(index));
  if (count.is_constant() && count.value() != 1) {
    return fail(Code::kInvalidArgument, "{} must have one element", context.describe(index));
  }
  return {};
}

namespace {

constexpr DTypeSet kBytes = dtype_set(DType::kInt8, DType::kUint8);
constexpr DTypeSet kQuantized = kBytes | dtype_set(DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ,
                                                   DType::kFloat8E5M2, DType::kFloat8E5M2FNUZ);

// A scale or zero point belongs to one line (a row of A, a column of B) of each matrix: one number
// for all, one per line, or one per line of every matrix.
Result<void> check_lines(const InferContext& context, size_t index, size_t matrix, bool rows) {
  if (!context.has_rank(index) || !context.has_rank(matrix)) return {};
  const Dims& dims = context.dims(matrix);
  if (dims.empty()) return {};  // which infer_matmul refuses
  const Dim lines = rows ? (dims.size() == 1 ? Dim(1) : dims[dims.size() - 2]) : dims.back();
  const Dim count = product(context.dims(index));
  const Dim all =
      product(Dims(dims.begin(), dims.end() - std::min<ptrdiff_t>(2, ptrdiff_t(dims.size())))) *
      lines;
  const bool known = count.is_constant() && lines.is_constant() && all.is_constant();
  if (!known || count == Dim(1) || count == lines || count == all) return {};
  return fail(Code::kInvalidArgument, "{} must have one element or one per {} of {}",
              context.describe(index), rows ? "row" : "column", context.describe(matrix));
}

// The element of such an operand for a line of a matrix.
int64_t line_index(int64_t count, int64_t lines, int64_t matrix, int64_t line) {
  if (count <= 1) return 0;
  return count == lines ? line : matrix * lines + line;
}

Result<MatrixShape> read_shape(const KernelRequest& request, size_t a, size_t b) {
  for (const Operand& operand : request.inputs) {
    if (operand.present() && !operand.is_concrete()) {
      return decline("its shapes are not known when the plan is made");
    }
  }
  return read_matrix_shape(request.inputs[a].shape(), request.inputs[b].shape());
}

// One product's rows in parallel: store(batch item, row, column, sum).
template <class Sum, class LoadA, class LoadB, class Store>
void run_rows(const MatrixShape& matrix, ThreadPool& pool, LoadA load_a, LoadB load_b,
              Store store) {
  pool.parallel_for(matrix.batch() * matrix.rows, [&](int64_t task) {
    const auto item = static_cast<size_t>(task / matrix.rows);
    const int64_t row = task % matrix.rows;
    const int64_t a = matrix.a_matrices[item];
    const int64_t b = matrix.b_matrices[item];
    plain_row<Sum>(
        matrix.depth, matrix.columns, [&](int64_t p) { return load_a(a, row, p); },
        [&](int64_t p, int64_t j) { return load_b(b, p, j); },
        [&](int64_t j, Sum sum) { store(task * matrix.columns + j, a, row, b, j, sum); });
  });
}

Result<void> infer_matmul_integer(InferContext& context) {
  TRY(check_lines(context, 2, 0, true));
  TRY(check_lines(context, 3, 1, false));
  return infer_matmul(context, 0, 1, DType::kInt32);
}

template <class A, class B>
void run_matmul_integer(const MatrixShape& matrix, RunArgs& args) {
  const A* a = args.inputs[0].as<A>();
  const B* b = args.inputs[1].as<B>();
  int32_t* y = args.outputs[0].as<int32_t>();
  const int64_t a_zeros = operand_count(args, 2);
  const int64_t b_zeros = operand_count(args, 3);
  run_rows<int64_t>(
      matrix, *args.pool,
      [&](int64_t item, int64_t row, int64_t p) {
        const int64_t at = line_index(a_zeros, matrix.rows, item, row);
        const int element{a[(item * matrix.rows + row) * matrix.depth + p]};
        return int64_t{element} - read_zero_point<A>(args, 2, at);
      },
      [&](int64_t item, int64_t p, int64_t j) {
        const int64_t at = line_index(b_zeros, matrix.columns, item, j);
        const int element{b[(item * matrix.depth + p) * matrix.columns + j]};
        return int64_t{element} - read_zero_point<B>(args, 3, at);
      },
      [y](int64_t i, int64_t, int64_t, int64_t, int64_t, int64_t sum) {
        y[i] = static_cast<int32_t>(sum);
      });
}

Result<std::unique_ptr<Kernel>> make_matmul_integer(const KernelRequest& request) {
  const MatrixShape matrix = TRY(read_shape(request, 0, 1));
  std::unique_ptr<Kernel> kernel;
  visit_dtype<int8_t, uint8_t>(request.inputs[0].dtype(), [&](auto a) {
    visit_dtype<int8_t, uint8_t>(request.inputs[1].dtype(), [&](auto b) {
      kernel = make_kernel([matrix](RunArgs& args) {
        run_matmul_integer<typename decltype(a)::Type, typename decltype(b)::Type>(matrix, args);
      });
    });
  });
  return kernel;
}

Result<std::unique_ptr<Kernel>> make_integer_gemm(const KernelRequest& request) {
  ScaleInputs inputs;
  inputs.a_zero = 2;
  inputs.b_zero = 3;
  return make_matmul_s8(request, inputs);
}

// ---- QLinearMatMul

Result<void> infer_qlinear_matmul(InferContext& context) {
  for (size_t index : {1, 2}) TRY(check_lines(context, index, 0, true));
  for (size_t index : {4, 5}) TRY(check_lines(context, index, 3, false));
  TRY(check_one_number(context, 6));
  TRY(check_one_number(context, 7));
  return infer_matmul(context, 0, 3, context.dtype(7));
}

float read_scale(const TensorView& scale, int64_t at) {
  float result = 0;
  visit_dtype<float, Float16, Bfloat16>(scale.dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    result = static_cast<float>(widen(scale.as<T>()[at]));
  });
  return result;
}

// A quantized element as the number that it is before zero point and scale.
float read_quantized(const TensorView& view, int64_t at) {
  if (view.dtype == DType::kInt8) return view.as<int8_t>()[at];
  if (view.dtype == DType::kUint8) return view.as<uint8_t>()[at];
  return narrow_to_float(view.dtype, view.as<uint8_t>()[at]);
}

uint8_t write_quantized(DType dtype, float x, float zero) {
  if (dtype == DType::kInt8 || dtype == DType::kUint8) {
    return quantize_byte(x, static_cast<int32_t>(zero), dtype == DType::kInt8);
  }
  return narrow_from_float(dtype, x + zero, true);
}

void run_qlinear_matmul(const MatrixShape& matrix, RunArgs& args) {
  const auto element = [&](size_t index, int64_t lines, int64_t item, int64_t line) {
    return line_index(args.inputs[index].count(), lines, item, line);
  };
  const float y_scale = read_scale(args.inputs[6], 0);
  const float y_zero = read_quantized(args.inputs[7], 0);
  uint8_t* y = args.outputs[0].as<uint8_t>();
  const DType dtype = args.outputs[0].dtype;
  run_rows<double>(
      matrix, *args.pool,
      [&](int64_t item, int64_t row, int64_t p) {
        const int64_t at = (item * matrix.rows + row) * matrix.depth + p;
        return static_cast<double>(
            read_quantized(args.inputs[0], at) -
            read_quantized(args.inputs[2], element(2, matrix.rows, item, row)));
      },
      [&](int64_t item, int64_t p, int64_t j) {
        const int64_t at = (item * matrix.depth + p) * matrix.columns + j;
        return static_cast<double>(
            read_quantized(args.inputs[3], at) -
            read_quantized(args.inputs[5], element(5, matrix.columns, item, j)));
      },
      [&](int64_t i, int64_t a, int64_t row, int64_t b, int64_t j, double sum) {
        const float scale = read_scale(args.inputs[1], element(1, matrix.rows, a, row)) *
                            read_scale(args.inputs[4], element(4, matrix.columns, b, j)) / y_scale;
        y[i] = write_quantized(dtype, static_cast<float>(sum) * scale, y_zero);
      });
}

Result<std::unique_ptr<Kernel>> make_qlinear_matmul(const KernelRequest& request) {
  const MatrixShape matrix = TRY(read_shape(request, 0, 3));
  return make_kernel([matrix](RunArgs& args) { run_qlinear_matmul(matrix, args); });
}

ScaleInputs qlinear_inputs() {
  ScaleInputs inputs;
  inputs.a_scale = 1;
  inputs.a_zero = 2;
  inputs.b = 3;
  inputs.b_scale = 4;
  inputs.b_zero = 5;
  inputs.y_scale = 6;
  inputs.y_zero = 7;
  return inputs;
}

Result<std::unique_ptr<Kernel>> make_qlinear_gemm(const KernelRequest& request) {
  return make_matmul_s8(request, qlinear_inputs());
}

// ---- sardonyx QLinearMatMul

Result<void> infer_fused(InferContext& context) {
  for (size_t index : {1, 2, 6, 7}) TRY(check_one_number(context, index));
  DType result = DType::kFloat32;
  if (context.has_input(6)) result = DType::kUint8;
  if (context.has_input(7)) result = context.dtype(7);
  return infer_matmul(context, 0, 3, result);
}

ScaleInputs fused_inputs() {
  ScaleInputs inputs = qlinear_inputs();
  inputs.bias = 8;
  return inputs;
}

Result<std::unique_ptr<Kernel>> make_fused_gemm(const KernelRequest& request) {
  return make_matmul_s8(request, fused_inputs(), request.node.attrs.get_int("transB") != 0);
}

Result<std::unique_ptr<Kernel>> make_fused_reference(const KernelRequest& request) {
  const bool trans_b = request.node.attrs.get_int("transB") != 0;
  const Shape b_shape = request.inputs[3].shape();
  const MatrixShape matrix =
      read_matrix_shape(request.inputs[0].shape(), trans_b ? swap_last_two(b_shape) : b_shape);
  const ScaledOutput output = TRY(ScaledOutput::read(request, fused_inputs(), matrix.columns));
  std::unique_ptr<Kernel> kernel;
  visit_dtype<int8_t, uint8_t>(request.inputs[0].dtype(), [&](auto a_tag) {
    visit_dtype<int8_t, uint8_t>(request.inputs[3].dtype(), [&](auto b_tag) {
      using A = typename decltype(a_tag)::Type;
      using B = typename decltype(b_tag)::Type;
      kernel = make_kernel([matrix, output, trans_b](RunArgs& args) {
        const A* a = args.inputs[0].as<A>();
        const B* b = args.inputs[3].as<B>();
        std::vector<float> scales(static_cast<size_t>(matrix.columns));
        output.write_scales(args, scales.data());
        const OutputS8 finish = output.describe(args);
        const int32_t* bias = output.int_bias(args);
        const float* float_bias = output.float_bias(args);
        const int64_t a_zero = read_zero_point<A>(args, 2, 0), b_zeros = operand_count(args, 5);
        run_rows<int64_t>(
            matrix, *args.pool,
            [&](int64_t item, int64_t row, int64_t p) {
              return a[(item * matrix.rows + row) * matrix.depth + p] - a_zero;
            },
            [&](int64_t item, int64_t p, int64_t j) {
              const int64_t at = trans_b ? j * matrix.depth + p : p * matrix.columns + j;
              return int64_t{b[item * matrix.depth * matrix.columns + at]} -
                     read_zero_point<B>(args, 5, b_zeros > 1 ? j : 0);
            },
            [&](int64_t i, int64_t, int64_t, int64_t, int64_t j, int64_t sum) {
              const auto exact = static_cast<int32_t>(sum + (bias == nullptr ? 0 : bias[j]));
              store_finished(finish, exact, scales[static_cast<size_t>(j)],
                             float_bias == nullptr ? 0 : float_bias[j], args.outputs[0].data, i);
            });
      });
    });
  });
  return kernel;
}

}  // namespace

OpDef op_MatMulInteger() {
  OpDef op;
  op.versions = {10};
  op.inputs = {{"A", "T1", kBytes},
               {"B", "T2", kBytes},
               {"a_zero_point", "T1", kBytes, Form::kOptional},
               {"b_zero_point", "T2", kBytes, Form::kOptional}};
  op.outputs = {{"Y", "T3", dtype_set(DType::kInt32)}};
  op.infer = infer_matmul_integer;
  op.kernels = {{"gemm", make_integer_gemm}, {"reference", make_matmul_integer}};
  return op;
}

OpDef op_QLinearMatMul() {
  constexpr DTypeSet kScales = dtype_set(DType::kFloat32, DType::kFloat16, DType::kBfloat16);
  OpDef op;
  op.versions = {10, 21};
  op.inputs = {{"a", "T1", kQuantized},
               {"a_scale", "TS", kScales},
               {"a_zero_point", "T1", kQuantized},
               {"b", "T2", kQuantized},
               {"b_scale", "TS", kScales},
               {"b_zero_point", "T2", kQuantized},
               {"y_scale", "TS", kScales},
               {"y_zero_point", "T3", kQuantized}};
  op.outputs = {{"y", "T3", kQuantized}};
  op.infer = infer_qlinear_matmul;
  op.kernels = {{"gemm", make_qlinear_gemm}, {"reference", make_qlinear_matmul}};
  return op;
}

OpDef op_FusedQLinearMatMul() {
  constexpr DTypeSet kScale = dtype_set(DType::kFloat32);
  OpDef op;
  op.versions = {1};
  op.inputs = {{"a", "T1", kBytes},
               {"a_scale", "", kScale, Form::kOptional},
               {"a_zero_point", "T1", kBytes, Form::kOptional},
               {"b", "T2", kBytes},
               {"b_scale", "", kScale, Form::kOptional},
               {"b_zero_point", "T2", kBytes, Form::kOptional},
               {"y_scale", "", kScale, Form::kOptional},
               {"y_zero_point", "", kBytes, Form::kOptional},
               {"bias", "", dtype_set(DType::kInt32, DType::kFloat32), Form::kOptional}};
  op.outputs = {{"y", "", kBytes | dtype_set(DType::kFloat32)}};
  op.attrs = {float_attr("alpha", 1), float_attr("high", std::numeric_limits<float>::infinity()),
              float_attr("low", -std::numeric_limits<float>::infinity()), int_attr("transB", 0)};
  op.infer = infer_fused;
  op.kernels = {{"gemm", make_fused_gemm}, {"reference", make_fused_reference}};
  return op;
}

}  // namespace sardonyx
