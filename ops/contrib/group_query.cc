// com.microsoft GroupQueryAttention: new queries, keys and values of each item, perhaps packed and
// to be rotated; its keys and values join those of the cache behind the ones it has (seqlens_k
// counts them all, less 1); causal attention over the cache. Documented in ONNX Runtime's
// ContribOperators.
#include <algorithm>
#include <cmath>

#include "ops/attention_core.h"
#include "ops/op.h"
#include "ops/rotary.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr size_t kQuery = 0, kKey = 1, kValue = 2, kPastKey = 3, kPastValue = 4, kLengths = 5,
                 kTotal = 6, kCosines = 7, kSines = 8, kPositions = 9, kBias = 10, kSinks = 11,
                 kKeyScale = 12, kValueScale = 13, kQueryNorm = 14, kKeyNorm = 15;
constexpr size_t kPresentKey = 1, kPresentValue = 2, kScores = 3;

// ---- types and shapes

Result<void> check_attrs(const InferContext& context) {
  const AttrMap& attrs = context.attrs();
  const int64_t heads = attrs.get_int("num_heads"), kv_heads = attrs.get_int("kv_num_heads");
  if (heads < 1 || kv_heads < 1 || heads % kv_heads != 0) {
    return fail(Code::kInvalidGraph,
                "num_heads is {} and kv_num_heads {}, but the first must be a multiple of the "
                "second",
                heads, kv_heads);
  }
  if (context.has_input(kKeyScale) || context.has_input(kValueScale) ||
      attrs.get_string("k_quant_type") != "NONE" || attrs.get_string("v_quant_type") != "NONE") {
    return fail(Code::kNotImplemented, "a quantized cache is not known");
  }
  if (attrs.get_int("sliding_window_cache") != 0) {
    return fail(Code::kNotImplemented, "sliding_window_cache is not known");
  }
  if (attrs.get_int("do_rotary") != 0 &&
      (!context.has_input(kCosines) || !context.has_input(kSines))) {
    return fail(Code::kInvalidGraph, "do_rotary=1 needs cos_cache and sin_cache");
  }
  if (context.has_input(kKey) != context.has_input(kValue)) {
    return fail(Code::kInvalidGraph, "key and value must be given together, or both be packed");
  }
  if (context.has_input(kPastKey) != context.has_input(kPastValue)) {
    return fail(Code::kInvalidGraph, "past_key and past_value must be given together");
  }
  return {};
}

// The length of the present: that of the past's buffer, or more where all there is needs more.
Dim present_length(InferContext& context) {
  const auto total = context.ints(kTotal);
  const bool known = total && total->size() == 1 && (*total)[0].is_constant();
  if (!context.has_input(kPastKey)) return known ? (*total)[0] : Dim::unknown();
  if (!known || !context.has_rank(kPastKey)) return Dim::unknown();
  const Dim past = context.dims(kPastKey)[2];
  if (!past.is_constant()) return Dim::unknown();
  return Dim(std::max(past.value(), (*total)[0].value()));
}

Result<void> check_cache(const InferContext& context, size_t index, const Dims& wanted) {
  if (!context.has_rank(index)) return {};
  const Dims& dims = context.dims(index);
  bool fits = dims.size() == 4;
  for (size_t i = 0; fits && i < 4; ++i) {
    const bool known = dims[i].is_constant() && wanted[i].is_constant();
    fits = i == 2 || !known || dims[i] == wanted[i];
  }
  if (fits) return {};
  return fail(Code::kInvalidArgument, "{} must be {}x{}xPx{}", context.describe(index),
              wanted[0].to_string(), wanted[1].to_string(), wanted[3].to_string());
}

