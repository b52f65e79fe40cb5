// Det: determinants of square matrices, by elimination with the largest pivots, in f64.
#include <cmath>

#include "ops/number.h"
#include "ops/op.h"

namespace sardonyx {
namespace {

Result<void> infer(InferContext& context) {
  if (!context.has_rank(0)) {
    context.set_output(0, context.dtype(0));
    return {};
  }
  Dims dims = context.dims(0);
  const bool known =
      dims.size() >= 2 && dims.back().is_constant() && dims[dims.size() - 2].is_constant();
  if (dims.size() < 2 || (known && dims.back() != dims[dims.size() - 2])) {
    return fail(Code::kInvalidArgument, "{} must end in a square matrix", context.describe(0));
  }
  dims.resize(dims.size() - 2);
  context.set_output(0, context.dtype(0), dims);
  return {};
}

// matrix is size x size and is destroyed.
double determinant(double* matrix, int64_t size) {
  double result = 1;
  for (int64_t column = 0; column < size; ++column) {
    int64_t pivot = column;
    for (int64_t row = column + 1; row < size; ++row) {
      if (std::fabs(matrix[row * size + column]) > std::fabs(matrix[pivot * size + column])) {
        pivot = row;
      }
    }
    if (pivot != column) {
      std::swap_ranges(matrix + pivot * size, matrix + (pivot + 1) * size, matrix + column * size);
      result = -result;
    }
    const double diagonal = matrix[column * size + column];
    result *= diagonal;
    if (diagonal == 0) return 0;
    for (int64_t row = column + 1; row < size; ++row) {
      const double factor = matrix[row * size + column] / diagonal;
      for (int64_t j = column + 1; j < size; ++j) {
        matrix[row * size + j] -= factor * matrix[column * size + j];
      }
    }
  }
  return result;
}

Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  if (!request.inputs[0].is_concrete()) {
    return decline("its shapes are not known when the plan is made");
  }
  const Shape shape = request.inputs[0].shape();
  const int64_t size = shape.back();
  const int64_t matrices = shape.count(0, shape.rank() - 2);
  std::unique_ptr<Kernel> kernel;
  visit_float(request.inputs[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel(
        [size, matrices](RunArgs& args) {
          args.pool->parallel_for(matrices, [&](int64_t task) {
            double* work = static_cast<double*>(args.workspace) + task * size * size;
            const T* src = args.inputs[0].as<T>() + task * size * size;
            for (int64_t i = 0; i < size * size; ++i) work[i] = widen(src[i]);
            args.outputs[0].as<T>()[task] = narrow<T>(determinant(work, size));
          });
        },
        static_cast<size_t>(shape.count()) * sizeof(double));
  });
  if (kernel == nullptr) return decline("its input is not a float");
  return kernel;
}

}  // namespace

OpDef op_Det() {
  OpDef op;
  op.versions = {11, 22};
  op.inputs = {{"X", "T", kFloatTypes}};
  op.outputs = {{"Y", "T", kFloatTypes}};
  op.infer = infer;
  op.kernels = {{"reference", make_reference}};
  return op;
}

}  // namespace sardonyx
