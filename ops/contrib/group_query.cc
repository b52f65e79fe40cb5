// com.microsoft GroupQueryAttention: new queries, keys and values of each item, perhaps packed and
// to be rotated; its keys and values join those of the cache behind the ones it has (seqlens_k
// counts them all, less 1); causal attention over the cache, which may hold codes in place of
// floats, or the end of the sequence alone. Documented in ONNX Runtime's ContribOperators.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "ops/attention_core.h"
#include "ops/contrib/kv_cache.h"
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

bool has_codes(const AttrMap& attrs) { return attrs.get_string("k_quant_type") != "NONE"; }
bool is_windowed(const AttrMap& attrs) { return attrs.get_int("sliding_window_cache") != 0; }

// The attributes of a cache in codes, and its scales.
Result<void> check_codes(const InferContext& context) {
  const AttrMap& attrs = context.attrs();
  for (const char* name : {"k_quant_type", "v_quant_type"}) {
    const std::string& type = attrs.get_string(name);
    if (type == "NONE" || type == "PER_TENSOR" || type == "PER_CHANNEL") continue;
    return fail(Code::kInvalidGraph, "{} is '{}', expected NONE, PER_TENSOR or PER_CHANNEL", name,
                type);
  }
  const bool coded = has_codes(attrs);
  if (coded != (attrs.get_string("v_quant_type") != "NONE")) {
    return fail(Code::kInvalidGraph,
                "k_quant_type is '{}' and v_quant_type '{}': one alone is NONE",
                attrs.get_string("k_quant_type"), attrs.get_string("v_quant_type"));
  }
  const int64_t bits = attrs.get_int("kv_cache_bit_width");
  if (coded ? bits != 8 && bits != 4 : bits != 0) {
    return fail(Code::kInvalidGraph, "kv_cache_bit_width is {}, expected {}", bits,
                coded ? "8 or 4" : "0, since the cache is not quantized");
  }
  if (context.has_input(kKeyScale) != coded || context.has_input(kValueScale) != coded) {
    return fail(
        Code::kInvalidGraph, "k_scale and v_scale must {}",
        coded ? "be given for a quantized cache" : "not be given: the cache is not quantized");
  }
  const DType wanted = !coded ? context.dtype(kQuery) : bits == 8 ? DType::kInt8 : DType::kUint8;
  for (const size_t past : {kPastKey, kPastValue}) {
    if (!context.has_input(past) || context.dtype(past) == wanted) continue;
    return fail(Code::kInvalidArgument, "{} must be {}", context.describe(past),
                dtype_name(wanted));
  }
  return {};
}

// The attributes of a cache that holds the end of the sequence alone, and those it goes with.
Result<void> check_window(const InferContext& context) {
  const AttrMap& attrs = context.attrs();
  const int64_t causal = attrs.get_int("causal"), window = attrs.get_int("local_window_size");
  if (causal != 0 && causal != 1) {
    return fail(Code::kInvalidGraph, "causal is {}, expected 0 or 1", causal);
  }
  if (causal == 0 && window != -1) {
    return fail(Code::kInvalidGraph, "local_window_size is {}, but causal is 0; expected -1",
                window);
  }
  if (!is_windowed(attrs)) return {};
  if (window < 1) {
    return fail(Code::kInvalidGraph,
                "sliding_window_cache=1 needs a local_window_size of 1 or more, got {}", window);
  }
  if (!context.has_input(kPastKey)) {
    return fail(Code::kInvalidGraph, "sliding_window_cache=1 needs past_key and past_value");
  }
  if (context.has_output(kScores)) {
    return fail(Code::kNotImplemented, "output_qk is not known with sliding_window_cache=1");
  }
  if (!context.has_rank(kPastKey)) return {};
  const Dims& past = context.dims(kPastKey);
  if (past.size() != 4 || !past[2].is_constant() || past[2].value() >= window) return {};
  return fail(Code::kInvalidArgument,
              "{} has room for {} positions, fewer than local_window_size, which is {}",
              context.describe(kPastKey), past[2].value(), window);
}