Result<void> infer(InferContext& context) {
  TRY(check_attrs(context));
  const DType dtype = context.dtype(kQuery);
  for (size_t i = 0; i < 4; ++i) context.set_output(i, dtype);
  TRY(expect_rank(context, kQuery, 3));
  TRY(expect_rank(context, kKey, 3));
  TRY(expect_rank(context, kValue, 3));
  TRY(expect_rank(context, kPastKey, 4));
  TRY(expect_rank(context, kCosines, 2));
  TRY(expect_rank(context, kSines, 2));
  if (!context.has_rank(kQuery)) return {};
  const int64_t heads = context.attrs().get_int("num_heads");
  const int64_t kv_heads = context.attrs().get_int("kv_num_heads");
  const Dims& query = context.dims(kQuery);
  const int64_t vectors = context.has_input(kKey) ? heads : heads + 2 * kv_heads;
  if (query[2].is_constant() && query[2].value() % vectors != 0) {
    return fail(Code::kInvalidArgument, "{} has {} columns, not a multiple of {} heads",
                context.describe(kQuery), query[2].value(), vectors);
  }
  const Dim size = floor_div(query[2], vectors);
  const Dims present = {query[0], Dim(kv_heads), present_length(context), size};
  TRY(check_cache(context, kPastKey, present));
  TRY(check_cache(context, kPastValue, present));
  context.set_output(0, dtype, {query[0], query[1], size * heads});
  context.set_output(kPresentKey, dtype, present);
  context.set_output(kPresentValue, dtype, present);
  const auto total = context.ints(kTotal);
  const bool known = total && total->size() == 1;
  context.set_output(kScores, dtype,
                     {query[0], Dim(heads), query[1], known ? (*total)[0] : Dim::unknown()});
  return {};
}

// ---- kernels

struct GroupQuery {
  AttentionShape attention;
  bool packed = false;
  int64_t past_length = 0;     // of the past's buffer
  int64_t present_length = 0;  // of the present's
  int64_t rotated = 0;         // numbers of a vector that are rotated
  bool interleaved = false;
  int64_t angle_rows = 0;
  bool positions_per_item = false;
  double norm_epsilon = 0;
  // Of a row of query, key and value, in elements; and where key and value begin in a packed one.
  int64_t query_row = 0, key_row = 0;
};

GroupQuery read_group_query(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  const Shape query = request.inputs[kQuery].shape();
  GroupQuery made;
  AttentionShape& shape = made.attention;
  made.packed = !request.has_input(kKey);
  shape.batch = query[0];
  shape.rows = query[1];
  shape.heads = attrs.get_int("num_heads");
  shape.kv_heads = attrs.get_int("kv_num_heads");
  const int64_t vectors = made.packed ? shape.heads + 2 * shape.kv_heads : shape.heads;
  shape.size = shape.value_size = query[2] / vectors;
  made.query_row = query[2];
  made.key_row = made.packed ? query[2] : shape.kv_heads * shape.size;
  made.past_length = request.has_input(kPastKey) ? request.inputs[kPastKey].shape()[2] : 0;
  made.present_length = request.has_output(kPresentKey) ? request.outputs[kPresentKey].shape()[2]
                                                        : made.past_length + shape.rows;
  shape.columns = made.present_length;
  shape.q = HeadStrides::heads_inside(shape.heads, shape.rows, shape.size);
  shape.k = shape.v = HeadStrides::heads_outside(shape.kv_heads, shape.columns, shape.size);
  shape.y = shape.q;
  const float scale = attrs.get_float("scale");
  shape.scale =
      scale == 0 ? 1 / std::sqrt(static_cast<double>(shape.size)) : static_cast<double>(scale);
  shape.softcap = static_cast<double>(attrs.get_float("softcap"));
  shape.causal = attrs.get_int("causal") != 0;
  shape.window = std::max<int64_t>(0, attrs.get_int("local_window_size"));
  shape.has_sink = attrs.get_int("smooth_softmax") == 1 || request.has_input(kSinks);
  shape.scores_mode = attrs.get_int("qk_output") == 1 ? 2 : 3;
  shape.unseen_is_zero = true;
  if (request.has_input(kBias)) set_mask(shape, request.inputs[kBias].shape());
  if (attrs.get_int("do_rotary") != 0) {
    const Shape angles = request.inputs[kCosines].shape();
    made.rotated = 2 * angles[1];
    made.angle_rows = angles[0];
    made.interleaved = attrs.get_int("rotary_interleaved") != 0;
  }
  if (request.has_input(kPositions)) {
    made.positions_per_item =
        request.inputs[kPositions].shape().count() == shape.batch * shape.rows;
  }
  made.norm_epsilon = static_cast<double>(attrs.get_float("qk_norm_epsilon"));
  return made;
}

