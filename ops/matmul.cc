// MatMul: numpy's matmul over broadcast batches.
#include "ops/matrix_shape.h"
#include "ops/number.h"
#include "ops/op.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kTypes =
    kFloatTypes | dtype_set(DType::kInt32, DType::kUint32, DType::kInt64, DType::kUint64);

Result<void> infer(InferContext& context) { return infer_matmul(context, 0, 1, context.dtype(0)); }

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
  if (!request.inputs[0].is_concrete() || !request.inputs[1].is_concrete()) {
    return decline("its shapes are not known when the plan is made");
  }
  const MatrixShape matrix =
      read_matrix_shape(request.inputs[0].shape(), request.inputs[1].shape());
  std::unique_ptr<Kernel> kernel;
  visit_matrix_number(request.inputs[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel([matrix](RunArgs& args) { run_reference<T>(matrix, args); });
  });
  if (kernel == nullptr) return decline("no {} product", dtype_name(request.inputs[0].dtype()));
  return kernel;
}

}  // namespace

OpDef op_MatMul() {
  OpDef op;
  op.versions = {1, 9, 13};
  op.inputs = {{"A", "T", kTypes}, {"B", "T", kTypes}};
  op.outputs = {{"Y", "T", kTypes}};
  op.infer = infer;
  op.kernels = {{"reference", make_reference}};
  return op;
}

}  // namespace sardonyx
