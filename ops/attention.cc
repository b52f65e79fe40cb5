// Attention: softmax(softcap(scale * Q K') + mask) V per head, with grouped heads, a causal mask
// and a cache of past keys and values (spec: Attention-24).
#include <cmath>
#include <limits>

#include "ops/number.h"
#include "ops/op.h"

namespace sardonyx {
namespace {

constexpr size_t kMask = 3, kPastKey = 4, kPastValue = 5, kValidLengths = 6;
constexpr size_t kPresentKey = 1, kPresentValue = 2, kScores = 3;

// One of Q, K or V: its sizes in either form, 4-d with heads outside or 3-d with heads inside.
struct HeadsView {
  Dim batch, heads, length, size;
};

Result<HeadsView> read_heads(const InferContext& context, size_t index, std::string_view attr) {
  const Dims& dims = context.dims(index);
  if (dims.size() == 4) return HeadsView{dims[0], dims[1], dims[2], dims[3]};
  if (dims.size() != 3) {
    return fail(Code::kInvalidArgument, "{} must have rank 3 or 4", context.describe(index));
  }
  const int64_t heads = context.attrs().get_int(attr);
  if (heads < 1) {
    return fail(Code::kInvalidGraph, "{} has rank 3, so attribute {} must be 1 or more",
                context.describe(index), attr);
  }
  if (dims[2].is_constant() && dims[2].value() % heads != 0) {
    return fail(Code::kInvalidArgument, "{} has {} columns, not a multiple of {}={}",
                context.describe(index), dims[2].value(), attr, heads);
  }
  return HeadsView{dims[0], heads, dims[1], floor_div(dims[2], heads)};
}

bool differ(const Dim& a, const Dim& b) { return a.is_constant() && b.is_constant() && !(a == b); }

Result<void> check_views(const InferContext& context, const HeadsView& q, const HeadsView& k,
                         const HeadsView& v) {
  if (differ(q.batch, k.batch) || differ(k.batch, v.batch)) {
    return fail(Code::kInvalidArgument, "{}, {} and {} differ in their batch", context.describe(0),
                context.describe(1), context.describe(2));
  }
  if (differ(q.size, k.size)) {
    return fail(Code::kInvalidArgument, "heads of {} have size {}, those of {} {}",
                context.describe(0), q.size.to_string(), context.describe(1), k.size.to_string());
  }
  if (differ(k.heads, v.heads) || differ(k.length, v.length)) {
    return fail(Code::kInvalidArgument, "{} and {} differ in heads or length", context.describe(1),
                context.describe(2));
  }
  const bool known = q.heads.is_constant() && k.heads.is_constant();
  if (known && (k.heads.value() == 0 || q.heads.value() % k.heads.value() != 0)) {
    return fail(Code::kInvalidArgument, "{} query heads are not a multiple of {} key heads",
                q.heads.value(), k.heads.value());
  }
  return {};
}

Result<void> check_past(const InferContext& context, const HeadsView& k, const HeadsView& v) {
  if (context.has_input(kPastKey) != context.has_input(kPastValue)) {
    return fail(Code::kInvalidGraph, "past_key and past_value must be given together");
  }
  if (!context.has_rank(kPastKey) || !context.has_rank(kPastValue)) return {};
  for (const auto& [index, view] : {std::pair{kPastKey, k}, std::pair{kPastValue, v}}) {
    const Dims& dims = context.dims(index);
    if (dims.size() != 4 || differ(dims[0], view.batch) || differ(dims[1], view.heads) ||
        differ(dims[3], view.size)) {
      return fail(Code::kInvalidArgument, "{} must be {}x{}xPx{}", context.describe(index),
                  view.batch.to_string(), view.heads.to_string(), view.size.to_string());
    }
  }
  if (differ(context.dims(kPastKey)[2], context.dims(kPastValue)[2])) {
    return fail(Code::kInvalidArgument, "{} and {} differ in length", context.describe(kPastKey),
                context.describe(kPastValue));
  }
  return {};
}

Result<void> check_mask(const InferContext& context, const Dims& scores) {
  if (!context.has_rank(kMask)) return {};
  const Dims& mask = context.dims(kMask);
  bool fits = mask.size() >= 1 && mask.size() <= 4;
  for (size_t i = 0; fits && i < mask.size(); ++i) {
    const Dim& wanted = scores[4 - mask.size() + i];
    const bool known = mask[i].is_constant() && wanted.is_constant();
    if (!known || mask[i] == wanted || mask[i] == Dim(1)) continue;
    fits = i + 1 == mask.size() && mask[i].value() < wanted.value();
  }
  if (!fits) {
    return fail(Code::kInvalidArgument, "{} does not broadcast to the scores, which are {}",
                context.describe(kMask), to_string(scores));
  }
  return {};
}

Result<void> infer(InferContext& context) {
  const DType dtype = context.dtype(0);
  if (!context.has_rank(0) || !context.has_rank(1) || !context.has_rank(2)) {
    context.set_output(0, dtype);
    context.set_output(kPresentKey, context.dtype(1));
    context.set_output(kPresentValue, context.dtype(2));
    context.set_output(kScores, dtype);
    return {};
  }
  const HeadsView q = TRY(read_heads(context, 0, "q_num_heads"));
  const HeadsView k = TRY(read_heads(context, 1, "kv_num_heads"));
  const HeadsView v = TRY(read_heads(context, 2, "kv_num_heads"));
  TRY(check_views(context, q, k, v));
  TRY(check_past(context, k, v));
  Dim total = k.length;
  if (context.has_input(kPastKey)) {
    total = context.has_rank(kPastKey) ? total + context.dims(kPastKey)[2] : Dim::unknown();
  }
  const Dims scores = {q.batch, q.heads, q.length, total};
  TRY(check_mask(context, scores));
  if (context.has_rank(kValidLengths) && context.rank(kValidLengths) != 1) {
    return fail(Code::kInvalidArgument, "{} must have rank 1", context.describe(kValidLengths));
  }
  context.set_output(0, dtype,
                     context.rank(0) == 3 ? Dims{q.batch, q.length, q.heads * v.size}
                                          : Dims{q.batch, q.heads, q.length, v.size});
  context.set_output(kPresentKey, context.dtype(1), {k.batch, k.heads, total, k.size});
  context.set_output(kPresentValue, context.dtype(2), {v.batch, v.heads, total, v.size});
  context.set_output(kScores, dtype, scores);
  return {};
}

// ---- the plain kernel

struct Heads {
  int64_t heads = 0, length = 0, size = 0;
  bool inside = false;  // heads are inside of positions (3-d)