bool has_input(const RunArgs& args, size_t index) {
  return index < args.inputs.size() && args.inputs[index].data != nullptr;
}

// The vectors of one row on their way from the input to where attention reads them.
template <class T>
class RowMover {
 public:
  RowMover(const GroupQuery& group, const RunArgs& args) : group_(group) {
    if (group.rotated > 0) {
      cosines_ = args.inputs[kCosines].as<T>();
      sines_ = args.inputs[kSines].as<T>();
    }
    if (has_input(args, kQueryNorm)) query_norm_ = args.inputs[kQueryNorm].as<T>();
    if (has_input(args, kKeyNorm)) key_norm_ = args.inputs[kKeyNorm].as<T>();
  }

  void move_query(const T* src, T* dst, int64_t position) const {
    move(src, dst, position, query_norm_);
  }
  void move_key(const T* src, T* dst, int64_t position) const {
    move(src, dst, position, key_norm_);
  }

 private:
  void move(const T* src, T* dst, int64_t position, const T* norm) const {
    const int64_t size = group_.attention.size;
    if (norm != nullptr) {
      double squares = 0;
      for (int64_t i = 0; i < size; ++i) squares += widen(src[i]) * widen(src[i]);
      const double factor =
          1 / std::sqrt(squares / static_cast<double>(size) + group_.norm_epsilon);
      for (int64_t i = 0; i < size; ++i)
        dst[i] = narrow<T>(widen(src[i]) * factor * widen(norm[i]));
      src = dst;
    } else if (group_.rotated < size) {
      std::copy(src + group_.rotated, src + size, dst + group_.rotated);
    }
    const int64_t half = group_.rotated / 2;
    if (half == 0) return;
    rotate_vector(src, cosines_ + position * half, sines_ + position * half, half,
                  group_.interleaved, dst);
  }

  const GroupQuery& group_;
  const T* cosines_ = nullptr;
  const T* sines_ = nullptr;
  const T* query_norm_ = nullptr;
  const T* key_norm_ = nullptr;
};

template <class T>
class GroupQueryKernel final : public Kernel {
 public:
  GroupQueryKernel(const GroupQuery& group, std::unique_ptr<AttentionCore> core)
      : group_(group), core_(std::move(core)) {
    const AttentionShape& shape = group.attention;
    const auto count = static_cast<size_t>(shape.batch * shape.rows * shape.heads * shape.size);
    query_bytes_ = (count * sizeof(T) + 63) / 64 * 64;
    const int64_t cache = shape.batch * shape.kv_heads * group.present_length * shape.size;
    cache_bytes_ = (static_cast<size_t>(cache) * sizeof(T) + 63) / 64 * 64;
    numbers_bytes_ = (2 * static_cast<size_t>(shape.batch) * sizeof(int64_t) + 63) / 64 * 64;
  }

  size_t workspace_bytes() const override {
    return core_->workspace_bytes() + query_bytes_ + numbers_bytes_ + 2 * cache_bytes_;
  }

