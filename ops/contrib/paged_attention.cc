// com.microsoft PagedAttention: causal attention of sequences that lie end to end over caches in
// blocks, which a table gives to the sequences. New keys and values go into the caches first, as
// floats or as codes; what attention reads is what the caches hold.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "ops/bodies.h"
#include "ops/contrib/sequences.h"
#include "ops/rotary.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kTypes = dtype_set(DType::kFloat32, DType::kFloat16, DType::kBfloat16);
constexpr DTypeSet kCacheTypes =
    kTypes | dtype_set(DType::kInt8, DType::kFloat8E4M3FN, DType::kUint8);
constexpr size_t kQuery = 0, kKey = 1, kValue = 2, kKeyCache = 3, kValueCache = 4, kBounds = 5,
                 kPast = 6, kTable = 7, kCosines = 8, kSines = 9, kSlots = 10, kSinks = 11,
                 kQueryNorm = 12, kKeyNorm = 13, kKeyScale = 14, kValueScale = 15;

// ---- attributes

// What one cache holds.
struct CacheType {
  DType dtype = DType::kFloat32;  // of a number, which may be half a byte of the tensor
  bool quantized = false, per_channel = false;

  bool has_halves() const { return dtype == DType::kInt4 || dtype == DType::kFloat4E2M1; }
  int64_t stored_size(int64_t size) const { return has_halves() ? (size + 1) / 2 : size; }
};

Result<CacheType> read_cache_type(const AttrMap& attrs, bool is_key, DType tensor) {
  const std::string &name = attrs.get_string(is_key ? "k_cache_dtype" : "v_cache_dtype"),
                    &kind = attrs.get_string(is_key ? "k_quant_type" : "v_quant_type");
  const char* which = is_key ? "key" : "value";
  CacheType type;
  type.dtype = tensor;
  if (name == "int4") type.dtype = DType::kInt4;
  if (name == "float4e2m1") type.dtype = DType::kFloat4E2M1;
  const bool fits = type.has_halves()
                        ? tensor == DType::kUint8
                        : tensor != DType::kUint8 && (name.empty() || name == dtype_name(tensor));
  if (!fits) {
    return fail(Code::kInvalidGraph,
                "{0}_cache is {1}, but its dtype is said to be '{2}'; expected '', float16, "
                "bfloat16, int8 or float8e4m3fn as the tensor has it, or int4 or float4e2m1 in "
                "uint8",
                which, dtype_name(tensor), name);
  }
  if (kind != "NONE" && kind != "PER_TENSOR" && kind != "PER_CHANNEL") {
    return fail(Code::kInvalidGraph,
                "the quant type of {}_cache is '{}', expected NONE, PER_TENSOR or PER_CHANNEL",
                which, kind);
  }
  type.quantized = (dtype_bit(type.dtype) & kTypes) == 0;
  type.per_channel = kind == "PER_CHANNEL";
  if (type.quantized == (kind != "NONE")) return type;
  return fail(Code::kInvalidGraph, "the quant type of {}_cache, which holds {}, is '{}'", which,
              dtype_name(type.dtype), kind);
}

struct Paged {
  int64_t heads = 0, kv_heads = 0, window = -1;
  bool causal = true, latent = false, packed = false;
  // Numbers of a query and a key, and of a value; sizes that are not known yet are 0.
  int64_t size = 0, value_size = 0;
  double scale = 0, softcap = 0, norm_epsilon = 0;
  int64_t rotary_offset = 0;
  bool rotates = false, interleaved = false;
  CacheType key, value;
  int64_t tokens = 0, batch = 0, blocks = 0, block_size = 0, table_width = 0;

  int64_t query_row() const { return (packed ? heads + 2 * kv_heads : heads) * size; }
};