Result<void> check_attrs(const InferContext& context) {
  const AttrMap& attrs = context.attrs();
  const int64_t heads = attrs.get_int("num_heads"), kv_heads = attrs.get_int("kv_num_heads");
  if (heads < 1 || kv_heads < 1 || heads % kv_heads != 0) {
    return fail(Code::kInvalidGraph,
                "num_heads is {} and kv_num_heads {}, but the first must be a multiple of the "
                "second",
                heads, kv_heads);
  }
  TRY(check_codes(context));
  TRY(check_window(context));
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
  if (is_windowed(context.attrs())) {
    return context.has_rank(kPastKey) ? context.dims(kPastKey)[2] : Dim::unknown();
  }
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
  const int64_t bits = context.attrs().get_int("kv_cache_bit_width");
  const DType stored = bits == 0 ? dtype : bits == 8 ? DType::kInt8 : DType::kUint8;
  for (size_t i = 0; i < 4; ++i) {
    context.set_output(i, i == kPresentKey || i == kPresentValue ? stored : dtype);
  }
  TRY(expect_rank(context, kQuery, 3));
  TRY(expect_rank(context, kKey, 3));
  TRY(expect_rank(context, kValue, 3));
  TRY(expect_rank(context, kPastKey, 4));
  TRY(expect_rank(context, kCosines, 2));
  TRY(expect_rank(context, kSines, 2));
  TRY(expect_rank(context, kBias, 4));
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
  if (bits == 4 && size.is_constant() && size.value() % 2 != 0) {
    return fail(Code::kInvalidArgument, "vectors of {} numbers do not fit whole bytes of 4 bits",
                size.value());
  }
  const Dims present = {query[0], Dim(kv_heads), present_length(context),
                        bits == 4 ? floor_div(size, 2) : size};
  TRY(check_cache(context, kPastKey, present));
  TRY(check_cache(context, kPastValue, present));
  context.set_output(0, dtype, {query[0], query[1], size * heads});
  context.set_output(kPresentKey, stored, present);
  context.set_output(kPresentValue, stored, present);
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
  int64_t window = 0;          // the cache holds the end alone, for a window of that; 0: all
  CacheCodes key_codes, value_codes;
  int64_t bias_heads = 0, bias_rows = 0;  // of attention_bias; 0: there is none
  int64_t rotated = 0;                    // numbers of a vector that are rotated
  bool interleaved = false;
  int64_t angle_rows = 0;
  bool positions_per_item = false;
  double norm_epsilon = 0;
  // Of a row of query, key and value, in elements; and where key and value begin in a packed one.
  int64_t query_row = 0, key_row = 0;

  // Keys and values are not the present itself while attention reads them.
  bool is_staged() const { return window > 0 || key_codes.bits != 0; }
  size_t stored_bytes(size_t number_bytes) const {  // of a vector in the cache
    return key_codes.bits == 0 ? static_cast<size_t>(attention.size) * number_bytes
                               : static_cast<size_t>(key_codes.stored_size());
  }
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
  made.window = is_windowed(attrs) ? attrs.get_int("local_window_size") : 0;
  shape.columns = made.window > 0 ? made.past_length + shape.rows : made.present_length;
  const auto bits = static_cast<int>(attrs.get_int("kv_cache_bit_width"));
  made.key_codes = {bits, shape.size, attrs.get_string("k_quant_type") == "PER_CHANNEL"};
  made.value_codes = {bits, shape.size, attrs.get_string("v_quant_type") == "PER_CHANNEL"};
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
  if (request.has_input(kBias)) {
    const Shape bias = request.inputs[kBias].shape();
    made.bias_heads = bias[1];
    made.bias_rows = bias[2];
    set_mask(shape, made.window == 0 ? bias : Shape{shape.batch, bias[1], bias[2], shape.columns});
  }
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

// Of each item: what there is in front of attention, whose columns count from `origin`.
struct ItemNumbers {
  int64_t* lengths;  // columns that count
  int64_t* pasts;    // of them, those of the past
  int64_t* origins;  // the position of column 0
};

template <class T>
class GroupQueryKernel final : public Kernel {
 public:
  GroupQueryKernel(const GroupQuery& group, std::unique_ptr<AttentionCore> core)
      : group_(group), core_(std::move(core)), stored_bytes_(group.stored_bytes(sizeof(T))) {
    const AttentionShape& shape = group.attention;
    const auto whole_lines = [](int64_t count, size_t bytes) {
      return (static_cast<size_t>(count) * bytes + 63) / 64 * 64;
    };
    const int64_t vectors = shape.batch * shape.kv_heads * shape.columns;
    query_bytes_ = whole_lines(shape.batch * shape.rows * shape.heads * shape.size, sizeof(T));
    numbers_bytes_ = whole_lines(3 * shape.batch, sizeof(int64_t));
    cache_bytes_ = whole_lines(vectors * shape.size, sizeof(T));
    if (group.key_codes.bits != 0) {
      codes_bytes_ = whole_lines(vectors, stored_bytes_);
      line_bytes_ = whole_lines(shape.batch * shape.kv_heads * shape.size, sizeof(float));
    }
    if (group.window > 0) {
      bias_bytes_ =
          whole_lines(shape.batch * group.bias_heads * group.bias_rows * shape.columns, sizeof(T));
    }
  }

  size_t workspace_bytes() const override {
    return core_->workspace_bytes() + query_bytes_ + numbers_bytes_ +
           2 * (cache_bytes_ + codes_bytes_) + line_bytes_ + bias_bytes_;
  }

  void run(RunArgs& args) const override {
    auto* memory = static_cast<char*>(args.workspace);
    const auto take = [&](size_t bytes) { return std::exchange(memory, memory + bytes); };
    T* queries = reinterpret_cast<T*>(take(query_bytes_));
    auto* counts = reinterpret_cast<int64_t*>(take(numbers_bytes_));
    const int64_t batch = group_.attention.batch;
    const ItemNumbers items = {counts, counts + batch, counts + 2 * batch};
    if (!read_items(args, items)) return;
    const RowMover<T> mover(group_, args);
    Rows keys = {kKey, kPastKey, kKeyScale, kPresentKey, &group_.key_codes};
    Rows values = {kValue, kPastValue, kValueScale, kPresentValue, &group_.value_codes};
    auto* lines = reinterpret_cast<float*>(take(line_bytes_));
    for (Rows* rows : {&keys, &values}) {
      T* memory_of_rows = reinterpret_cast<T*>(take(cache_bytes_));
      rows->numbers = group_.is_staged() ? memory_of_rows : present(args, *rows, memory_of_rows);
      rows->codes = reinterpret_cast<uint8_t*>(take(codes_bytes_));
    }
    fill_queries(args, items, mover, queries);
    fill_rows(args, items, mover, keys, values, lines);
    AttentionOperands operands;
    operands.q = queries;
    operands.k = keys.numbers;
    operands.v = values.numbers;
    operands.y = args.outputs[0].data;
    T* bias = reinterpret_cast<T*>(take(bias_bytes_));
    if (has_input(args, kBias)) {
      operands.mask = group_.window == 0 ? args.inputs[kBias] : shifted_bias(args, items, bias);
    }
    if (has_input(args, kSinks)) operands.sinks = args.inputs[kSinks].data;
    operands.lengths = items.lengths;
    operands.pasts = items.pasts;
    if (args.outputs.size() > kScores) operands.scores = args.outputs[kScores].data;
    core_->run(operands, memory, *args.pool);
    if (!group_.is_staged()) return;
    for (const Rows& rows : {keys, values}) store_present(args, items, rows);
  }

 private:
  // The keys or the values: where they come from and go to, and as they are while the kernel runs.
  struct Rows {
    size_t added, past, scale, output;
    const CacheCodes* cache;
    T* numbers = nullptr;      // [batch, heads, columns, size]
    uint8_t* codes = nullptr;  // the same as codes, where the cache has them
  };

  static T* present(const RunArgs& args, const Rows& rows, T* memory) {
    const bool asked = rows.output < args.outputs.size() && args.outputs[rows.output].data;
    return asked ? args.outputs[rows.output].template as<T>() : memory;
  }

  bool read_items(RunArgs& args, const ItemNumbers& items) const {
    const AttentionShape& shape = group_.attention;
    const bool is_prompt = args.inputs[kTotal].as<int32_t>()[0] == shape.rows;
    for (int64_t item = 0; item < shape.batch; ++item) {
      const int64_t total = int64_t{args.inputs[kLengths].as<int32_t>()[item]} + 1;
      const int64_t past = is_prompt ? 0 : total - shape.rows;
      bool fits = total > 0 && past >= 0;
      if (group_.window == 0) {
        fits = fits && total <= group_.present_length && past <= group_.past_length;
      }
      if (!fits) {
        args.report(
            Code::kInvalidArgument,
            fmt::format("seqlens_k[{}] is {} for {} new rows, a past of {} and a present "
                        "of {}",
                        item, total - 1, shape.rows, group_.past_length, group_.present_length));
        return false;
      }
      items.pasts[item] =
          group_.window == 0 ? past : resident_rows(past, group_.past_length, group_.window);
      items.origins[item] = past - items.pasts[item];
      items.lengths[item] = total - items.origins[item];
    }
    if (group_.rotated == 0) return true;
    for (int64_t item = 0; item < shape.batch; ++item) {
      for (int64_t row = 0; row < shape.rows; ++row) {
        const int64_t position = position_of(args, item, row, items);
        if (position >= 0 && position < group_.angle_rows) continue;
        args.report(Code::kInvalidArgument,
                    fmt::format("position {} is outside of cos_cache, which has {} rows", position,
                                group_.angle_rows));
        return false;
      }
    }
    return true;
  }

  int64_t position_of(const RunArgs& args, int64_t item, int64_t row,
                      const ItemNumbers& items) const {
    if (!has_input(args, kPositions)) return items.origins[item] + items.pasts[item] + row;
    const auto* positions = args.inputs[kPositions].as<int64_t>();
    return group_.positions_per_item ? positions[item * group_.attention.rows + row]
                                     : positions[0] + row;
  }

  void fill_queries(const RunArgs& args, const ItemNumbers& items, const RowMover<T>& mover,
                    T* queries) const {
    const AttentionShape& shape = group_.attention;
    args.pool->parallel_for(shape.batch * shape.rows, [&](int64_t task) {
      const int64_t position = position_of(args, task / shape.rows, task % shape.rows, items);
      const T* src = args.inputs[kQuery].as<T>() + task * group_.query_row;
      T* dst = queries + task * shape.heads * shape.size;
      for (int64_t head = 0; head < shape.heads; ++head) {
        mover.move_query(src + head * shape.size, dst + head * shape.size, position);
      }
    });
  }

  // The past goes in front, the new keys and values behind it.
  void fill_rows(RunArgs& args, const ItemNumbers& items, const RowMover<T>& mover,
                 const Rows& keys, const Rows& values, float* lines) const {
    const AttentionShape& shape = group_.attention;
    const int64_t size = shape.size;
    args.pool->parallel_for(shape.batch * shape.kv_heads, [&](int64_t task) {
      const int64_t item = task / shape.kv_heads, head = task % shape.kv_heads;
      const int64_t past = items.pasts[item];
      float* line = lines + task * size;
      take_past(args, keys, task, past, line);
      take_past(args, values, task, past, line);
      for (int64_t row = 0; row < shape.rows && past + row < shape.columns; ++row) {
        const int64_t at = task * shape.columns + past + row;
        const int64_t src = (item * shape.rows + row) * group_.key_row + head * size;
        mover.move_key(input_rows(args, kKey) + src, keys.numbers + at * size,
                       position_of(args, item, row, items));
        std::copy_n(input_rows(args, kValue) + src, size, values.numbers + at * size);
        if (group_.key_codes.bits == 0) continue;
        through_codes(args, keys, head, at, line);
        through_codes(args, values, head, at, line);
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

  // The past of one head, to the front of its rows.
  void take_past(const RunArgs& args, const Rows& rows, int64_t task, int64_t past,
                 float* line) const {
    const AttentionShape& shape = group_.attention;
    const int64_t begin = task * shape.columns, size = shape.size;
    if (!group_.is_staged()) {
      copy_past(args, rows, task, past, reinterpret_cast<char*>(rows.numbers + begin * size));
      return;
    }
    if (past == 0) return;
    const auto* src = static_cast<const char*>(args.inputs[rows.past].data) +
                      static_cast<size_t>(task * group_.past_length) * stored_bytes_;
    const size_t bytes = static_cast<size_t>(past) * stored_bytes_;
    if (rows.cache->bits == 0) {
      std::memcpy(rows.numbers + begin * size, src, bytes);
      return;
    }
    std::memcpy(rows.codes + static_cast<size_t>(begin) * stored_bytes_, src, bytes);
    for (int64_t row = 0; row < past; ++row) {
      from_codes(args, rows, task % shape.kv_heads, begin + row, line);
    }
  }

  static const float* scales_of(const RunArgs& args, const Rows& rows, int64_t head) {
    const TensorView& scales = args.inputs[rows.scale];
    return rows.cache->scales_of(scales.as<float>(), head);
  }

  // The vector at row `at` as its codes have it.
  void from_codes(const RunArgs& args, const Rows& rows, int64_t head, int64_t at,
                  float* line) const {
    const float* scales = scales_of(args, rows, head);
    rows.cache->decode(rows.codes + static_cast<size_t>(at) * stored_bytes_, scales, line);
    T* dst = rows.numbers + at * group_.attention.size;
    for (int64_t i = 0; i < group_.attention.size; ++i) dst[i] = narrow<T>(line[i]);
  }

  // A new vector becomes codes, and the number that they are: what later steps will read.
  void through_codes(const RunArgs& args, const Rows& rows, int64_t head, int64_t at,
                     float* line) const {
    const T* src = rows.numbers + at * group_.attention.size;
    for (int64_t i = 0; i < group_.attention.size; ++i) line[i] = static_cast<float>(widen(src[i]));
    const float* scales = scales_of(args, rows, head);
    rows.cache->encode(line, scales, rows.codes + static_cast<size_t>(at) * stored_bytes_);
    from_codes(args, rows, head, at, line);
  }

  // The whole buffer of one head: what is not written over stays as it was; 0 beyond it.
  void copy_past(const RunArgs& args, const Rows& rows, int64_t head, int64_t past,
                 char* dst) const {
    const int64_t count = std::min(group_.past_length, group_.present_length);
    if (count > 0) {
      std::memcpy(dst,
                  static_cast<const char*>(args.inputs[rows.past].data) +
                      static_cast<size_t>(head * group_.past_length) * stored_bytes_,
                  static_cast<size_t>(count) * stored_bytes_);
    }
    const int64_t written = std::max(count, past + group_.attention.rows);
    if (written >= group_.present_length) return;
    std::memset(dst + static_cast<size_t>(written) * stored_bytes_, 0,
                static_cast<size_t>(group_.present_length - written) * stored_bytes_);
  }

  // What the next step needs of the rows, as the cache stores them.
  void store_present(const RunArgs& args, const ItemNumbers& items, const Rows& rows) const {
    const bool asked = rows.output < args.outputs.size() && args.outputs[rows.output].data;
    if (!asked) return;
    const AttentionShape& shape = group_.attention;
    const char* staged = rows.cache->bits == 0 ? reinterpret_cast<const char*>(rows.numbers)
                                               : reinterpret_cast<const char*>(rows.codes);
    args.pool->parallel_for(shape.batch * shape.kv_heads, [&](int64_t task) {
      const int64_t item = task / shape.kv_heads;
      const auto row_of = [&](int64_t row) {
        return staged + static_cast<size_t>(task * shape.columns + row) * stored_bytes_;
      };
      char* dst = static_cast<char*>(args.outputs[rows.output].data) +
                  static_cast<size_t>(task * group_.present_length) * stored_bytes_;
      const int64_t length = items.lengths[item], past = items.pasts[item];
      if (group_.window == 0) {
        copy_past(args, rows, task, past, dst);
        const int64_t count = std::min(shape.rows, shape.columns - past);
        std::memcpy(dst + static_cast<size_t>(past) * stored_bytes_, row_of(past),
                    static_cast<size_t>(count) * stored_bytes_);
        return;
      }
      const int64_t resident =
          resident_rows(items.origins[item] + length, group_.present_length, group_.window);
      const size_t bytes = static_cast<size_t>(resident) * stored_bytes_;
      std::memcpy(dst, row_of(length - resident), bytes);
      std::memset(dst + bytes, 0,
                  static_cast<size_t>(group_.present_length - resident) * stored_bytes_);
    });
  }

  // attention_bias from the position on that column 0 of each item has.
  TensorView shifted_bias(const RunArgs& args, const ItemNumbers& items, T* to) const {
    const AttentionShape& shape = group_.attention;
    const TensorView& bias = args.inputs[kBias];
    const int64_t positions = bias.shape[3], lines = group_.bias_heads * group_.bias_rows;
    args.pool->parallel_for(shape.batch * lines, [&](int64_t task) {
      const int64_t item = task / lines;
      const T* src =
          bias.as<T>() + ((bias.shape[0] == 1 ? 0 : item * lines) + task % lines) * positions;
      for (int64_t column = 0; column < shape.columns; ++column) {
        const int64_t position = items.origins[item] + column;
        to[task * shape.columns + column] =
            position < positions ? src[position]
                                 : narrow<T>(-std::numeric_limits<double>::infinity());
      }
    });
    return {bias.dtype, {shape.batch, group_.bias_heads, group_.bias_rows, shape.columns}, to};
  }

  GroupQuery group_;
  std::unique_ptr<AttentionCore> core_;
  size_t stored_bytes_;
  size_t query_bytes_ = 0, numbers_bytes_ = 0, cache_bytes_ = 0, codes_bytes_ = 0, line_bytes_ = 0,
         bias_bytes_ = 0;
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

Result<void> check_scales(const KernelRequest& request, size_t index, const CacheCodes& codes,
                          int64_t numbers) {
  if (!request.has_input(index)) return {};
  const int64_t wanted = codes.per_channel ? numbers : 1;
  if (request.inputs[index].shape().count() == wanted) return {};
  return fail(Code::kInvalidArgument, "input {} is {}, expected {} scales", index,
              request.inputs[index].shape().to_string(), wanted);
}

Result<void> check_shapes(const KernelRequest& request, const GroupQuery& group) {
  const AttentionShape& shape = group.attention;
  TRY(check_sizes(shape));
  const int64_t width = shape.kv_heads * shape.size;
  TRY(expect_shape(request, kKey, {shape.batch, shape.rows, width}));
  TRY(expect_shape(request, kValue, {shape.batch, shape.rows, width}));
  const int64_t stored = group.key_codes.bits == 0 ? shape.size : group.key_codes.stored_size();
  const Shape past = {shape.batch, shape.kv_heads, group.past_length, stored};
  TRY(expect_shape(request, kPastKey, past));
  TRY(expect_shape(request, kPastValue, past));
  TRY(expect_shape(request, kQueryNorm, {shape.size}));
  TRY(expect_shape(request, kKeyNorm, {shape.size}));
  TRY(expect_shape(request, kSinks, {shape.heads}));
  TRY(check_bias(request, shape));
  TRY(check_scales(request, kKeyScale, group.key_codes, width));
  TRY(check_scales(request, kValueScale, group.value_codes, width));
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
  constexpr DTypeSet kCacheTypes = kFloatTypes | dtype_set(DType::kInt8, DType::kUint8);
  const DTypeSet i32 = dtype_set(DType::kInt32), i64 = dtype_set(DType::kInt64);
  const auto floats = [](const char* name) {
    return FormalParam{name, "T", kFloatTypes, Form::kOptional};
  };
  OpDef op;
  op.versions = {1};
  op.inputs = {{"query", "T", kFloatTypes},
               floats("key"),
               floats("value"),
               {"past_key", "C", kCacheTypes, Form::kOptional},
               {"past_value", "C", kCacheTypes, Form::kOptional},
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
                {"present_key", "C", kCacheTypes, Form::kOptional},
                {"present_value", "C", kCacheTypes, Form::kOptional},
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