  void run(RunArgs& args) const override {
    auto* memory = static_cast<char*>(args.workspace);
    auto* lengths = reinterpret_cast<int64_t*>(memory + query_bytes_);
    int64_t* pasts = lengths + group_.attention.batch;
    if (!read_lengths(args, lengths, pasts)) return;
    T* queries = reinterpret_cast<T*>(memory);
    char* caches = memory + query_bytes_ + numbers_bytes_;
    T* keys = present(args, kPresentKey, caches);
    T* values = present(args, kPresentValue, caches + cache_bytes_);
    fill_present(args, pasts, queries, keys, values);
    AttentionOperands operands;
    operands.q = queries;
    operands.k = keys;
    operands.v = values;
    operands.y = args.outputs[0].data;
    if (has_input(args, kBias)) operands.mask = args.inputs[kBias];
    if (has_input(args, kSinks)) operands.sinks = args.inputs[kSinks].data;
    operands.lengths = lengths;
    operands.pasts = pasts;
    if (args.outputs.size() > kScores) operands.scores = args.outputs[kScores].data;
    core_->run(operands, caches + 2 * cache_bytes_, *args.pool);
  }

 private:
  static T* present(const RunArgs& args, size_t output, char* memory) {
    const bool asked = output < args.outputs.size() && args.outputs[output].data != nullptr;
    return asked ? args.outputs[output].as<T>() : reinterpret_cast<T*>(memory);
  }

  // Of each item: how many keys there are in all, and how many of them are past ones.
  bool read_lengths(RunArgs& args, int64_t* lengths, int64_t* pasts) const {
    const AttentionShape& shape = group_.attention;
    const int64_t total = args.inputs[kTotal].as<int32_t>()[0];
    const bool is_prompt = total == shape.rows;
    for (int64_t item = 0; item < shape.batch; ++item) {
      lengths[item] = int64_t{args.inputs[kLengths].as<int32_t>()[item]} + 1;
      pasts[item] = is_prompt ? 0 : lengths[item] - shape.rows;
      const bool fits = lengths[item] > 0 && lengths[item] <= group_.present_length &&
                        pasts[item] >= 0 && pasts[item] <= std::max(group_.past_length, int64_t{0});
      if (!fits) {
        args.report(Code::kInvalidArgument,
                    fmt::format("seqlens_k[{}] is {} for {} new rows, a past of {} and a present "
                                "of {}",
                                item, lengths[item] - 1, shape.rows, group_.past_length,
                                group_.present_length));
        return false;
      }
    }
    if (group_.rotated == 0) return true;
    for (int64_t item = 0; item < shape.batch; ++item) {
      for (int64_t row = 0; row < shape.rows; ++row) {
        const int64_t position = position_of(args, item, row, pasts);
        if (position >= 0 && position < group_.angle_rows) continue;
        args.report(Code::kInvalidArgument,
                    fmt::format("position {} is outside of cos_cache, which has {} rows", position,
                                group_.angle_rows));
        return false;
      }
    }
    return true;
  }

  int64_t position_of(const RunArgs& args, int64_t item, int64_t row, const int64_t* pasts) const {
    if (!has_input(args, kPositions)) return pasts[item] + row;
    const auto* positions = args.inputs[kPositions].as<int64_t>();
    return group_.positions_per_item ? positions[item * group_.attention.rows + row]
                                     : positions[0] + row;
  }

  // The past goes in front, the new keys and values behind it; queries are gathered.
  void fill_present(RunArgs& args, const int64_t* pasts, T* queries, T* keys, T* values) const {
    const AttentionShape& shape = group_.attention;
    const RowMover<T> mover(group_, args);
    const int64_t size = shape.size;
    args.pool->parallel_for(shape.batch * shape.kv_heads, [&](int64_t task) {
      const int64_t item = task / shape.kv_heads, head = task % shape.kv_heads;
      const int64_t place = task * group_.present_length * size;
      copy_past(args, kPastKey, task, pasts[item], keys + place);
      copy_past(args, kPastValue, task, pasts[item], values + place);
      for (int64_t row = 0; row < shape.rows; ++row) {
        const int64_t at = place + (pasts[item] + row) * size;
        const int64_t src = (item * shape.rows + row) * group_.key_row + head * size;
        if (pasts[item] + row >= group_.present_length) break;
        mover.move_key(input_rows(args, kKey) + src, keys + at,
                       position_of(args, item, row, pasts));
        std::copy_n(input_rows(args, kValue) + src, size, values + at);
      }
    });
    args.pool->parallel_for(shape.batch * shape.rows, [&](int64_t task) {
      const int64_t position = position_of(args, task / shape.rows, task % shape.rows, pasts);
      const T* src = args.inputs[kQuery].as<T>() + task * group_.query_row;
      T* dst = queries + task * shape.heads * size;
      for (int64_t head = 0; head < shape.heads; ++head) {
        mover.move_query(src + head * size, dst + head * size, position);
      }
    });
  }