// Attributes and dtypes; sizes come later.
Result<Paged> read_attrs(const AttrMap& attrs, bool has_key, DType key_cache, DType value_cache) {
  Paged paged;
  paged.heads = attrs.get_int("num_heads");
  paged.kv_heads = attrs.get_int("kv_num_heads");
  if (paged.heads < 1 || paged.kv_heads < 1 || paged.heads % paged.kv_heads != 0) {
    return fail(Code::kInvalidGraph,
                "num_heads is {} and kv_num_heads {}, but the first must be a multiple of the "
                "second",
                paged.heads, paged.kv_heads);
  }
  const std::string& layout = attrs.get_string("kv_cache_layout");
  if (layout != "SEPARATE" && layout != "LATENT") {
    return fail(Code::kInvalidGraph, "kv_cache_layout is '{}', expected SEPARATE or LATENT",
                layout);
  }
  paged.latent = layout == "LATENT";
  paged.packed = !has_key;
  paged.window = attrs.get_int("local_window_size");
  paged.causal = attrs.get_int("is_causal") != 0;
  paged.value_size = attrs.get_int("v_head_size");
  paged.scale = static_cast<double>(attrs.get_float("scale"));
  paged.softcap = static_cast<double>(attrs.get_float("softcap"));
  paged.norm_epsilon = static_cast<double>(attrs.get_float("qk_norm_epsilon"));
  paged.rotates = attrs.get_int("do_rotary") != 0;
  paged.interleaved = attrs.get_int("rotary_interleaved") != 0;
  paged.rotary_offset = attrs.get_int("rotary_offset");
  if (paged.rotary_offset < 0) {
    return fail(Code::kInvalidGraph, "rotary_offset is {}, expected 0 or more",
                paged.rotary_offset);
  }
  if (paged.latent && (paged.kv_heads != 1 || paged.packed)) {
    return fail(Code::kInvalidGraph,
                "kv_cache_layout=LATENT needs kv_num_heads=1 and a key, got {} and {}",
                paged.kv_heads, paged.packed ? "none" : "one");
  }
  if (!paged.latent && paged.value_size != 0) {
    return fail(Code::kInvalidGraph, "v_head_size is {}, but kv_cache_layout is SEPARATE",
                paged.value_size);
  }
  paged.key = TRY(read_cache_type(attrs, true, key_cache));
  if (!paged.latent) paged.value = TRY(read_cache_type(attrs, false, value_cache));
  return paged;
}

// ---- types and shapes

Result<void> check_presence(const InferContext& context, const Paged& paged) {
  const auto same = [&](size_t index, bool wanted, const char* what) -> Result<void> {
    if (context.has_input(index) == wanted) return {};
    return fail(Code::kInvalidGraph, "{} must {}be given here", what, wanted ? "" : "not ");
  };
  TRY(same(kValue, !paged.latent && !paged.packed, "value"));
  TRY(same(kValueCache, !paged.latent, "value_cache"));
  TRY(same(kKeyScale, paged.key.quantized, "k_scale"));
  TRY(same(kValueScale, !paged.latent && paged.value.quantized, "v_scale"));
  TRY(same(kKeyNorm, context.has_input(kQueryNorm), "k_norm_weight, as q_norm_weight,"));
  if (paged.latent && context.has_output(2)) {
    return fail(Code::kInvalidGraph, "value_cache_out must not be asked for: there is none");
  }
  if (!paged.rotates || (context.has_input(kCosines) && context.has_input(kSines))) return {};
  return fail(Code::kInvalidGraph, "do_rotary=1 needs cos_cache and sin_cache");
}

Result<void> infer(InferContext& context) {
  const DType value_cache =
      context.has_input(kValueCache) ? context.dtype(kValueCache) : context.dtype(kKeyCache);
  const Paged paged = TRY(
      read_attrs(context.attrs(), context.has_input(kKey), context.dtype(kKeyCache), value_cache));
  TRY(check_presence(context, paged));
  for (const size_t i : {kQuery, kKey, kValue, kTable, kCosines, kSines}) {
    TRY(expect_rank(context, i, 2));
  }
  for (const size_t i : {kKeyCache, kValueCache}) TRY(expect_rank(context, i, 4));
  for (const size_t i : {kBounds, kPast, kSlots}) TRY(expect_rank(context, i, 1));
  Dims output(2, Dim::unknown());
  if (context.has_rank(kQuery)) {
    const Dims& query = context.dims(kQuery);
    const int64_t vectors = paged.packed ? paged.heads + 2 * paged.kv_heads : paged.heads;
    output[0] = query[0];
    if (query[1].is_constant() && query[1].value() % vectors != 0) {
      return fail(Code::kInvalidArgument, "{} has {} columns, not a multiple of {} heads",
                  context.describe(kQuery), query[1].value(), vectors);
    }
    output[1] = (paged.value_size != 0 ? Dim(paged.value_size) : floor_div(query[1], vectors)) *
                paged.heads;
  }
  context.set_output(0, context.dtype(kQuery), std::move(output));
  for (const auto& [cache, out] : {std::pair{kKeyCache, 1}, std::pair{kValueCache, 2}}) {
    if (!context.has_input(cache)) continue;
    if (context.has_rank(cache)) {
      context.set_output(static_cast<size_t>(out), context.dtype(cache), context.dims(cache));
    } else {
      context.set_output(static_cast<size_t>(out), context.dtype(cache));
    }
  }
  return {};
}