  int64_t offset(int64_t item, int64_t head, int64_t at) const {
    return (inside ? (item * length + at) * heads + head : (item * heads + head) * length + at) *
           size;
  }
};

struct AttentionShape {
  int64_t batch = 0, past = 0, total = 0;
  Heads q, k, v, y;
  double scale = 1, softcap = 0;
  bool causal = false;
  int64_t scores_mode = 0;
  // Of the mask, for item, head, row and column; 0 where it broadcasts.
  int64_t mask_strides[4] = {};
  int64_t mask_columns = 0;
};

Heads heads_of(const Shape& shape, int64_t heads) {
  if (shape.rank() == 4) return {shape[1], shape[2], shape[3], false};
  return {heads, shape[1], shape[2] / heads, true};
}

AttentionShape read_shape(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  AttentionShape shape;
  shape.q = heads_of(request.inputs[0].shape(), attrs.get_int("q_num_heads"));
  shape.k = heads_of(request.inputs[1].shape(), attrs.get_int("kv_num_heads"));
  shape.v = heads_of(request.inputs[2].shape(), attrs.get_int("kv_num_heads"));
  shape.y = {shape.q.heads, shape.q.length, shape.v.size, shape.q.inside};
  shape.batch = request.inputs[0].shape()[0];
  shape.past = request.has_input(kPastKey) ? request.inputs[kPastKey].shape()[2] : 0;
  shape.total = shape.past + shape.k.length;
  shape.scale = attrs.has("scale") ? static_cast<double>(attrs.get_float("scale"))
                                   : 1 / std::sqrt(static_cast<double>(shape.q.size));
  shape.softcap = static_cast<double>(attrs.get_float("softcap"));
  shape.causal = attrs.get_int("is_causal") != 0;
  shape.scores_mode = attrs.get_int("qk_matmul_output_mode");
  if (request.has_input(kMask)) {
    const Shape mask = request.inputs[kMask].shape();
    shape.mask_columns = mask.back();
    int64_t stride = 1;
    for (size_t i = mask.rank(); i-- > 0;) {
      const bool broadcasts = mask[i] == 1 && (i + 1 != mask.rank() || shape.total == 1);
      shape.mask_strides[4 - mask.rank() + i] = broadcasts ? 0 : stride;
      stride *= mask[i];
    }
  }
  return shape;
}

double mask_number(const TensorView& mask, int64_t at) {
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  if (mask.dtype == DType::kBool) return mask.as<bool>()[at] ? 0 : kNever;
  double number = 0;
  visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
              uint32_t, int64_t, uint64_t>(mask.dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    number = static_cast<double>(widen(mask.as<T>()[at]));
  });
  return number;
}

template <class TK, class TV>
class PlainAttention {
 public:
  PlainAttention(const AttentionShape& shape, RunArgs& args) : shape_(shape), args_(args) {}

