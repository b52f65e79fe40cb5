// LpNormalization, MeanVarianceNormalization and LRN.
#include <algorithm>
#include <cmath>
#include <functional>

#include "ops/axis_view.h"
#include "ops/fold_run.h"
#include "ops/norm/float_view.h"
#include "ops/reduce/layout.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

// ---- LpNormalization

Result<void> infer_lp(InferContext& context) {
  const int64_t p = context.attrs().get_int("p", 2);
  if (p != 1 && p != 2) return fail(Code::kInvalidArgument, "p is {}, but must be 1 or 2", p);
  return infer_along_axis(context);
}

// f32, lines of adjacent elements.
void normalize_rows(const AxisView& view, bool squares, RunArgs& args) {
  const auto* src = args.inputs[0].as<const float>();
  auto* dst = args.outputs[0].as<float>();
  for_parts(args.pool, view.outer, view.length, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* from = src + row * view.length;
      float* to = dst + row * view.length;
      const double sum = fold_run(
          from, view.length, 1, 0.0,
          [&](double total, double x) { return total + (squares ? x * x : std::fabs(x)); },
          std::plus<>());
      const double norm = squares ? std::sqrt(sum) : sum;
      const double scale = norm == 0 ? 0 : 1 / norm;
      for (int64_t i = 0; i < view.length; ++i) to[i] = static_cast<float>(from[i] * scale);
    }
  });
}

// f32, lines whose neighbours lie beside them: some together.
void normalize_columns(const AxisView& view, bool squares, RunArgs& args) {
  constexpr int64_t kColumns = 64;
  const int64_t tiles = (view.inner + kColumns - 1) / kColumns;
  const auto* src = args.inputs[0].as<const float>();
  auto* dst = args.outputs[0].as<float>();
  const auto normalize = [&](int64_t first, int64_t count) {
    double norms[kColumns] = {};
    for (int64_t i = 0; i < view.length; ++i) {
      const float* from = src + first + i * view.inner;
      for (int64_t c = 0; c < count; ++c) {
        const double x = from[c];
        norms[c] += squares ? x * x : std::fabs(x);
      }
    }
    for (double& norm : norms) {
      if (squares) norm = std::sqrt(norm);
      norm = norm == 0 ? 0 : 1 / norm;
    }
    for (int64_t i = 0; i < view.length; ++i) {
      const float* from = src + first + i * view.inner;
      float* to = dst + first + i * view.inner;
      for (int64_t c = 0; c < count; ++c) {
        to[c] = static_cast<float>(from[c] * norms[c]);
      }
    }
  };
  for_parts(args.pool, view.outer * tiles, view.length * kColumns, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t column = task % tiles * kColumns;
      normalize(task / tiles * view.length * view.inner + column,
                std::min(kColumns, view.inner - column));
    }
  });
}

Result<std::unique_ptr<Kernel>> make_lp_lines(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const AxisView view(request.inputs[0].shape(), request.node.attrs.get_int("axis", -1));
  if (request.inputs[0].dtype() != DType::kFloat32) return decline("not float32");
  const bool squares = request.node.attrs.get_int("p", 2) == 2;
  return make_kernel([view, squares](RunArgs& args) {
    if (view.inner == 1) return normalize_rows(view, squares, args);
    normalize_columns(view, squares, args);
  });
}

Result<std::unique_ptr<Kernel>> make_lp(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const AxisView view(request.inputs[0].shape(), request.node.attrs.get_int("axis", -1));
  const bool squares = request.node.attrs.get_int("p", 2) == 2;
  return make_kernel([view, squares](RunArgs& args) {
    const FloatView x(args.inputs[0]), y(args.outputs[0]);
    for_parts(args.pool, view.lines(), view.length, [&](int64_t begin, int64_t end) {
      for (int64_t line = begin; line < end; ++line) {
        const int64_t first = view.first(line);
        double norm = 0;
        for (int64_t i = 0; i < view.length; ++i) {
          const double each = x.get(first + i * view.inner);
          norm += squares ? each * each : std::fabs(each);
        }
        if (squares) norm = std::sqrt(norm);
        for (int64_t i = 0; i < view.length; ++i) {
          const int64_t at = first + i * view.inner;
          y.set(at, norm == 0 ? 0 : x.get(at) / norm);
        }
      }
    });
  });
}