// ---- sizes

Result<void> expect_shape(const KernelRequest& request, size_t index, const char* name,
                          const Shape& wanted) {
  if (!request.has_input(index) || request.inputs[index].shape() == wanted) return {};
  return fail(Code::kInvalidArgument, "{} is {}, expected {}", name,
              request.inputs[index].shape().to_string(), wanted.to_string());
}

Result<void> expect_scales(const KernelRequest& request, size_t index, const char* name,
                           const CacheType& type, int64_t numbers) {
  const int64_t wanted = type.per_channel ? numbers : 1;
  if (!request.has_input(index) || request.inputs[index].shape().count() == wanted) return {};
  return fail(Code::kInvalidArgument, "{} is {}, expected {} scales", name,
              request.inputs[index].shape().to_string(), wanted);
}

Result<Paged> read_paged(const KernelRequest& request) {
  const auto dtype = [&](size_t index) { return request.inputs[index].dtype(); };
  Paged paged =
      TRY(read_attrs(request.node.attrs, request.has_input(kKey), dtype(kKeyCache),
                     request.has_input(kValueCache) ? dtype(kValueCache) : dtype(kKeyCache)));
  const Shape query = request.inputs[kQuery].shape(), cache = request.inputs[kKeyCache].shape();
  const int64_t vectors = paged.packed ? paged.heads + 2 * paged.kv_heads : paged.heads;
  paged.tokens = query[0];
  paged.size = query[1] / vectors;
  if (paged.value_size == 0) paged.value_size = paged.size;
  paged.blocks = cache[0];
  paged.block_size = cache[1];
  paged.batch = request.inputs[kPast].shape()[0];
  paged.table_width = request.inputs[kTable].shape()[1];
  if (paged.size < 1 || paged.block_size < 1 || paged.value_size > paged.size) {
    return fail(Code::kInvalidArgument,
                "vectors of {}, values of {} and blocks of {} positions do not go together",
                paged.size, paged.value_size, paged.block_size);
  }
  if (paged.scale == 0 && paged.value_size != paged.size) {
    return fail(Code::kInvalidGraph, "v_head_size is {} and not {}, which needs a scale",
                paged.value_size, paged.size);
  }
  if (paged.scale == 0) paged.scale = 1 / std::sqrt(static_cast<double>(paged.size));
  const int64_t width = paged.kv_heads * paged.size;
  const auto stored = [&](const CacheType& type) {
    return Shape{paged.blocks, paged.block_size, paged.kv_heads, type.stored_size(paged.size)};
  };
  TRY(expect_shape(request, kKey, "key", {paged.tokens, width}));
  TRY(expect_shape(request, kValue, "value", {paged.tokens, width}));
  TRY(expect_shape(request, kKeyCache, "key_cache", stored(paged.key)));
  TRY(expect_shape(request, kValueCache, "value_cache", stored(paged.value)));
  TRY(expect_shape(request, kBounds, "cumulative_sequence_length", {paged.batch + 1}));
  TRY(expect_shape(request, kTable, "block_table", {paged.batch, paged.table_width}));
  TRY(expect_shape(request, kSlots, "slot_mapping", {paged.tokens}));
  TRY(expect_shape(request, kSinks, "head_sink", {paged.heads}));
  TRY(expect_shape(request, kQueryNorm, "q_norm_weight", {paged.size}));
  TRY(expect_shape(request, kKeyNorm, "k_norm_weight", {paged.size}));
  TRY(expect_scales(request, kKeyScale, "k_scale", paged.key, width));
  TRY(expect_scales(request, kValueScale, "v_scale", paged.value, width));
  if (!paged.rotates) return paged;
  const Shape angles = request.inputs[kCosines].shape();
  TRY(expect_shape(request, kSines, "sin_cache", angles));
  if (paged.rotary_offset + 2 * angles[1] <= paged.size) return paged;
  return fail(Code::kInvalidArgument, "cos_cache is {}, too wide for numbers {} to {}",
              angles.to_string(), paged.rotary_offset, paged.size);
}

