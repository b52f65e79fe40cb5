// Gemm: alpha * A' * B' + beta * C, where ' may transpose and C broadcasts over rows and columns.
#include "base/rebuilt.h"
#include "ops/gemm_kernel.h"
#include "ops/number.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kTypes =
    kFloatTypes | dtype_set(DType::kInt32, DType::kUint32, DType::kInt64, DType::kUint64);

Result<void> check_c(const InferContext& context, const Dim& rows, const Dim& columns) {
  if (!context.has_rank(2)) return {};
  const Dims& c = context.dims(2);
  const Dims result = {rows, columns};
  bool fits = c.size() <= 2;
  for (size_t i = 0; fits && i < c.size(); ++i) {
    const Dim& wanted = result[2 - c.size() + i];
    if (c[i].is_constant() && wanted.is_constant()) fits = c[i] == wanted || c[i] == Dim(1);
  }
  if (!fits) {
    return fail(Code::kInvalidArgument, "{} does not broadcast to the product, which is {}",
                context.describe(2), to_string(result));
  }
  return {};
}

Result<void> infer(InferContext& context) {
  if (!context.has_rank(0) || !context.has_rank(1)) {
    context.set_output(0, context.dtype(0), {Dim::unknown(), Dim::unknown()});
    return {};
  }
  for (size_t index : {0, 1}) {
    if (context.dims(index).size() != 2) {
      return fail(Code::kInvalidArgument, "{} must have rank 2", context.describe(index));
    }
  }
  const bool trans_a = context.attrs().get_int("transA") != 0;
  const bool trans_b = context.attrs().get_int("transB") != 0;
  const Dims& a = context.dims(0);
  const Dims& b = context.dims(1);
  const Dim& rows = a[trans_a ? 1 : 0];
  const Dim& depth = a[trans_a ? 0 : 1];
  const Dim& other = b[trans_b ? 1 : 0];
  const Dim& columns = b[trans_b ? 0 : 1];
  if (depth.is_constant() && other.is_constant() && depth != other) {
    return fail(Code::kInvalidArgument,
                "{} with transA={} has {} columns, but {} with transB={} has {} rows",
                context.describe(0), trans_a, depth.value(), context.describe(1), trans_b,
                other.value());
  }
  TRY(check_c(context, rows, columns));
  context.set_output(0, context.dtype(0), {rows, columns});
  return {};
}

struct GemmShape {
  int64_t rows, depth, columns;
  MatrixStrides a, b, c;
  double alpha, beta;
};

GemmShape read_gemm_shape(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  const Shape a = request.inputs[0].shape();
  const Shape b = request.inputs[1].shape();
  const bool trans_a = attrs.get_int("transA") != 0;
  const bool trans_b = attrs.get_int("transB") != 0;
  GemmShape gemm{};
  gemm.rows = a[trans_a ? 1 : 0];
  gemm.depth = a[trans_a ? 0 : 1];
  gemm.columns = b[trans_b ? 0 : 1];
  gemm.a = trans_a ? MatrixStrides{1, gemm.rows} : MatrixStrides{gemm.depth, 1};
  gemm.b = trans_b ? MatrixStrides{1, gemm.depth} : MatrixStrides{gemm.columns, 1};
  gemm.alpha = static_cast<double>(attrs.get_float("alpha", 1));
  gemm.beta = static_cast<double>(attrs.get_float("beta", 1));
  if (request.has_input(2)) {
    Shape c = request.inputs[2].shape();
    while (c.rank() < 2) c.insert(0, 1);
    gemm.c = {c[0] == 1 ? 0 : c[1], c[1] == 1 ? 0 : 1};
  }
  return gemm;
}

// x * factor, in the integers when factor is one of them.
template <class W>
W scale(W x, double factor) {
  if (factor == 1) return x;
  return static_cast<W>(static_cast<double>(x) * factor);
}