  // Row 0 of the new keys or values of head 0.
  const T* input_rows(const RunArgs& args, size_t input) const {
    if (!group_.packed) return args.inputs[input].as<T>();
    const AttentionShape& shape = group_.attention;
    const int64_t before = input == kKey ? shape.heads : shape.heads + shape.kv_heads;
    return args.inputs[kQuery].as<T>() + before * shape.size;
  }

  // The whole buffer of one head: what is not written over stays as it was; 0 beyond it.
  void copy_past(const RunArgs& args, size_t input, int64_t head, int64_t past, T* dst) const {
    const int64_t size = group_.attention.size;
    const int64_t count = std::min(group_.past_length, group_.present_length) * size;
    if (count > 0)
      std::copy_n(args.inputs[input].as<T>() + head * group_.past_length * size, count, dst);
    const int64_t written = std::max(count, (past + group_.attention.rows) * size);
    const int64_t whole = group_.present_length * size;
    if (written < whole) std::fill(dst + written, dst + whole, narrow<T>(0));
  }

  GroupQuery group_;
  std::unique_ptr<AttentionCore> core_;
  size_t query_bytes_ = 0, numbers_bytes_ = 0, cache_bytes_ = 0;
};

Result<void> expect_shape(const KernelRequest& request, size_t index, const Shape& wanted) {
  if (!request.has_input(index) || request.inputs[index].shape() == wanted) return {};
  return fail(Code::kInvalidArgument, "input {} is {}, expected {}", index,
              request.inputs[index].shape().to_string(), wanted.to_string());
}

// What broadcasts to [batch, heads, rows, at least every column that there may be].
Result<void> check_bias(const KernelRequest& request, const AttentionShape& shape) {
  if (!request.has_input(kBias)) return {};
  const Shape bias = request.inputs[kBias].shape();
  const bool fits = bias.rank() == 4 && (bias[0] == 1 || bias[0] == shape.batch) &&
                    (bias[1] == 1 || bias[1] == shape.heads) &&
                    (bias[2] == 1 || bias[2] == shape.rows) && bias[3] > 0;
  if (fits) return {};
  return fail(Code::kInvalidArgument,
              "attention_bias is {}, which does not broadcast to {}x{}x{}xT", bias.to_string(),
              shape.batch, shape.heads, shape.rows);
}

Result<void> check_shapes(const KernelRequest& request, const GroupQuery& group) {
  const AttentionShape& shape = group.attention;
  TRY(check_sizes(shape));
  const int64_t width = shape.kv_heads * shape.size;
  TRY(expect_shape(request, kKey, {shape.batch, shape.rows, width}));
  TRY(expect_shape(request, kValue, {shape.batch, shape.rows, width}));
  const Shape past = {shape.batch, shape.kv_heads, group.past_length, shape.size};
  TRY(expect_shape(request, kPastKey, past));
  TRY(expect_shape(request, kPastValue, past));
  TRY(expect_shape(request, kQueryNorm, {shape.size}));
  TRY(expect_shape(request, kKeyNorm, {shape.size}));
  TRY(expect_shape(request, kSinks, {shape.heads}));
  TRY(check_bias(request, shape));
  if (request.inputs[kLengths].shape().count() != shape.batch ||
      request.inputs[kTotal].shape().count() != 1) {
    return fail(Code::kInvalidArgument,
                "seqlens_k is {} and total_sequence_length {}, expected {} numbers and one",
                request.inputs[kLengths].shape().to_string(),
                request.inputs[kTotal].shape().to_string(), shape.batch);
  }
  if (request.has_input(kPositions) && request.inputs[kPositions].shape().count() == 0) {
    return fail(Code::kInvalidArgument, "position_ids has no numbers");
  }
  if (group.rotated == 0) return {};
  if (group.rotated > shape.size) {
    return fail(Code::kInvalidArgument, "cos_cache is {}, too wide for vectors of {}",
                request.inputs[kCosines].shape().to_string(), shape.size);
  }
  return expect_shape(request, kSines, request.inputs[kCosines].shape());
}

