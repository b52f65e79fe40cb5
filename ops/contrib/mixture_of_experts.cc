// com.microsoft MoE: each row goes to the k experts that its router scores highest, and the results
// are added by the softmax of these scores. An expert is fc2 * act(fc1 * x + b1) + b2; the
// activation may be gated by a second product, fc3, or by a part of the first (swiglu).
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "cpu/attention.h"
#include "ops/number.h"
#include "ops/op.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr size_t kInput = 0, kRouter = 1, kFc1 = 2, kBias1 = 3, kFc2 = 4, kBias2 = 5, kFc3 = 6,
                 kBias3 = 7;

enum class ExpertActivation : uint8_t { kRelu, kGelu, kSilu, kIdentity, kSwiglu };

Result<ExpertActivation> activation_of(const std::string& name) {
  if (name == "relu") return ExpertActivation::kRelu;
  if (name == "gelu") return ExpertActivation::kGelu;
  if (name == "silu") return ExpertActivation::kSilu;
  if (name == "identity") return ExpertActivation::kIdentity;
  if (name == "swiglu") return ExpertActivation::kSwiglu;
  return fail(Code::kInvalidGraph,
              "activation_type is '{}', expected relu, gelu, silu, swiglu or identity", name);
}

Result<void> infer(InferContext& context) {
  const AttrMap& attrs = context.attrs();
  const ExpertActivation activation = TRY(activation_of(attrs.get_string("activation_type")));
  const int64_t fusion = attrs.get_int("swiglu_fusion");
  if (fusion < 0 || fusion > 2) {
    return fail(Code::kInvalidGraph, "swiglu_fusion is {}, expected 0, 1 or 2", fusion);
  }
  if (activation == ExpertActivation::kSwiglu && fusion == 0 && !context.has_input(kFc3)) {
    return fail(
        Code::kInvalidGraph,
        "swiglu_fusion is 0, but there are no fc3_experts_weights; expected 1 or 2 where fc1 "
        "holds both products");
  }
  if (attrs.get_int("use_sparse_mixer") != 0) {
    return fail(Code::kNotImplemented, "use_sparse_mixer is not known");
  }
  TRY(expect_rank(context, kRouter, 2));
  for (const size_t weights : {kFc1, kFc2, kFc3}) TRY(expect_rank(context, weights, 3));
  for (const size_t bias : {kBias1, kBias2, kBias3}) TRY(expect_rank(context, bias, 2));
  if (context.has_rank(kRouter) && context.dims(kRouter)[1].is_constant()) {
    const int64_t experts = context.dims(kRouter)[1].value(), k = attrs.get_int("k");
    if (k < 1 || k > experts) {
      return fail(Code::kInvalidGraph, "k is {}, but there are {} experts", k, experts);
    }
  }
  if (context.has_rank(kInput)) {
    context.set_output(0, context.dtype(0), context.dims(0));
  } else {
    context.set_output(0, context.dtype(0));
  }
  return {};
}

struct Experts {
  int64_t rows = 0, width = 0, experts = 0;
  int64_t inner = 0;  // numbers that go into fc2
  int64_t first = 0;  // numbers that come from fc1: twice as many where it holds both of swiglu
  int64_t k = 1;
  bool normalize = false;
  ExpertActivation activation = ExpertActivation::kRelu;
  bool interleaved = false;  // swiglu: gate and value side by side
  bool has_gate = false;     // fc3
  double alpha = 1, beta = 0, limit = std::numeric_limits<double>::infinity();
};

Result<void> expect_shape(const KernelRequest& request, size_t index, const Shape& wanted) {
  if (!request.has_input(index) || request.inputs[index].shape() == wanted) return {};
  return fail(Code::kInvalidArgument, "input {} is {}, expected {}", index,
              request.inputs[index].shape().to_string(), wanted.to_string());
}