  void run() {
    if (shape_.past > 0 || has_output(kPresentKey)) join_all();
    const int64_t rows = shape_.batch * shape_.q.heads * shape_.q.length;
    args_.pool->parallel_for(rows, [&](int64_t task) {
      const int64_t at = task % shape_.q.length;
      const int64_t head = task / shape_.q.length % shape_.q.heads;
      run_row(task / shape_.q.length / shape_.q.heads, head, at,
              static_cast<double*>(args_.workspace) + task * shape_.total, task);
    });
  }

 private:
  bool has_input(size_t index) const {
    return index < args_.inputs.size() && args_.inputs[index].data != nullptr;
  }
  bool has_output(size_t index) const {
    return index < args_.outputs.size() && args_.outputs[index].data != nullptr;
  }

  // Past and new keys (or values), one after the other, where an output asks for them.
  template <class T>
  void join(size_t past, size_t fresh, size_t present, const Heads& heads) {
    if (!has_output(present)) return;
    T* dst = args_.outputs[present].as<T>();
    for (int64_t item = 0; item < shape_.batch; ++item) {
      for (int64_t head = 0; head < heads.heads; ++head) {
        for (int64_t at = 0; at < shape_.total; ++at, dst += heads.size) {
          std::copy_n(position<T>(past, fresh, heads, item, head, at), heads.size, dst);
        }
      }
    }
  }
  void join_all() {
    join<TK>(kPastKey, 1, kPresentKey, shape_.k);
    join<TV>(kPastValue, 2, kPresentValue, shape_.v);
  }

  // The key or value vector at a position of past and new ones together.
  template <class T>
  const T* position(size_t past, size_t fresh, const Heads& heads, int64_t item, int64_t head,
                    int64_t at) const {
    if (at >= shape_.past) {
      return args_.inputs[fresh].as<T>() + heads.offset(item, head, at - shape_.past);
    }
    return args_.inputs[past].as<T>() +
           ((item * heads.heads + head) * shape_.past + at) * heads.size;
  }

  double mask_at(int64_t item, int64_t head, int64_t row, int64_t column) const {
    constexpr double kNever = -std::numeric_limits<double>::infinity();
    if (shape_.causal && column > row + shape_.past) return kNever;
    if (has_input(kValidLengths) && column >= args_.inputs[kValidLengths].as<int64_t>()[item]) {
      return kNever;
    }
    if (!has_input(kMask)) return 0;
    if (column >= shape_.mask_columns && shape_.mask_strides[3] != 0) return kNever;
    const int64_t* strides = shape_.mask_strides;
    return mask_number(args_.inputs[kMask], item * strides[0] + head * strides[1] +
                                                row * strides[2] + column * strides[3]);
  }

  void keep_scores(int64_t mode, const double* scores, int64_t task) {
    if (!has_output(kScores) || shape_.scores_mode != mode) return;
    TK* dst = args_.outputs[kScores].as<TK>() + task * shape_.total;
    for (int64_t j = 0; j < shape_.total; ++j) dst[j] = narrow<TK>(scores[j]);
  }