// ---- MeanVarianceNormalization

Result<void> infer_mvn(InferContext& context) {
  if (!context.has_rank(0)) {
    context.set_output(0, context.dtype(0));
    return {};
  }
  TRY(normalized_axes(context, context.attrs().get_ints("axes"), context.rank(0)));
  context.set_output(0, context.dtype(0), context.dims(0));
  return {};
}

constexpr double kMvnEpsilon = 1e-9;  // of the operator's function body

ReduceLayout mvn_layout(const KernelRequest& request) {
  const Shape shape = request.inputs[0].shape();
  std::vector<int64_t> axes = request.node.attrs.get_ints("axes");
  for (int64_t& axis : axes) axis += axis < 0 ? static_cast<int64_t>(shape.rank()) : 0;
  return ReduceLayout(shape, axes);
}

// f32, the elements of one mean in runs.
void normalize_runs(const ReduceLayout& layout, RunArgs& args) {
  const auto* src = args.inputs[0].as<const float>();
  auto* dst = args.outputs[0].as<float>();
  const auto outer = std::span(layout.reduced).first(layout.reduced.size() - 1);
  const int64_t run = layout.reduced.back().dim;
  const int64_t runs = layout.reduced_count / run;
  const auto count = static_cast<double>(layout.reduced_count);
  for_parts(args.pool, layout.outputs, layout.reduced_count, [&](int64_t begin, int64_t end) {
    Walk kept(layout.kept, begin);
    Walk walk(outer);
    for (int64_t i = begin; i < end; ++i, kept.next()) {
      const auto sum_of = [&](auto term) {
        double sum = 0;
        for (int64_t r = 0; r < runs; ++r, walk.next()) {
          sum += fold_run(
              src + kept.offset() + walk.offset(), run, 1, 0.0,
              [&](double total, double x) { return total + term(x); }, std::plus<>());
        }
        return sum;
      };
      const double mean = sum_of([](double x) { return x; }) / count;
      const double variance = sum_of([&](double x) { return (x - mean) * (x - mean); }) / count;
      const double scale = 1 / (std::sqrt(variance) + kMvnEpsilon);
      for (int64_t r = 0; r < runs; ++r, walk.next()) {
        const float* from = src + kept.offset() + walk.offset();
        float* to = dst + kept.offset() + walk.offset();
        for (int64_t k = 0; k < run; ++k) to[k] = static_cast<float>((from[k] - mean) * scale);
      }
    }
  });
}

Result<std::unique_ptr<Kernel>> make_mvn_runs(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  if (request.inputs[0].dtype() != DType::kFloat32) return decline("not float32");
  const ReduceLayout layout = mvn_layout(request);
  if (layout.outputs * layout.reduced_count == 0) return decline("it is empty");
  if (!layout.rows()) return decline("not along the last axis");
  return make_kernel([layout](RunArgs& args) { normalize_runs(layout, args); });
}

Result<std::unique_ptr<Kernel>> make_mvn(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  return make_kernel([layout = mvn_layout(request)](RunArgs& args) {
    const FloatView x(args.inputs[0]), y(args.outputs[0]);
    const auto count = static_cast<double>(layout.reduced_count);
    for_parts(args.pool, layout.outputs, layout.reduced_count, [&](int64_t begin, int64_t end) {
      Walk kept(layout.kept, begin);
      Walk walk(layout.reduced);
      for (int64_t i = begin; i < end; ++i, kept.next()) {
        const int64_t first = kept.offset();
        const auto for_each = [&](auto&& fn) {
          for (int64_t r = 0; r < layout.reduced_count; ++r, walk.next()) fn(first + walk.offset());
        };
        double mean = 0, variance = 0;
        for_each([&](int64_t at) { mean += x.get(at); });
        mean /= count;
        for_each([&](int64_t at) { variance += (x.get(at) - mean) * (x.get(at) - mean); });
        const double deviation = std::sqrt(variance / count) + kMvnEpsilon;
        for_each([&](int64_t at) { y.set(at, (x.get(at) - mean) / deviation); });
      }
    });
  });
}