// ---- numbers in caches

// One vector of a cache, whose scales these are, to floats and back.
void decode(const CacheType& type, const void* from, const float* scales, std::span<float> to) {
  const bool is_float = visit_dtype<float, Float16, Bfloat16>(type.dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    for (size_t i = 0; i < to.size(); ++i) {
      to[i] = static_cast<float>(widen(static_cast<const T*>(from)[i]));
    }
  });
  if (is_float) return;
  const auto* bytes = static_cast<const uint8_t*>(from);
  for (size_t i = 0; i < to.size(); ++i) {
    const uint8_t byte =
        type.has_halves() ? static_cast<uint8_t>((bytes[i / 2] >> (i % 2 * 4)) & 15) : bytes[i];
    float number;
    if (type.dtype == DType::kInt8) {
      number = static_cast<float>(static_cast<int8_t>(byte));
    } else if (type.dtype == DType::kInt4) {
      number = static_cast<float>(byte < 8 ? byte : byte - 16);
    } else {
      number = narrow_to_float(type.dtype, byte);
    }
    to[i] = number * scales[type.per_channel ? i : 0];
  }
}

// The nearest code, the even one of two; the outermost ones for what lies beyond.
uint8_t code_of(DType dtype, float number) {
  if (dtype != DType::kInt8 && dtype != DType::kInt4) return narrow_from_float(dtype, number, true);
  if (std::isnan(number)) return 0;
  const float most = dtype == DType::kInt8 ? 127 : 7;
  const auto code = static_cast<int>(std::clamp(std::nearbyint(number), -most - 1, most));
  return static_cast<uint8_t>(dtype == DType::kInt8 ? code : code & 15);
}

void encode(const CacheType& type, std::span<const float> from, const float* scales, void* to) {
  const bool is_float = visit_dtype<float, Float16, Bfloat16>(type.dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    for (size_t i = 0; i < from.size(); ++i) {
      static_cast<T*>(to)[i] = narrow<T>(static_cast<double>(from[i]));
    }
  });
  if (is_float) return;
  auto* bytes = static_cast<uint8_t*>(to);
  if (type.has_halves()) std::memset(bytes, 0, (from.size() + 1) / 2);
  for (size_t i = 0; i < from.size(); ++i) {
    const uint8_t code = code_of(type.dtype, from[i] / scales[type.per_channel ? i : 0]);
    if (type.has_halves()) {
      bytes[i / 2] = static_cast<uint8_t>(bytes[i / 2] | code << (i % 2 * 4));
    } else {
      bytes[i] = code;
    }
  }
}

// ---- kernel

bool given(const RunArgs& args, size_t index) {
  return index < args.inputs.size() && args.inputs[index].data != nullptr;
}

// A cache while the kernel runs: that of the output.
struct Cache {
  size_t input, scale;
  CacheType type;
  char* data = nullptr;
  size_t vector_bytes = 0;
};

template <class T>
class PagedKernel final : public Kernel {
 public:
  explicit PagedKernel(const Paged& paged) : paged_(paged) {}

  void run(RunArgs& args) const override {
    const Ranges ranges = packed_ranges(args, kBounds, paged_.tokens);
    if (args.failed() || !check_places(args, ranges)) return;
    Cache key{kKeyCache, kKeyScale, paged_.key}, value{kValueCache, kValueScale, paged_.value};
    Tensor key_memory, value_memory;  // of caches that nobody asks for
    if (!copy_cache(args, key, 1, key_memory)) return;
    if (!paged_.latent && !copy_cache(args, value, 2, value_memory)) return;
    store_new(args, ranges, key, value);
    if (args.outputs[0].data == nullptr) return;
    args.pool->parallel_for(paged_.batch * paged_.kv_heads, [&](int64_t task) {
      const int64_t item = task / paged_.kv_heads;
      attend(args, ranges[static_cast<size_t>(item)], item, task % paged_.kv_heads, key, value);
    });
  }

