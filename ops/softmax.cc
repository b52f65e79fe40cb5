// Softmax, LogSoftmax and Hardmax along one axis.

#include <cmath>

#include "cpu/softmax.h"
#include "ops/axis_view.h"
#include "ops/norm/float_view.h"
#include "ops/number.h"
#include "ops/rule_parts.h"
#include "ops/softmax_columns.h"

namespace sardonyx {
namespace {

AxisView view_of(const KernelRequest& request) {
  return AxisView(request.inputs[0].shape(), request.node.attrs.get_int("axis", -1));
}

// ---- f32

template <bool kLog>
Result<std::unique_ptr<Kernel>> make_vectors(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  if (request.inputs[0].dtype() != DType::kFloat32) return decline("not float32");
  const AxisView view = view_of(request);
  const auto& rows = softmax_kernels(request.tier);
  const auto& columns = softmax_columns(request.tier);
  if (view.inner == 1) {
    return make_kernel([view, fn = kLog ? rows.log_softmax : rows.softmax](RunArgs& args) {
      SoftmaxRows softmax;
      softmax.src = args.inputs[0].as<float>();
      softmax.dst = args.outputs[0].as<float>();
      softmax.cols = softmax.src_ld = softmax.dst_ld = view.length;
      for_parts(args.pool, view.outer, view.length,
                [&](int64_t first, int64_t last) { fn(softmax, first, last); });
    });
  }
  return make_kernel([view, fn = kLog ? columns.log_softmax : columns.softmax](RunArgs& args) {
    constexpr auto kColumns = static_cast<int64_t>(kSoftmaxColumns);
    const int64_t tiles = (view.inner + kColumns - 1) / kColumns;
    const int64_t elements = view.length * std::min(view.inner, kColumns);
    const auto* src = args.inputs[0].as<const float>();
    auto* dst = args.outputs[0].as<float>();
    for_parts(args.pool, view.outer * tiles, elements, [&](int64_t first, int64_t last) {
      for (int64_t task = first; task < last; ++task) {
        const int64_t column = task % tiles * kColumns;
        const int64_t offset = task / tiles * view.length * view.inner + column;
        const auto count = static_cast<size_t>(std::min(kColumns, view.inner - column));
        fn(src + offset, dst + offset, view.length, view.inner, count);
      }
    });
  });
}

// ---- every dtype

// A kernel that calls line(x, y, at, length) for every line along the axis, where element i of the
// line is at at(i) of x and y.
template <class Line>
Result<std::unique_ptr<Kernel>> make_line_kernel(const KernelRequest& request, Line line) {
  TRY(expect_concrete_outputs(request));
  return make_kernel([view = view_of(request), line](RunArgs& args) {
    const FloatView x(args.inputs[0]), y(args.outputs[0]);
    for_parts(args.pool, view.lines(), view.length, [&](int64_t begin, int64_t end) {
      for (int64_t index = begin; index < end; ++index) {
        const int64_t first = view.first(index);
        line(
            x, y, [&](int64_t i) { return first + i * view.inner; }, view.length);
      }
    });
  });
}

template <bool kLog>
Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  return make_line_kernel(request, [](const auto& x, const auto& y, auto at, int64_t length) {
    double largest = -HUGE_VAL, sum = 0;
    for (int64_t i = 0; i < length; ++i) {
      const double each = x.get(at(i));
      largest = each > largest || each != each ? each : largest;
    }
    for (int64_t i = 0; i < length; ++i) sum += std::exp(x.get(at(i)) - largest);
    for (int64_t i = 0; i < length; ++i) {
      const double shifted = x.get(at(i)) - largest;
      y.set(at(i), kLog ? shifted - std::log(sum) : std::exp(shifted) / sum);
    }
  });
}

template <class T>
void hardmax_line(const T* src, T* dst, int64_t length, int64_t inner) {
  int64_t best = 0;
  if (length == 0) return;
  auto largest = widen(src[0]);
  for (int64_t i = 1; i < length; ++i) {
    const auto each = widen(src[i * inner]);
    if (!(each > largest)) continue;
    largest = each;
    best = i;
  }
  for (int64_t i = 0; i < length; ++i) dst[i * inner] = narrow<T>(0);
  dst[best * inner] = narrow<T>(1);
}

Result<std::unique_ptr<Kernel>> make_hardmax(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  return make_kernel([view = view_of(request)](RunArgs& args) {
    visit_float(args.inputs[0].dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      const auto* src = args.inputs[0].as<const T>();
      auto* dst = args.outputs[0].as<T>();
      for_parts(args.pool, view.lines(), view.length, [&](int64_t begin, int64_t end) {
        for (int64_t line = begin; line < end; ++line) {
          const int64_t first = view.first(line);
          hardmax_line(src + first, dst + first, view.length, view.inner);
        }
      });
    });
  });
}

OpDef axis_op() {
  OpDef op;
  op.versions = {1, 11, 13};
  op.inputs = {{"input", "T", kFloatTypes}};
  op.outputs = {{"output", "T", kFloatTypes}};
  op.attrs = {int_attr("axis", -1)};
  op.infer = infer_along_axis;
  return op;
}

}  // namespace

OpDef op_Softmax() {
  OpDef op = axis_op();
  op.kernels = {{"vectors", make_vectors<false>}, {"reference", make_reference<false>}};
  return op;
}
OpDef op_LogSoftmax() {
  OpDef op = axis_op();
  op.kernels = {{"vectors", make_vectors<true>}, {"reference", make_reference<true>}};
  return op;
}
OpDef op_Hardmax() {
  OpDef op = axis_op();
  op.kernels = {{"reference", make_hardmax}};
  return op;
}

}  // namespace sardonyx
