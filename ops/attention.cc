// Attention: softmax(softcap(scale * Q K') + mask) V per head, with grouped heads, a causal mask
// and a cache of past keys and values (spec: Attention-25).
#include <cmath>
#include <cstring>

#include "ops/attention_core.h"
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
  bool fits = !mask.empty() && mask.size() <= 4;
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

// ---- kernels

struct Heads {
  int64_t heads = 0, length = 0, size = 0;
  bool inside = false;  // heads are inside of positions (3-d)

  HeadStrides strides() const {
    return inside ? HeadStrides::heads_inside(heads, length, size)
                  : HeadStrides::heads_outside(heads, length, size);
  }
};

Heads heads_of(const Shape& shape, int64_t heads) {
  if (shape.rank() == 4) return {shape[1], shape[2], shape[3], false};
  return {heads, shape[1], shape[2] / heads, true};
}

struct Attention {
  AttentionShape shape;
  Heads k, v;
};

Attention read_attention(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  const Heads q = heads_of(request.inputs[0].shape(), attrs.get_int("q_num_heads"));
  Attention made;
  made.k = heads_of(request.inputs[1].shape(), attrs.get_int("kv_num_heads"));
  made.v = heads_of(request.inputs[2].shape(), attrs.get_int("kv_num_heads"));
  AttentionShape& shape = made.shape;
  shape.batch = request.inputs[0].shape()[0];
  shape.heads = q.heads;
  shape.kv_heads = made.k.heads;
  shape.rows = q.length;
  shape.size = q.size;
  shape.value_size = made.v.size;
  shape.past = request.has_input(kPastKey) ? request.inputs[kPastKey].shape()[2] : 0;
  shape.columns = shape.past + made.k.length;
  shape.q = q.strides();
  shape.k = made.k.strides();
  shape.v = made.v.strides();
  if (shape.past > 0) {  // joined, with heads outside
    shape.k = HeadStrides::heads_outside(shape.kv_heads, shape.columns, shape.size);
    shape.v = HeadStrides::heads_outside(shape.kv_heads, shape.columns, shape.value_size);
  }
  shape.y = Heads{q.heads, q.length, made.v.size, q.inside}.strides();
  shape.scale = attrs.has("scale") ? static_cast<double>(attrs.get_float("scale"))
                                   : 1 / std::sqrt(static_cast<double>(shape.size));
  shape.softcap = static_cast<double>(attrs.get_float("softcap"));
  shape.causal = attrs.get_int("is_causal") != 0;
  shape.past_from_lengths = true;
  shape.left_window = attrs.get_int("left_window_size", -1);
  shape.right_window = attrs.get_int("right_window_size", -1);
  shape.scores_mode = attrs.get_int("qk_matmul_output_mode");
  if (request.has_input(kMask)) set_mask(shape, request.inputs[kMask].shape());
  return made;
}

bool has_input(const RunArgs& args, size_t index) {
  return index < args.inputs.size() && args.inputs[index].data != nullptr;
}
bool has_output(const RunArgs& args, size_t index) {
  return index < args.outputs.size() && args.outputs[index].data != nullptr;
}

// Past and new keys (or values), one after the other for each head.
void join(const RunArgs& args, size_t past, size_t fresh, const Heads& heads, int64_t past_length,
          void* joined) {
  if (heads.size == 0) return;
  const size_t bytes = dtype_bytes(args.inputs[fresh].dtype, heads.size);
  const auto* old = has_input(args, past) ? static_cast<const char*>(args.inputs[past].data)
                                          : static_cast<const char*>(nullptr);
  const auto* added = static_cast<const char*>(args.inputs[fresh].data);
  const HeadStrides strides = heads.strides();
  const int64_t batch = args.inputs[fresh].shape[0];
  const size_t old_bytes = bytes * static_cast<size_t>(past_length);
  args.pool->parallel_for(batch * heads.heads, [&](int64_t task) {
    const int64_t total = past_length + heads.length;
    auto* dst = static_cast<char*>(joined) + static_cast<size_t>(task * total) * bytes;
    if (past_length > 0) {
      std::memcpy(dst, old + static_cast<size_t>(task) * old_bytes, old_bytes);
    }
    dst += old_bytes;
    for (int64_t at = 0; at < heads.length; ++at, dst += bytes) {
      const int64_t place = strides.at(task / heads.heads, task % heads.heads, at) / heads.size;
      std::memcpy(dst, added + static_cast<size_t>(place) * bytes, bytes);
    }
  });
}