 private:
  int64_t past_of(const RunArgs& args, int64_t item) const {
    return args.inputs[kPast].as<int32_t>()[item];
  }

  // Where position `position` of a sequence lies, in vectors of all heads.
  int64_t slot_of(const RunArgs& args, int64_t item, int64_t position) const {
    const int32_t* table = args.inputs[kTable].as<int32_t>() + item * paged_.table_width;
    return table[position / paged_.block_size] * paged_.block_size + position % paged_.block_size;
  }

  // Everything that the data says about places: lengths, blocks, slots, angles.
  bool check_places(RunArgs& args, const Ranges& ranges) const {
    for (int64_t item = 0; item < paged_.batch; ++item) {
      const int64_t past = past_of(args, item);
      const int64_t total = past + ranges[static_cast<size_t>(item)].count();
      const int64_t room = paged_.table_width * paged_.block_size;
      const int64_t angles =
          paged_.rotates ? args.inputs[kCosines].shape[0] : std::numeric_limits<int64_t>::max();
      if (past < 0 || total > room || total > angles) {
        args.report(Code::kInvalidArgument,
                    fmt::format("past_seqlens[{}] is {} in front of {} tokens, but there is room "
                                "for {} and angles for {}",
                                item, past, total - past, room, angles));
        return false;
      }
      const int32_t* table = args.inputs[kTable].as<int32_t>() + item * paged_.table_width;
      for (int64_t i = 0; i * paged_.block_size < total; ++i) {
        if (table[i] >= 0 && table[i] < paged_.blocks) continue;
        args.report(Code::kInvalidArgument, fmt::format("block_table[{}, {}] is {} of {} blocks",
                                                        item, i, table[i], paged_.blocks));
        return false;
      }
    }
    for (int64_t token = 0; token < paged_.tokens && given(args, kSlots); ++token) {
      const int32_t slot = args.inputs[kSlots].as<int32_t>()[token];
      if (slot >= -1 && slot < paged_.blocks * paged_.block_size) continue;
      args.report(Code::kInvalidArgument, fmt::format("slot_mapping[{}] is {} of {} slots", token,
                                                      slot, paged_.blocks * paged_.block_size));
      return false;
    }
    return true;
  }

  bool copy_cache(RunArgs& args, Cache& cache, size_t output, Tensor& memory) const {
    const TensorView& from = args.inputs[cache.input];
    if (output < args.outputs.size()) cache.data = static_cast<char*>(args.outputs[output].data);
    if (cache.data == nullptr) {
      auto made = Tensor::allocate(from.dtype, from.shape);
      if (!made) {
        report_error(args, std::move(made.error()));
        return false;
      }
      memory = std::move(*made);
      cache.data = memory.as<char>();
    }
    std::memcpy(cache.data, from.data, from.bytes());
    cache.vector_bytes =
        dtype_bytes(from.dtype, static_cast<size_t>(cache.type.stored_size(paged_.size)));
    return true;
  }

  char* vector_at(const Cache& cache, int64_t slot, int64_t head) const {
    return cache.data + static_cast<size_t>(slot * paged_.kv_heads + head) * cache.vector_bytes;
  }
  const float* scales_of(const RunArgs& args, const Cache& cache, int64_t head) const {
    if (!cache.type.quantized) return nullptr;
    return args.inputs[cache.scale].as<float>() + (cache.type.per_channel ? head * paged_.size : 0);
  }

  // The vector of a query or key, normalised and rotated.
  void prepare(const RunArgs& args, const T* from, size_t norm, int64_t position,
               std::vector<T>& to) const {
    to.assign(from, from + paged_.size);
    if (given(args, norm)) {
      const T* weight = args.inputs[norm].as<T>();
      double squares = 0;
      for (const T each : to) squares += widen(each) * widen(each);
      const double factor =
          1 / std::sqrt(squares / static_cast<double>(paged_.size) + paged_.norm_epsilon);
      for (size_t i = 0; i < to.size(); ++i) {
        to[i] = narrow<T>(widen(to[i]) * factor * widen(weight[i]));
      }
    }
    if (!paged_.rotates) return;
    const int64_t half = args.inputs[kCosines].shape[1];
    T* turned = to.data() + paged_.rotary_offset;
    rotate_vector(turned, args.inputs[kCosines].as<T>() + position * half,
                  args.inputs[kSines].as<T>() + position * half, half, paged_.interleaved, turned);
  }