Result<Experts> read_experts(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  for (const Operand& operand : request.inputs) {
    if (operand.present() && !operand.is_concrete()) {
      return decline("its shapes are not known when the plan is made");
    }
  }
  const AttrMap& attrs = request.node.attrs;
  const Shape input = request.inputs[kInput].shape();
  Experts made;
  if (input.rank() < 2) return fail(Code::kInvalidArgument, "the input must have rank 2 or 3");
  made.width = input.back();
  made.rows = input.count(0, input.rank() - 1);
  made.experts = request.inputs[kRouter].shape()[1];
  made.first = request.inputs[kFc1].shape()[1];
  made.inner = request.inputs[kFc2].shape()[2];
  made.k = attrs.get_int("k");
  made.normalize = attrs.get_int("normalize_routing_weights") != 0;
  made.activation = TRY(activation_of(attrs.get_string("activation_type")));
  made.interleaved = attrs.get_int("swiglu_fusion") == 1;
  made.has_gate = request.has_input(kFc3);
  made.alpha = static_cast<double>(attrs.get_float("activation_alpha"));
  made.beta = static_cast<double>(attrs.get_float("activation_beta"));
  if (attrs.has("swiglu_limit")) made.limit = static_cast<double>(attrs.get_float("swiglu_limit"));
  const bool halves = made.activation == ExpertActivation::kSwiglu && !made.has_gate;
  const int64_t first = halves ? 2 * made.inner : made.inner;
  constexpr int64_t kMost = int64_t{1} << 40;
  const auto numbers =
      Shape{made.rows, made.experts + made.first + made.inner + made.width}.checked_count();
  if (made.first > kMost || made.inner > kMost || !numbers || *numbers > kMost) {
    return fail(Code::kInvalidArgument, "{} rows for {} experts of {} numbers are too many",
                made.rows, made.experts, made.first);
  }
  TRY(expect_shape(request, kRouter, {made.rows, made.experts}));
  TRY(expect_shape(request, kFc1, {made.experts, first, made.width}));
  TRY(expect_shape(request, kBias1, {made.experts, first}));
  TRY(expect_shape(request, kFc2, {made.experts, made.width, made.inner}));
  TRY(expect_shape(request, kBias2, {made.experts, made.width}));
  TRY(expect_shape(request, kFc3, {made.experts, made.inner, made.width}));
  TRY(expect_shape(request, kBias3, {made.experts, made.inner}));
  return made;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// The form that ONNX Runtime computes here.
double gelu_by_tanh(double x) {
  constexpr double kRootOfTwoOverPi = 0.79788456080286535588;
  return x / 2 * (1 + std::tanh(kRootOfTwoOverPi * (x + 0.044715 * x * x * x)));
}

// C is what sums are kept in: f32 with the loops of a tier, else f64.
template <class T, class C>
class ExpertsKernel final : public Kernel {
 public:
  ExpertsKernel(const Experts& experts, Tier tier)
      : experts_(experts), loops_(attention_kernels(tier)) {}

  // Of each row: the results of fc1 and fc3, and what goes into fc2.
  size_t workspace_bytes() const override {
    return static_cast<size_t>(experts_.rows * (experts_.first + 2 * experts_.inner)) * sizeof(C) +
           static_cast<size_t>(experts_.rows * experts_.experts) * sizeof(double);
  }
  double flops() const override {
    return 2.0 * static_cast<double>(experts_.rows * experts_.k * experts_.width) *
           static_cast<double>(experts_.first + experts_.inner * (experts_.has_gate ? 2 : 1));
  }

  void run(RunArgs& args) const override {
    auto* shares = static_cast<double*>(args.workspace);
    auto* first = reinterpret_cast<C*>(shares + experts_.rows * experts_.experts);
    C* gate = first + experts_.rows * experts_.first;
    C* inner = gate + experts_.rows * experts_.inner;
    args.pool->parallel_for(experts_.rows, [&](int64_t row) { route(args, row, shares); });
    T* y = args.outputs[0].as<T>();
    std::fill_n(y, experts_.rows * experts_.width, narrow<T>(0));
    for (int64_t expert = 0; expert < experts_.experts; ++expert) {
      const auto chosen = [&](int64_t row) { return shares[row * experts_.experts + expert] != 0; };
      multiply(args, chosen, {kFc1, kBias1, expert, experts_.first, experts_.width},
               args.inputs[kInput].as<T>(), first);
      if (experts_.has_gate) {
        multiply(args, chosen, {kFc3, kBias3, expert, experts_.inner, experts_.width},
                 args.inputs[kInput].as<T>(), gate);
      }
      args.pool->parallel_for(experts_.rows, [&](int64_t row) {
        if (chosen(row)) activate(row, first, gate, inner);
      });
      add_second(args, chosen, expert, shares, inner, y);
    }
  }

 private:
  // One product with the weights of an expert: columns results from depth numbers.
  struct Product {
    size_t weights, bias;
    int64_t expert, columns, depth;
  };

  // How much each expert counts for the row; 0 for those that are not chosen.
  void route(const RunArgs& args, int64_t row, double* shares) const {
    const int64_t count = experts_.experts;
    const T* scores = args.inputs[kRouter].as<T>() + row * count;
    double* share = shares + row * count;
    double most = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t e = 0; e < count; ++e) most = std::max<double>(most, widen(scores[e]));
    for (int64_t e = 0; e < count; ++e) sum += std::exp(widen(scores[e]) - most);
    std::fill_n(share, count, 0.0);
    double chosen = 0;
    for (int64_t i = 0; i < experts_.k; ++i) {  // the first of equal ones
      int64_t best = -1;
      for (int64_t e = 0; e < count; ++e) {
        if (share[e] == 0 && (best < 0 || widen(scores[e]) > widen(scores[best]))) best = e;
      }
      share[best] =
          std::max(std::exp(widen(scores[best]) - most) / sum, std::numeric_limits<double>::min());
      chosen += share[best];
    }
    for (int64_t e = 0; e < count && experts_.normalize; ++e) share[e] /= chosen;
  }

  static C dot(const T* a, const T* b, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += widen(a[i]) * widen(b[i]);
    return static_cast<C>(sum);
  }

  // dst[row, col] for the rows that are chosen: tasks are blocks of columns, whose weights stay in
  // the second cache for all rows.
  template <class Chosen>
  void multiply(const RunArgs& args, const Chosen& chosen, const Product& product, const T* src,
                C* dst) const {
    constexpr int64_t kBlock = 32;
    const int64_t blocks = (product.columns + kBlock - 1) / kBlock;
    const int64_t before = product.expert * product.columns;
    const bool has_bias =
        product.bias < args.inputs.size() && args.inputs[product.bias].data != nullptr;
    args.pool->parallel_for(blocks, [&](int64_t task) {
      const int64_t begin = task * kBlock, end = std::min(begin + kBlock, product.columns);
      const T* weights =
          args.inputs[product.weights].template as<T>() + (before + begin) * product.depth;
      for (int64_t row = 0; row < experts_.rows; ++row) {
        if (!chosen(row)) continue;
        C* to = dst + row * product.columns + begin;
        products(src + row * product.depth, weights, end - begin, product.depth, to);
        for (int64_t i = 0; i < end - begin && has_bias; ++i) {
          to[i] +=
              static_cast<C>(widen(args.inputs[product.bias].template as<T>()[before + begin + i]));
        }
      }
    });
  }

  void products(const T* x, const T* weights, int64_t count, int64_t depth, C* to) const {
    if constexpr (std::is_same_v<T, float> && std::is_same_v<C, float>) {
      loops_.dot_rows(x, weights, depth, count, depth, to);
    } else {
      for (int64_t i = 0; i < count; ++i) to[i] = dot(x, weights + i * depth, depth);
    }
  }

  double act(double x) const {
    switch (experts_.activation) {
      case ExpertActivation::kRelu:
        return std::max(x, 0.0);
      case ExpertActivation::kGelu:
        return gelu_by_tanh(x);
      case ExpertActivation::kSilu:
        return x * sigmoid(x);
      default:
        return x;
    }
  }

  void activate(int64_t row, const C* first, const C* gate, C* inner) const {
    const C* x = first + row * experts_.first;
    const C* g = gate + row * experts_.inner;
    C* dst = inner + row * experts_.inner;
    const bool swiglu = experts_.activation == ExpertActivation::kSwiglu;
    for (int64_t i = 0; i < experts_.inner; ++i) {
      if (!swiglu) {
        const double y = act(static_cast<double>(x[i]));
        dst[i] = static_cast<C>(experts_.has_gate ? y * static_cast<double>(g[i]) : y);
        continue;
      }
      const C opens = experts_.interleaved && !experts_.has_gate ? x[2 * i] : x[i];
      const C value = experts_.has_gate      ? g[i]
                      : experts_.interleaved ? x[2 * i + 1]
                                             : x[experts_.inner + i];
      const double open = std::min(static_cast<double>(opens), experts_.limit);
      const double linear = std::clamp(static_cast<double>(value), -experts_.limit, experts_.limit);
      dst[i] = static_cast<C>(open * sigmoid(experts_.alpha * open) * (linear + experts_.beta));
    }
  }

  // y += share * (fc2 * inner + bias). The experts of a row are added in their order.
  template <class Chosen>
  void add_second(const RunArgs& args, const Chosen& chosen, int64_t expert, const double* shares,
                  const C* inner, T* y) const {
    constexpr int64_t kBlock = 32;
    const int64_t blocks = (experts_.width + kBlock - 1) / kBlock;
    const int64_t before = expert * experts_.width;
    const bool has_bias = kBias2 < args.inputs.size() && args.inputs[kBias2].data != nullptr;
    args.pool->parallel_for(blocks, [&](int64_t task) {
      const int64_t begin = task * kBlock, end = std::min(begin + kBlock, experts_.width);
      const T* weights = args.inputs[kFc2].as<T>() + (before + begin) * experts_.inner;
      C sums[kBlock];
      for (int64_t row = 0; row < experts_.rows; ++row) {
        if (!chosen(row)) continue;
        const C* x = inner + row * experts_.inner;
        second_products(x, weights, end - begin, sums);
        const double share = shares[row * experts_.experts + expert];
        for (int64_t i = 0; i < end - begin; ++i) {
          double sum = static_cast<double>(sums[i]);
          if (has_bias) sum += widen(args.inputs[kBias2].as<T>()[before + begin + i]);
          T& to = y[row * experts_.width + begin + i];
          to = narrow<T>(widen(to) + share * sum);
        }
      }
    });
  }

  void second_products(const C* x, const T* weights, int64_t count, C* to) const {
    const int64_t depth = experts_.inner;
    if constexpr (std::is_same_v<T, float> && std::is_same_v<C, float>) {
      loops_.dot_rows(x, weights, depth, count, depth, to);
    } else {
      for (int64_t i = 0; i < count; ++i) {
        double sum = 0;
        for (int64_t d = 0; d < depth; ++d) {
          sum += static_cast<double>(x[d]) * widen(weights[i * depth + d]);
        }
        to[i] = static_cast<C>(sum);
      }
    }
  }

  Experts experts_;
  const AttentionKernels& loops_;
};

