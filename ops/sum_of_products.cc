// sardonyx SumOfProducts: what Einsum means (spec: Einsum-12), by one walk over all labels. Einsum
// is lowered to products of matrices (ops/einsum.cc); this serves equations and types that have
// none.
#include "ops/cells.h"
#include "ops/equation.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

// The walk: output labels first, summed labels behind, each with its size and, per input, stride.
struct Walk {
  Shape sizes;
  size_t outer = 0;            // how many are output labels
  std::vector<Shape> strides;  // by input
};

Walk make_walk(const Equation& equation, const std::vector<Shape>& shapes) {
  std::vector<int> order = equation.output;
  for (int label = 0; label < equation.labels; ++label) {
    if (std::find(order.begin(), order.end(), label) == order.end()) order.push_back(label);
  }
  Walk walk;
  walk.outer = equation.output.size();
  walk.sizes = Shape(order.size(), 1);
  walk.strides.assign(shapes.size(), Shape(order.size(), 0));
  for (size_t i = 0; i < shapes.size(); ++i) {
    int64_t stride = 1;
    for (size_t d = shapes[i].rank(); d-- > 0;) {
      const auto found = std::find(order.begin(), order.end(), equation.inputs[i][d]);
      const auto at = static_cast<size_t>(found - order.begin());
      if (shapes[i][d] != 1) {
        walk.sizes[at] = shapes[i][d];
        walk.strides[i][at] += stride;  // a label twice in one term: the diagonal
      }
      stride *= shapes[i][d];
    }
  }
  return walk;
}

template <class W>
W times(W a, W b) {
  return multiply_add(a, b, W(0));
}

// One output element: the sum over all summed labels of the product of the inputs.
template <class T>
T sum_products(const Walk& walk, std::span<const TensorView> inputs, int64_t index) {
  using W = Wide<T>;
  std::vector<int64_t> at(inputs.size(), 0);
  for (size_t i = walk.outer; i-- > 0;) {
    const int64_t position = index % walk.sizes[i];
    index /= walk.sizes[i];
    for (size_t k = 0; k < at.size(); ++k) at[k] += position * walk.strides[k][i];
  }
  const int64_t count = walk.sizes.count(walk.outer, walk.sizes.rank());
  Shape position(walk.sizes.rank(), 0);
  W sum = 0;
  for (int64_t step = 0; step < count; ++step) {
    W product = widen(inputs[0].as<const T>()[at[0]]);
    for (size_t k = 1; k < at.size(); ++k) {
      product = times<W>(product, widen(inputs[k].as<const T>()[at[k]]));
    }
    sum = multiply_add<W>(product, W(1), sum);
    for (size_t i = walk.sizes.rank(); i-- > walk.outer;) {
      for (size_t k = 0; k < at.size(); ++k) at[k] += walk.strides[k][i];
      if (++position[i] < walk.sizes[i]) break;
      for (size_t k = 0; k < at.size(); ++k) at[k] -= walk.strides[k][i] * walk.sizes[i];
      position[i] = 0;
    }
  }
  return narrow<T>(sum);
}

Result<std::unique_ptr<Kernel>> make_sum_of_products(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  std::vector<size_t> ranks;
  std::vector<Shape> shapes;
  for (const Operand& input : request.inputs) {
    shapes.push_back(input.shape());
    ranks.push_back(shapes.back().rank());
  }
  const Equation equation = TRY(read_equation(request.node.attrs.get_string("equation"), ranks));
  const Shape shape = request.outputs[0].shape();
  return make_kernel([walk = make_walk(equation, shapes), shape](RunArgs& args) {
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
    if (args.failed()) return;
    const int64_t steps = walk.sizes.count(walk.outer, walk.sizes.rank());
    visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
                uint32_t, int64_t, uint64_t>(dst.dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      parallel_ranges(args.pool, shape.count(), 8 + steps * 32, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
          dst.as<T>()[i] = sum_products<T>(walk, args.inputs, i);
        }
      });
    });
  });
}

}  // namespace

OpDef op_SumOfProducts() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"Inputs", "T", kNumericTypes, Form::kVariadic}};
  op.outputs = {{"Output", "T", kNumericTypes}};
  op.attrs = {required_attr("equation", FormalAttr::Kind::kString)};
  op.infer = infer_equation;
  op.kernels = {{"reference", make_sum_of_products}};
  return op;
}

}  // namespace sardonyx