  const T* row_of(const RunArgs& args, size_t input, int64_t token) const {
    const int64_t width = paged_.kv_heads * paged_.size;
    if (input == kQuery) return args.inputs[kQuery].as<T>() + token * paged_.query_row();
    if (!paged_.packed) return args.inputs[input].as<T>() + token * width;
    return args.inputs[kQuery].as<T>() + token * paged_.query_row() + paged_.heads * paged_.size +
           (input == kValue ? width : 0);
  }

  // One after the other: two tokens may have the same slot, and the later one stays.
  void store_new(const RunArgs& args, const Ranges& ranges, const Cache& key,
                 const Cache& value) const {
    std::vector<T> vector;
    std::vector<float> numbers(static_cast<size_t>(paged_.size));
    const auto store = [&](const Cache& cache, int64_t slot, int64_t head) {
      for (size_t i = 0; i < numbers.size(); ++i) {
        numbers[i] = static_cast<float>(widen(vector[i]));
      }
      encode(cache.type, numbers, scales_of(args, cache, head), vector_at(cache, slot, head));
    };
    for (int64_t item = 0; item < paged_.batch; ++item) {
      const Range& range = ranges[static_cast<size_t>(item)];
      for (int64_t token = range.begin; token < range.end; ++token) {
        const int64_t position = past_of(args, item) + token - range.begin;
        const int64_t slot = given(args, kSlots) ? args.inputs[kSlots].as<int32_t>()[token]
                                                 : slot_of(args, item, position);
        if (slot < 0) continue;
        for (int64_t head = 0; head < paged_.kv_heads; ++head) {
          prepare(args, row_of(args, kKey, token) + head * paged_.size, kKeyNorm, position, vector);
          store(key, slot, head);
          if (paged_.latent) continue;
          const T* from = row_of(args, kValue, token) + head * paged_.size;
          vector.assign(from, from + paged_.size);
          store(value, slot, head);
        }
      }
    }
  }

  // All queries of a sequence by one head of keys.
  void attend(const RunArgs& args, const Range& range, int64_t item, int64_t kv_head,
              const Cache& key, const Cache& value) const {
    const int64_t past = past_of(args, item), total = past + range.count();
    const auto size = static_cast<size_t>(paged_.size);
    std::vector<float> keys(static_cast<size_t>(total) * size), values;
    if (!paged_.latent) values.resize(keys.size());
    for (int64_t position = 0; position < total; ++position) {
      const int64_t slot = slot_of(args, item, position);
      const size_t at = static_cast<size_t>(position) * size;
      decode(key.type, vector_at(key, slot, kv_head), scales_of(args, key, kv_head),
             {keys.data() + at, size});
      if (paged_.latent) continue;
      decode(value.type, vector_at(value, slot, kv_head), scales_of(args, value, kv_head),
             {values.data() + at, size});
    }
    const std::vector<float>& shown = paged_.latent ? keys : values;
    std::vector<T> query;
    std::vector<double> weights, sums(static_cast<size_t>(paged_.value_size));
    const int64_t group = paged_.heads / paged_.kv_heads;
    for (int64_t token = range.begin; token < range.end; ++token) {
      const int64_t position = past + token - range.begin;
      const int64_t end = paged_.causal ? position + 1 : total;
      const int64_t begin =
          paged_.window > 0 ? std::max<int64_t>(0, position + 1 - paged_.window) : 0;
      for (int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
        prepare(args, row_of(args, kQuery, token) + head * paged_.size, kQueryNorm, position,
                query);
        score(args, query, keys, begin, end, head, weights);
        std::fill(sums.begin(), sums.end(), 0.0);
        for (int64_t i = begin; i < end; ++i) {
          const float* row = shown.data() + static_cast<size_t>(i) * size;
          const double weight = weights[static_cast<size_t>(i - begin)];
          for (size_t j = 0; j < sums.size(); ++j) sums[j] += weight * static_cast<double>(row[j]);
        }
        T* dst = args.outputs[0].as<T>() + (token * paged_.heads + head) * paged_.value_size;
        for (size_t j = 0; j < sums.size(); ++j) dst[j] = narrow<T>(sums[j]);
      }
    }
  }