Result<std::unique_ptr<Kernel>> make_fast(const KernelRequest& request) {
  if (request.inputs[kInput].dtype() != DType::kFloat32) return decline("not float32");
  const Experts experts = TRY(read_experts(request));
  return std::make_unique<ExpertsKernel<float, float>>(experts, request.tier);
}

Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  const Experts experts = TRY(read_experts(request));
  std::unique_ptr<Kernel> kernel;
  visit_float(request.inputs[kInput].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = std::make_unique<ExpertsKernel<T, double>>(experts, request.tier);
  });
  if (kernel == nullptr) return decline("its inputs are not floats");
  return kernel;
}

}  // namespace

OpDef op_MoE() {
  using Kind = FormalAttr::Kind;
  const auto floats = [](const char* name, Form form = Form::kSingle) {
    return FormalParam{name, "T", kFloatTypes, form};
  };
  OpDef op;
  op.versions = {1};
  op.inputs = {floats("input"),
               floats("router_probs"),
               floats("fc1_experts_weights"),
               floats("fc1_experts_bias", Form::kOptional),
               floats("fc2_experts_weights"),
               floats("fc2_experts_bias", Form::kOptional),
               floats("fc3_experts_weights", Form::kOptional),
               floats("fc3_experts_bias", Form::kOptional)};
  op.outputs = {floats("output")};
  op.attrs = {float_attr("activation_alpha", 1),           float_attr("activation_beta", 0),
              string_attr("activation_type", "relu"),      int_attr("k", 1),
              int_attr("normalize_routing_weights", 0),    int_attr("swiglu_fusion", 0),
              optional_attr("swiglu_limit", Kind::kFloat), int_attr("use_sparse_mixer", 0)};
  op.infer = infer;
  op.kernels = {{"rows", make_fast}, {"reference", make_reference}};
  return op;
}

}  // namespace sardonyx