class AttentionKernel final : public Kernel {
 public:
  AttentionKernel(const KernelRequest& request, std::unique_ptr<AttentionCore> core,
                  const Attention& attention)
      : core_(std::move(core)), attention_(attention) {
    const AttentionShape& shape = attention.shape;
    const auto bytes = [&](size_t input, const Heads& heads, size_t output) {
      if (shape.past == 0 || request.has_output(output)) return size_t{0};
      const int64_t count = shape.batch * heads.heads * shape.columns * heads.size;
      return (dtype_bytes(request.inputs[input].dtype(), count) + 63) / 64 * 64;
    };
    key_bytes_ = bytes(1, attention.k, kPresentKey);
    value_bytes_ = bytes(2, attention.v, kPresentValue);
  }

  size_t workspace_bytes() const override {
    return core_->workspace_bytes() + key_bytes_ + value_bytes_;
  }
  double flops() const override {
    const AttentionShape& shape = attention_.shape;
    return 2.0 * static_cast<double>(shape.batch * shape.heads * shape.rows * shape.columns) *
           static_cast<double>(shape.size + shape.value_size);
  }

  void run(RunArgs& args) const override {
    auto* workspace = static_cast<char*>(args.workspace);
    AttentionOperands operands;
    operands.q = args.inputs[0].data;
    operands.k = joined(args, kPastKey, 1, kPresentKey, attention_.k, workspace);
    operands.v = joined(args, kPastValue, 2, kPresentValue, attention_.v, workspace + key_bytes_);
    operands.y = args.outputs[0].data;
    if (has_input(args, kMask)) operands.mask = args.inputs[kMask];
    if (has_input(args, kValidLengths)) {
      operands.lengths = args.inputs[kValidLengths].as<int64_t>();
    }
    if (has_output(args, kScores)) operands.scores = args.outputs[kScores].data;
    core_->run(operands, workspace + key_bytes_ + value_bytes_, *args.pool);
  }

 private:
  // All keys (or values), joined in the present output where there is one.
  const void* joined(const RunArgs& args, size_t past, size_t fresh, size_t present,
                     const Heads& heads, char* memory) const {
    const int64_t length = attention_.shape.past;
    void* to = has_output(args, present) ? args.outputs[present].data : nullptr;
    if (to == nullptr && length > 0) to = memory;
    if (to != nullptr) join(args, past, fresh, heads, length, to);
    return length > 0 ? to : args.inputs[fresh].data;
  }

  std::unique_ptr<AttentionCore> core_;
  Attention attention_;
  size_t key_bytes_ = 0, value_bytes_ = 0;
};

Result<void> expect_concrete_inputs(const KernelRequest& request) {
  for (const Operand& operand : request.inputs) {
    if (operand.present() && !operand.is_concrete()) {
      return decline("its shapes are not known when the plan is made");
    }
  }
  return {};
}

Result<std::unique_ptr<Kernel>> make_fast(const KernelRequest& request) {
  TRY(expect_concrete_inputs(request));
  const DType dtype = request.inputs[0].dtype();
  if (request.inputs[2].dtype() != dtype) return decline("Q and V differ in dtype");
  if (request.has_output(kScores)) return decline("the scores are an output");
  const Attention attention = read_attention(request);
  TRY(check_sizes(attention.shape));
  const AttentionShape& shape = attention.shape;
  if (shape.columns == 0 || shape.size == 0 || shape.kv_heads == 0) return decline("no keys");
  auto core = make_fast_attention(shape, dtype, request.tier, request.threads);
  if (core == nullptr) return decline("not for {}", dtype_name(dtype));
  return std::make_unique<AttentionKernel>(request, std::move(core), attention);
}

Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  TRY(expect_concrete_inputs(request));
  const Attention attention = read_attention(request);
  TRY(check_sizes(attention.shape));
  auto core =
      make_plain_attention(attention.shape, request.inputs[1].dtype(), request.inputs[2].dtype());
  if (core == nullptr) return decline("its inputs are not floats");
  return std::make_unique<AttentionKernel>(request, std::move(core), attention);
}

}  // namespace

OpDef op_Attention() {
  using Kind = FormalAttr::Kind;
  constexpr DTypeSet kMaskTypes = kNumericTypes | dtype_set(DType::kBool);
  OpDef op;
  op.versions = {23, 24, 25};
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
              int_attr("left_window_size", -1),
              optional_attr("q_num_heads", Kind::kInt),
              int_attr("qk_matmul_output_mode", 0),
              int_attr("right_window_size", -1),
              optional_attr("scale", Kind::kFloat),
              float_attr("softcap", 0),
              optional_attr("softmax_precision", Kind::kInt)};
  op.infer = infer;
  op.kernels = {{"blocks", make_fast}, {"reference", make_reference}};
  return op;
}

}  // namespace sardonyx