  // The softmax of the scores of positions [begin, end).
  void score(const RunArgs& args, const std::vector<T>& query, const std::vector<float>& keys,
             int64_t begin, int64_t end, int64_t head, std::vector<double>& weights) const {
    const auto size = static_cast<size_t>(paged_.size);
    double most = -std::numeric_limits<double>::infinity(), sum = 0;
    const bool sinks = given(args, kSinks);
    const double sink = sinks ? widen(args.inputs[kSinks].as<T>()[head]) : most;
    if (sinks) most = sink;
    weights.clear();
    for (int64_t i = begin; i < end; ++i) {
      const float* row = keys.data() + static_cast<size_t>(i) * size;
      double dot = 0;
      for (size_t j = 0; j < size; ++j) dot += widen(query[j]) * static_cast<double>(row[j]);
      dot *= paged_.scale;
      if (paged_.softcap > 0) dot = paged_.softcap * std::tanh(dot / paged_.softcap);
      weights.push_back(dot);
      most = std::max(most, dot);
    }
    if (sinks) sum = std::exp(sink - most);
    for (double& each : weights) sum += each = std::exp(each - most);
    for (double& each : weights) each /= sum;
  }

  Paged paged_;
};

Result<std::unique_ptr<Kernel>> make_paged(const KernelRequest& request) {
  for (const Operand& operand : request.inputs) {
    if (operand.present() && !operand.is_concrete()) {
      return decline("its shapes are not known when the plan is made");
    }
  }
  const Paged paged = TRY(read_paged(request));
  std::unique_ptr<Kernel> kernel;
  visit_dtype<float, Float16, Bfloat16>(request.inputs[kQuery].dtype(), [&](auto tag) {
    kernel = std::make_unique<PagedKernel<typename decltype(tag)::Type>>(paged);
  });
  return kernel;
}

}  // namespace

OpDef op_PagedAttention() {
  using Kind = FormalAttr::Kind;
  const DTypeSet i32 = dtype_set(DType::kInt32), f32 = dtype_set(DType::kFloat32);
  const auto floats = [](const char* name) {
    return FormalParam{name, "T", kTypes, Form::kOptional};
  };
  OpDef op;
  op.versions = {1};
  op.inputs = {{"query", "T", kTypes},
               floats("key"),
               floats("value"),
               {"key_cache", "K", kCacheTypes},
               {"value_cache", "V", kCacheTypes, Form::kOptional},
               {"cumulative_sequence_length", "S", i32},
               {"past_seqlens", "S", i32},
               {"block_table", "S", i32},
               floats("cos_cache"),
               floats("sin_cache"),
               {"slot_mapping", "S", i32, Form::kOptional},
               floats("head_sink"),
               floats("q_norm_weight"),
               floats("k_norm_weight"),
               {"k_scale", "F", f32, Form::kOptional},
               {"v_scale", "F", f32, Form::kOptional},
               {"attention_metadata", "S", i32, Form::kOptional}};
  op.outputs = {{"output", "T", kTypes},
                {"key_cache_out", "K", kCacheTypes, Form::kOptional},
                {"value_cache_out", "V", kCacheTypes, Form::kOptional}};
  op.attrs = {int_attr("do_rotary", 0),
              int_attr("is_causal", 1),
              string_attr("k_cache_dtype", ""),
              string_attr("k_quant_type", "NONE"),
              string_attr("kv_cache_layout", "SEPARATE"),
              required_attr("kv_num_heads", Kind::kInt),
              int_attr("local_window_size", -1),
              required_attr("num_heads", Kind::kInt),
              float_attr("qk_norm_epsilon", 1e-6f),
              int_attr("rotary_interleaved", 0),
              int_attr("rotary_offset", 0),
              float_attr("scale", 0),
              float_attr("softcap", 0),
              string_attr("v_cache_dtype", ""),
              int_attr("v_head_size", 0),
              string_attr("v_quant_type", "NONE")};
  op.infer = infer;
  op.kernels = {{"reference", make_paged}};
  return op;
}

}  // namespace sardonyx
