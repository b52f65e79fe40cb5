// MatMul: numpy's matmul over broadcast batches.
// sardonyx MatMul: what passes make of MatMul and Gemm: epilogue(alpha * A' * B' + bias), where '
// may swap the last two axes, with one bias per column.
#include "ops/gemm_kernel.h"
#include "ops/number.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kTypes =
    kFloatTypes | dtype_set(DType::kInt32, DType::kUint32, DType::kInt64, DType::kUint64);

Result<void> infer(InferContext& context) { return infer_matmul(context, 0, 1, context.dtype(0)); }

Result<MatrixShape> read_shape(const KernelRequest& request) {
  for (const Operand& operand : request.inputs) {
    if (operand.present() && !operand.is_concrete()) {
      return decline("its shapes are not known when the plan is made");
    }
  }
  const AttrMap& attrs = request.node.attrs;
  const Shape a = request.inputs[0].shape();
  const Shape b = request.inputs[1].shape();
  return read_matrix_shape(attrs.get_int("transA") != 0 ? swap_last_two(a) : a,
                           attrs.get_int("transB") != 0 ? swap_last_two(b) : b);
}

template <class T>
void run_reference(const MatrixShape& matrix, RunArgs& args) {
  const T* a = args.inputs[0].as<T>();
  const T* b = args.inputs[1].as<T>();
  T* y = args.outputs[0].as<T>();
  args.pool->parallel_for(matrix.batch() * matrix.rows, [&](int64_t task) {
    const auto item = static_cast<size_t>(task / matrix.rows);
    const T* row = a + (matrix.a_matrices[item] * matrix.rows + task % matrix.rows) * matrix.depth;
    const T* other = b + matrix.b_matrices[item] * matrix.depth * matrix.columns;
    T* dst = y + task * matrix.columns;
    plain_row<Wide<T>>(
        matrix.depth, matrix.columns, [=](int64_t p) { return widen(row[p]); },
        [=, &matrix](int64_t p, int64_t j) { return widen(other[p * matrix.columns + j]); },
        [=](int64_t j, Wide<T> sum) { dst[j] = narrow<T>(sum); });
  });
}

Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  const MatrixShape matrix = TRY(read_shape(request));
  std::unique_ptr<Kernel> kernel;
  visit_matrix_number(request.inputs[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel([matrix](RunArgs& args) { run_reference<T>(matrix, args); });
  });
  if (kernel == nullptr) return decline("no {} product", dtype_name(request.inputs[0].dtype()));
  return kernel;
}

Result<Product> read_product(const KernelRequest& request) {
  Product product;
  product.matrix = TRY(read_shape(request));
  return product;
}

// ---- the fused form

constexpr size_t kFirstOperand = 3;

Result<void> infer_fused(InferContext& context) {
  TRY(infer_matmul(context, 0, 1, context.dtype(0)));
  const ValueType& output = context.output_types()[0];
  if (!output.has_rank()) return check_epilogue(context, kFirstOperand);
  if (output.dims->empty()) return fail(Code::kInvalidGraph, "the result has no columns");
  if (context.has_rank(2)) {
    const Dims& bias = context.dims(2);
    const Dim& columns = output.dims->back();
    const bool known = bias.size() == 1 && bias[0].is_constant() && columns.is_constant();
    if (bias.size() != 1 || (known && bias[0] != columns)) {
      return fail(Code::kInvalidArgument, "{} must have one number per column ({})",
                  context.describe(2), columns.to_string());
    }
  }
  return check_epilogue(context, kFirstOperand);
}

Result<Product> read_fused_product(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  Product product;
  product.matrix = TRY(read_shape(request));
  product.trans_a = attrs.get_int("transA") != 0;
  product.trans_b = attrs.get_int("transB") != 0;
  product.alpha = static_cast<double>(attrs.get_float("alpha", 1));
  product.bias_input = request.has_input(2) ? 2 : 0;
  product.epilogue = TRY(FusedEpilogue::read(request, kFirstOperand));
  return product;
}

}  // namespace

OpDef op_MatMul() {
  OpDef op;
  op.versions = {1, 9, 13};
  op.inputs = {{"A", "T", kTypes}, {"B", "T", kTypes}};
  op.outputs = {{"Y", "T", kTypes}};
  op.infer = infer;
  op.kernels = product_candidates<read_product>();
  op.kernels.push_back({"reference", make_reference});
  return op;
}

OpDef op_FusedMatMul() {
  constexpr DTypeSet kGemmTypes = dtype_set(DType::kFloat32, DType::kFloat64);
  OpDef op;
  op.versions = {1};
  op.inputs = {{"A", "T", kGemmTypes},
               {"B", "T", kGemmTypes},
               {"bias", "T", kGemmTypes, Form::kOptional},
               {"operands", "T", kGemmTypes, Form::kVariadic}};
  op.outputs = {{"Y", "T", kGemmTypes}};
  op.attrs = {float_attr("alpha", 1), optional_attr("epilogue", FormalAttr::Kind::kGraph),
              int_attr("transA", 0), int_attr("transB", 0)};
  op.infer = infer_fused;
  op.kernels = product_candidates<read_fused_product>();
  return op;
}

}  // namespace sardonyx