Result<void> check_request(const KernelRequest& request) {
  for (const Operand& operand : request.inputs) {
    if (operand.present() && !operand.is_concrete()) {
      return decline("its shapes are not known when the plan is made");
    }
  }
  return expect_concrete_outputs(request);
}

// The kernel around a core that make(group) gives; null where it takes no such dtype.
template <class Make>
Result<std::unique_ptr<Kernel>> make_with(const KernelRequest& request, Make&& make) {
  TRY(check_request(request));
  const DType dtype = request.inputs[kQuery].dtype();
  const GroupQuery group = read_group_query(request);
  TRY(check_shapes(request, group));
  auto core = make(group.attention, dtype);
  if (core == nullptr) return decline("not for {}", dtype_name(dtype));
  std::unique_ptr<Kernel> kernel;
  visit_float(dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = std::make_unique<GroupQueryKernel<T>>(group, std::move(core));
  });
  return kernel;
}

Result<std::unique_ptr<Kernel>> make_fast(const KernelRequest& request) {
  if (request.has_output(kScores)) return decline("the scores are an output");
  return make_with(request, [&](const AttentionShape& shape, DType dtype) {
    return shape.columns == 0 ? nullptr
                              : make_fast_attention(shape, dtype, request.tier, request.threads);
  });
}

Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  return make_with(request, [](const AttentionShape& shape, DType dtype) {
    return make_plain_attention(shape, dtype, dtype);
  });
}

}  // namespace

OpDef op_GroupQueryAttention() {
  using Kind = FormalAttr::Kind;
  const DTypeSet i32 = dtype_set(DType::kInt32), i64 = dtype_set(DType::kInt64);
  const auto floats = [](const char* name) {
    return FormalParam{name, "T", kFloatTypes, Form::kOptional};
  };
  OpDef op;
  op.versions = {1};
  op.inputs = {{"query", "T", kFloatTypes},
               floats("key"),
               floats("value"),
               floats("past_key"),
               floats("past_value"),
               {"seqlens_k", "M", i32},
               {"total_sequence_length", "M", i32},
               floats("cos_cache"),
               floats("sin_cache"),
               {"position_ids", "", i64, Form::kOptional},
               floats("attention_bias"),
               floats("head_sink"),
               {"k_scale", "", dtype_set(DType::kFloat32), Form::kOptional},
               {"v_scale", "", dtype_set(DType::kFloat32), Form::kOptional},
               floats("q_norm_weight"),
               floats("k_norm_weight")};
  op.outputs = {{"output", "T", kFloatTypes},
                floats("present_key"),
                floats("present_value"),
                floats("output_qk")};
  op.attrs = {int_attr("causal", 1),
              int_attr("do_rotary", 0),
              int_attr("kv_cache_bit_width", 0),
              required_attr("kv_num_heads", Kind::kInt),
              int_attr("local_window_size", -1),
              required_attr("num_heads", Kind::kInt),
              int_attr("qk_output", 0),
              float_attr("qk_norm_epsilon", 1e-6f),
              string_attr("k_quant_type", "NONE"),
              string_attr("v_quant_type", "NONE"),
              int_attr("rotary_interleaved", 0),
              float_attr("scale", 0),
              int_attr("sliding_window_cache", 0),
              int_attr("smooth_softmax", 0),
              float_attr("softcap", 0)};
  op.infer = infer;
  op.kernels = {{"blocks", make_fast}, {"reference", make_reference}};
  return op;
}

}  // namespace sardonyx