  void run_row(int64_t item, int64_t head, int64_t row, double* scores, int64_t task) {
    const int64_t kv_head = head / (shape_.q.heads / shape_.k.heads);
    const TK* q = args_.inputs[0].as<TK>() + shape_.q.offset(item, head, row);
    for (int64_t j = 0; j < shape_.total; ++j) {
      const TK* k = position<TK>(kPastKey, 1, shape_.k, item, kv_head, j);
      double sum = 0;
      for (int64_t d = 0; d < shape_.q.size; ++d) sum += widen(q[d]) * widen(k[d]);
      scores[j] = sum * shape_.scale;
    }
    keep_scores(0, scores, task);
    for (int64_t j = 0; j < shape_.total && shape_.softcap > 0; ++j) {
      scores[j] = std::tanh(scores[j] / shape_.softcap) * shape_.softcap;
    }
    keep_scores(1, scores, task);
    for (int64_t j = 0; j < shape_.total; ++j) scores[j] += mask_at(item, head, row, j);
    keep_scores(2, scores, task);
    soften(scores);
    keep_scores(3, scores, task);
    TK* y = args_.outputs[0].as<TK>() + shape_.y.offset(item, head, row);
    for (int64_t d = 0; d < shape_.v.size; ++d) {
      double sum = 0;
      for (int64_t j = 0; j < shape_.total; ++j) {
        if (scores[j] == 0) continue;  // a masked value may be anything
        sum += scores[j] * widen(position<TV>(kPastValue, 2, shape_.v, item, kv_head, j)[d]);
      }
      y[d] = narrow<TK>(sum);
    }
  }

  void soften(double* scores) const {
    double most = -std::numeric_limits<double>::infinity();
    for (int64_t j = 0; j < shape_.total; ++j) most = std::max(most, scores[j]);
    double sum = 0;
    for (int64_t j = 0; j < shape_.total; ++j) sum += scores[j] = std::exp(scores[j] - most);
    for (int64_t j = 0; j < shape_.total; ++j) scores[j] /= sum;
  }

  const AttentionShape& shape_;
  RunArgs& args_;
};

Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  for (const Operand& operand : request.inputs) {
    if (operand.present() && !operand.is_concrete()) {
      return decline("its shapes are not known when the plan is made");
    }
  }
  const AttentionShape shape = read_shape(request);
  const int64_t rows = shape.batch * shape.q.heads * shape.q.length;
  const auto bytes = static_cast<size_t>(rows * shape.total) * sizeof(double);
  std::unique_ptr<Kernel> kernel;
  visit_float(request.inputs[1].dtype(), [&](auto k) {
    visit_float(request.inputs[2].dtype(), [&](auto v) {
      using TK = typename decltype(k)::Type;
      using TV = typename decltype(v)::Type;
      kernel =
          make_kernel([shape](RunArgs& args) { PlainAttention<TK, TV>(shape, args).run(); }, bytes);
    });
  });
  if (kernel == nullptr) return decline("its inputs are not floats");
  return kernel;
}

}  // namespace

OpDef op_Attention() {
  using Kind = FormalAttr::Kind;
  constexpr DTypeSet kMaskTypes = kNumericTypes | dtype_set(DType::kBool);
  OpDef op;
  op.versions = {23, 24};
  op.inputs = {{"Q", "T1", kFloatTypes},
               {"K", "T1", kFloatTypes},
               {"V", "T2", kFloatTypes},
               {"attn_mask", "U", kMaskTypes, Form::kOptional},
               {"past_key", "T1", kFloatTypes, Form::kOptional},
               {"past_value", "T2", kFloatTypes, Form::kOptional},
               {"nonpad_kv_seqlen", "", dtype_set(DType::kInt64), Form::kOptional}};
  op.outputs = {{"Y", "T1", kFloatTypes},
                {"present_key", "T1", kFloatTypes, Form::kOptional},
                {"present_value", "T2", kFloatTypes, Form::kOptional},
                {"qk_matmul_output", "T1", kFloatTypes, Form::kOptional}};
  op.attrs = {int_attr("is_causal", 0),
              optional_attr("kv_num_heads", Kind::kInt),
              optional_attr("q_num_heads", Kind::kInt),
              int_attr("qk_matmul_output_mode", 0),
              optional_attr("scale", Kind::kFloat),
              float_attr("softcap", 0),
              optional_attr("softmax_precision", Kind::kInt)};
  op.infer = infer;
  op.kernels = {{"reference", make_reference}};
  return op;
}

}  // namespace sardonyx