// ---- LRN

Result<void> infer_lrn(InferContext& context) {
  TRY(expect_min_rank(context, 0, 2));
  const int64_t size = context.attrs().get_int("size");
  if (size < 1) return fail(Code::kInvalidArgument, "size is {}, but must be positive", size);
  set_like_input(context);
  if (context.has_rank(0)) set_like_input(context, context.dims(0));
  return {};
}

struct LocalResponse {
  AxisView view;
  int64_t before, after;  // channels that count, around each
  double alpha, beta, bias;

  // Channels of one place, first to last, with a window of squares that moves along.
  void run_line(const FloatView& x, const FloatView& y, int64_t first) const {
    for (int64_t c = 0; c < view.length; ++c) {
      double squares = 0;
      const int64_t last = std::min(view.length - 1, c + after);
      for (int64_t i = std::max<int64_t>(0, c - before); i <= last; ++i) {
        const double each = x.get(first + i * view.inner);
        squares += each * each;
      }
      const int64_t at = first + c * view.inner;
      y.set(at, x.get(at) / std::pow(bias + alpha * squares, beta));
    }
  }
};

Result<std::unique_ptr<Kernel>> make_lrn(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const AttrMap& attrs = request.node.attrs;
  const int64_t size = attrs.get_int("size");
  const LocalResponse response{
      AxisView(request.inputs[0].shape(), 1),
      (size - 1) / 2,
      size - 1 - (size - 1) / 2,
      static_cast<double>(attrs.get_float("alpha", 1e-4f)) / static_cast<double>(size),
      attrs.get_float("beta", 0.75f),
      attrs.get_float("bias", 1.0f)};
  return make_kernel([response](RunArgs& args) {
    const FloatView x(args.inputs[0]), y(args.outputs[0]);
    const AxisView& view = response.view;
    for_parts(args.pool, view.lines(), view.length, [&](int64_t begin, int64_t end) {
      for (int64_t line = begin; line < end; ++line) response.run_line(x, y, view.first(line));
    });
  });
}

OpDef norm_op(std::vector<int> versions, StaticText input, StaticText output) {
  OpDef op;
  op.versions = std::move(versions);
  op.inputs = {{input, "T", kFloatTypes}};
  op.outputs = {{output, "T", kFloatTypes}};
  return op;
}

}  // namespace

OpDef op_LpNormalization() {
  OpDef op = norm_op({1, 22}, "input", "output");
  op.attrs = {int_attr("axis", -1), int_attr("p", 2)};
  op.infer = infer_lp;
  op.kernels = {{"lines", make_lp_lines}, {"reference", make_lp}};
  return op;
}

OpDef op_MeanVarianceNormalization() {
  OpDef op = norm_op({9, 13}, "X", "Y");
  FormalAttr axes = optional_attr("axes", FormalAttr::Kind::kInts);
  axes.default_value = std::vector<int64_t>{0, 2, 3};
  op.attrs = {axes};
  op.infer = infer_mvn;
  op.kernels = {{"runs", make_mvn_runs}, {"reference", make_mvn}};
  return op;
}

OpDef op_LRN() {
  OpDef op = norm_op({1, 13}, "X", "Y");
  op.attrs = {float_attr("alpha", 1e-4f), float_attr("beta", 0.75f), float_attr("bias", 1.0f),
              required_attr("size", FormalAttr::Kind::kInt)};
  op.infer = infer_lrn;
  op.kernels = {{"reference", make_lrn}};
  return op;
}

}  // namespace sardonyx