template <class T>
void run_reference(const GemmShape& gemm, RunArgs& args) {
  using W = Wide<T>;
  const T* a = args.inputs[0].as<T>();
  const T* b = args.inputs[1].as<T>();
  const T* c = args.inputs.size() > 2 ? args.inputs[2].as<T>() : nullptr;
  T* y = args.outputs[0].as<T>();
  args.pool->parallel_for(gemm.rows, [&](int64_t row) {
    plain_row<W>(
        gemm.depth, gemm.columns,
        [&](int64_t p) { return widen(a[row * gemm.a.row + p * gemm.a.column]); },
        [&](int64_t p, int64_t j) { return widen(b[p * gemm.b.row + j * gemm.b.column]); },
        [&](int64_t j, W sum) {
          sum = scale(sum, gemm.alpha);
          if (c != nullptr) {
            sum += scale(widen(c[row * gemm.c.row + j * gemm.c.column]), gemm.beta);
          }
          y[row * gemm.columns + j] = narrow<T>(sum);
        });
  });
}

Result<void> check_known(const KernelRequest& request) {
  for (const Operand& operand : request.inputs) {
    if (operand.present() && !operand.is_concrete()) {
      return decline("its shapes are not known when the plan is made");
    }
  }
  return {};
}

// beta * C as one number per column, when C is constant and says the same of all rows.
template <class T>
Tensor scaled_bias(const Tensor& c, int64_t columns, double beta) {
  const Reading reading(c);
  std::vector<T> bias(static_cast<size_t>(columns));
  const int64_t step = c.count() == 1 ? 0 : 1;
  for (int64_t j = 0; j < columns; ++j) {
    bias[static_cast<size_t>(j)] = static_cast<T>(static_cast<double>(c.as<T>()[j * step]) * beta);
  }
  return Tensor::from<T>({columns}, std::span<const T>(bias));
}

Result<Product> read_product(const KernelRequest& request) {
  TRY(check_known(request));
  const AttrMap& attrs = request.node.attrs;
  const GemmShape gemm = read_gemm_shape(request);
  const DType dtype = request.inputs[0].dtype();
  Product product;
  product.trans_a = attrs.get_int("transA") != 0;
  product.trans_b = attrs.get_int("transB") != 0;
  product.alpha = gemm.alpha;
  product.matrix = read_matrix_shape({gemm.rows, gemm.depth}, {gemm.depth, gemm.columns});
  if (request.has_input(2) && gemm.beta != 0) {
    const Shape c = request.inputs[2].shape();
    const Tensor* constant = request.inputs[2].constant;
    const bool per_column = c.count() == gemm.columns && (c.empty() || c.back() == gemm.columns);
    if (constant != nullptr && (per_column || c.count() == 1)) {
      if (dtype == DType::kFloat32)
        product.bias = scaled_bias<float>(*constant, gemm.columns, gemm.beta);
      if (dtype == DType::kFloat64)
        product.bias = scaled_bias<double>(*constant, gemm.columns, gemm.beta);
    } else if (gemm.beta != 1) {
      return decline("beta is {} and C is not a constant row", gemm.beta);
    } else if (per_column) {
      product.bias_input = 2;
    } else if (c == Shape{gemm.rows, gemm.columns}) {
      product.epilogue = FusedEpilogue::add(2);
    } else {
      return decline("C is neither one row nor as large as the product");
    }
  }
  return product;
}

Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  TRY(check_known(request));
  const GemmShape gemm = read_gemm_shape(request);
  std::unique_ptr<Kernel> kernel;
  visit_matrix_number(request.inputs[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel([gemm](RunArgs& args) { run_reference<T>(gemm, args); });
  });
  if (kernel == nullptr) return decline("no {} product", dtype_name(request.inputs[0].dtype()));
  return kernel;
}

}  // namespace

OpDef op_Gemm() {
  OpDef op;
  op.versions = {1, 6, 7, 9, 11, 13};
  op.inputs = {{"A", "T", kTypes}, {"B", "T", kTypes}, {"C", "T", kTypes, Form::kOptional}};
  op.outputs = {{"Y", "T", kTypes}};
  op.attrs = {float_attr("alpha", 1), float_attr("beta", 1), int_attr("transA", 0),
              int_attr("transB", 0)};
  op.infer = infer;
  op.kernels = product_candidates<read_product>();
  op.kernels.push_back({"reference", make_reference});
  return op;
}

}  // namespace sardonyx
