// QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear: between numbers and scaled integers
// (or float8, float4), with a scale for the whole tensor, for each index of an axis, or for blocks
// of it.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/narrow.h"
#include "ops/elementwise/tiles.h"
#include "ops/number.h"
#include "ops/quantize/wide_tile.h"
#include "ops/reduce/reduce.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

// ---- types and shapes

bool is_one_number(const Dims& dims) {
  return dims.empty() || (dims.size() == 1 && dims[0] == Dim(1));
}

// Scale (input 1) and zero point (input 2) against the data.
Result<void> check_scale(const InferContext& context) {
  if (!context.has_rank(0) || !context.has_rank(1)) return {};
  // One number may be a scalar here and a list of one there.
  const bool same = !context.has_rank(2) || context.rank(1) == context.rank(2) ||
                    (context.rank(1) <= 1 && context.rank(2) <= 1);
  if (!same) {
    return fail(Code::kInvalidArgument, "{} and {} must have the same shape", context.describe(1),
                context.describe(2));
  }
  const Dims& scale = context.dims(1);
  const Dims& data = context.dims(0);
  const int64_t block = context.attrs().get_int("block_size");
  if (block < 0) return fail(Code::kInvalidArgument, "block_size is {}, below 0", block);
  if (is_one_number(scale) && block == 0) return {};
  if (scale.size() == 1 && !scale[0].is_constant()) return {};  // perhaps one number
  const auto axis =
      static_cast<size_t>(TRY(context.axis(context.attrs().get_int("axis", 1), context.rank(0))));
  const auto differ = [](const Dim& a, const Dim& b) {
    return a.is_constant() && b.is_constant() && a.value() != b.value();
  };
  bool fits = scale.size() == (block == 0 ? 1 : data.size());
  if (fits && block == 0) fits = !differ(scale[0], data[axis]);
  for (size_t i = 0; fits && block != 0 && i < data.size(); ++i) {
    fits = !differ(scale[i], i == axis ? ceil_div(data[i], Dim(block)) : data[i]);
  }
  if (fits) return {};
  return fail(Code::kInvalidArgument, "{} fits neither axis {} nor blocks of {} of {}",
              context.describe(1), axis, block, context.describe(0));
}

Result<DType> attr_dtype(const InferContext& context, std::string_view name, DTypeSet allowed) {
  const int64_t code = context.attrs().get_int(name);
  if (code == 0) return DType::kUndefined;
  if (code < 0 || code >= kDTypeCount || (dtype_bit(static_cast<DType>(code)) & allowed) == 0) {
    return fail(Code::kInvalidArgument, "{} is {}, which is no data type allowed here", name, code);
  }
  return static_cast<DType>(code);
}

void set_like_data(InferContext& context, DType dtype) {
  if (context.has_rank(0)) {
    context.set_output(0, dtype, context.dims(0));
  } else {
    context.set_output(0, dtype);
  }
}

constexpr DTypeSet kQuantizedTypes =
    dtype_set(DType::kInt8, DType::kUint8, DType::kInt16, DType::kUint16) | kSubByteTypes |
    (kFloat8Types & ~dtype_bit(DType::kFloat8E8M0));
constexpr DTypeSet kRealTypes = dtype_set(DType::kFloat32, DType::kFloat16, DType::kBfloat16);

Result<void> infer_quantize(InferContext& context) {
  DType dtype = TRY(attr_dtype(context, "output_dtype", kQuantizedTypes));
  TRY(attr_dtype(context, "precision", kRealTypes));
  if (context.has_input(2)) {
    if (dtype != DType::kUndefined && dtype != context.dtype(2)) {
      return fail(Code::kInvalidArgument, "output_dtype is {}, but {} says otherwise",
                  dtype_name(dtype), context.describe(2));
    }
    dtype = context.dtype(2);
  }
  TRY(check_scale(context));
  set_like_data(context, dtype == DType::kUndefined ? DType::kUint8 : dtype);
  return {};
}

Result<void> infer_dequantize(InferContext& context) {
  DType dtype = TRY(attr_dtype(context, "output_dtype", kRealTypes));
  if (dtype == DType::kUndefined) dtype = context.dtype(1);
  if (dtype == DType::kFloat8E8M0) dtype = DType::kFloat32;
  TRY(check_scale(context));
  set_like_data(context, dtype);
  return {};
}

// ---- which scale an element has

struct ScaleMap {
  int64_t length = 1, inner = 1;  // of the axis, and behind it
  int64_t block = 0, blocks = 0;
  bool single = true;

  static ScaleMap of(const KernelRequest& request) {
    const Shape shape = request.inputs[0].shape(), scale = request.inputs[1].shape();
    ScaleMap map;
    map.block = request.node.attrs.get_int("block_size");
    if (scale.count() == 1 && map.block == 0) return map;
    int64_t axis = request.node.attrs.get_int("axis", 1);
    if (axis < 0) axis += static_cast<int64_t>(shape.rank());
    const auto a = static_cast<size_t>(axis);
    map.single = false;
    map.length = shape[a];
    map.inner = shape.count(a + 1, shape.rank());
    if (map.block > 0) map.blocks = scale[a];
    return map;
  }

  int64_t index(int64_t element) const {
    if (single) return 0;
    const int64_t line = element / inner, at = line % length;
    if (block == 0) return at;
    return (line / length * blocks + at / block) * inner + element % inner;
  }
};

double round_to(DType dtype, double number) {
  switch (dtype) {
    case DType::kFloat16:
      return to_float(to_float16(number));
    case DType::kBfloat16:
      return to_float(to_bfloat16(number));
    case DType::kFloat32:
      return static_cast<float>(number);
    default:
      return number;
  }
}

// The range of an integer dtype of at most 16 bits.
struct Range {
  double low, high;
};
Range range_of(DType dtype) {
  const int bits = dtype_bits(dtype);
  if (!dtype_is_signed(dtype)) return {0, std::ldexp(1.0, bits) - 1};
  return {-std::ldexp(1.0, bits - 1), std::ldexp(1.0, bits - 1) - 1};
}

// One number of a small tensor.
double number_at(const WideTile& tile, const TensorView& view, int64_t index) {
  double number = 0;
  tile.load(view.data, static_cast<size_t>(index), 1, &number);
  return number;
}

// fn(first, count, numbers) over tiles of the input as f64, to store the results.
template <class Fn>
void for_tiles(RunArgs& args, const WideTile& from, const Fn& fn) {
  constexpr size_t kTile = WideTile::kElements, kChunk = 16 * kTile;
  const auto count = static_cast<size_t>(args.inputs[0].count());
  args.pool->parallel_for(static_cast<int64_t>((count + kChunk - 1) / kChunk), [&](int64_t task) {
    alignas(64) double numbers[kTile];
    const size_t begin = static_cast<size_t>(task) * kChunk;
    for (size_t first = begin; first < std::min(begin + kChunk, count); first += kTile) {
      const size_t size = std::min(kTile, count - first);
      from.load(args.inputs[0].data, first, size, numbers);
      fn(first, size, numbers);
    }
  });
}

bool given(const RunArgs& args, size_t index) {
  return index < args.inputs.size() && args.inputs[index].data != nullptr;
}

// ---- kernels

// Scale and zero point of the elements one after another; they are read when they change.
class ScaleReader {
 public:
  ScaleReader(const RunArgs& args, const ScaleMap& map, const WideTile& scales,
              const WideTile& zeros)
      : args_(args), map_(map), scales_(scales), zeros_(zeros) {}

  void move_to(size_t element) {
    const int64_t index = map_.index(static_cast<int64_t>(element));
    if (index == index_) return;
    index_ = index;
    scale = number_at(scales_, args_.inputs[1], index);
    zero = given(args_, 2) ? number_at(zeros_, args_.inputs[2], index) : 0;
  }

  double scale = 1, zero = 0;

 private:
  const RunArgs& args_;
  const ScaleMap& map_;
  const WideTile& scales_;
  const WideTile& zeros_;
  int64_t index_ = -1;
};

// ---- kernels for f32 and integers of up to 16 bits: one scale at a time, by the elementwise loops

// Elements [first, first + count) with the scale and zero point at `index`.
struct ScaleRun {
  int64_t first = 0, count = 0, index = 0;
};

class ScaleRuns {
 public:
  // Declines where runs with one scale are too short for vectors.
  static Result<ScaleRuns> of(const KernelRequest& request) {
    TRY(expect_concrete_outputs(request));
    if (request.inputs[1].dtype() != DType::kFloat32) return decline("the scale is not float32");
    const ScaleMap map = ScaleMap::of(request);
    ScaleRuns runs;
    runs.total_ = request.inputs[0].shape().count();
    constexpr int64_t kShortest = 32;
    if (map.single) return runs;
    if (map.block != 0 || map.inner < kShortest) return decline("each scale has few elements");
    runs.length_ = map.length;
    runs.inner_ = map.inner;
    return runs;
  }

  // fn(run) for pieces that cover all elements, in parallel.
  template <class Fn>
  void for_each(ThreadPool& pool, const Fn& fn) const {
    constexpr int64_t kPiece = 16384;
    const int64_t inner = inner_ == 0 ? std::max<int64_t>(1, total_) : inner_;
    const int64_t pieces = (inner + kPiece - 1) / kPiece;
    pool.parallel_for(total_ / inner * pieces, [&](int64_t task) {
      const int64_t line = task / pieces, at = task % pieces * kPiece;
      fn(ScaleRun{line * inner + at, std::min(kPiece, inner - at),
                  inner_ == 0 ? 0 : line % length_});
    });
  }

 private:
  int64_t total_ = 0;
  int64_t length_ = 1, inner_ = 0;  // inner_ 0: one scale for all
};

float zero_at(const RunArgs& args, DType dtype, int64_t index) {
  if (!given(args, 2)) return 0;
  float zero = 0;
  visit_dtype<int8_t, uint8_t, int16_t, uint16_t, int32_t>(dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    zero = static_cast<float>(args.inputs[2].as<T>()[index]);
  });
  return zero;
}

Result<std::unique_ptr<Kernel>> make_quantize_runs(const KernelRequest& request) {
  const DType to = request.outputs[0].dtype();
  const TileRow* row = find_tiles(request.tier, "Quantize");
  const TileFn fn = row->by_dtype[static_cast<size_t>(to)];
  const int64_t precision = request.node.attrs.get_int("precision");
  if (fn == nullptr) return decline("{} is not an integer of 8 or 16 bits", dtype_name(to));
  if (request.inputs[0].dtype() != DType::kFloat32) return decline("the input is not float32");
  if (precision > 1) return decline("precision is not float32");
  const ScaleRuns runs = TRY(ScaleRuns::of(request));
  return make_kernel([runs, fn, to](RunArgs& args) {
    const size_t size = dtype_bytes(to, 1);
    runs.for_each(*args.pool, [&](const ScaleRun& run) {
      const float params[] = {args.inputs[1].as<float>()[run.index], 0,
                              zero_at(args, to, run.index)};
      const void* src = args.inputs[0].as<float>() + run.first;
      fn(&src, args.outputs[0].as<std::byte>() + static_cast<size_t>(run.first) * size,
         static_cast<size_t>(run.count), params);
    });
  });
}

Result<std::unique_ptr<Kernel>> make_dequantize_runs(const KernelRequest& request) {
  const DType from = request.inputs[0].dtype();
  const TileRow* row = find_tiles(request.tier, "Dequantize");
  const TileFn fn = row->by_dtype[static_cast<size_t>(from)];
  if (fn == nullptr || from == DType::kInt32) {
    return decline("{} is not an integer of 8 or 16 bits", dtype_name(from));
  }
  if (request.outputs[0].dtype() != DType::kFloat32) return decline("the output is not float32");
  const ScaleRuns runs = TRY(ScaleRuns::of(request));
  return make_kernel([runs, fn, from](RunArgs& args) {
    const size_t size = dtype_bytes(from, 1);
    runs.for_each(*args.pool, [&](const ScaleRun& run) {
      const float params[] = {args.inputs[1].as<float>()[run.index],
                              zero_at(args, from, run.index)};
      const void* src = args.inputs[0].as<std::byte>() + static_cast<size_t>(run.first) * size;
      fn(&src, args.outputs[0].as<float>() + run.first, static_cast<size_t>(run.count), params);
    });
  });
}

// ---- kernels for everything

struct Quantizer {
  ScaleMap map;
  DType precision, result;
  bool saturate;
  WideTile from, scales, to;

  void operator()(RunArgs& args) const {
    const bool is_integer = dtype_is_integer(result);
    const Range range = is_integer ? range_of(result) : Range{};
    for_tiles(args, from, [&](size_t first, size_t count, double* numbers) {
      ScaleReader reader(args, map, scales, to);
      for (size_t i = 0; i < count; ++i) {
        reader.move_to(first + i);
        const double divisor = round_to(precision, reader.scale);
        const double quotient = round_to(precision, round_to(precision, numbers[i]) / divisor);
        numbers[i] = is_integer ? to_integer(quotient, reader.zero, range) : quotient + reader.zero;
      }
      store(numbers, first, count, args.outputs[0].data);
    });
  }

  static double to_integer(double quotient, double zero, const Range& range) {
    if (std::isnan(quotient)) return zero;
    return std::clamp(std::nearbyint(quotient) + zero, range.low, range.high);
  }

  void store(const double* numbers, size_t first, size_t count, void* dst) const {
    const bool is_float8 = (dtype_bit(result) & kFloat8Types) != 0;
    if (saturate || !is_float8) return to.store(numbers, count, dst, first);
    for (size_t i = 0; i < count; ++i) {
      static_cast<uint8_t*>(dst)[first + i] =
          narrow_from_float(result, static_cast<float>(numbers[i]), false);
    }
  }
};

Result<std::unique_ptr<Kernel>> make_quantize(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const DType scale = request.inputs[1].dtype(), result = request.outputs[0].dtype();
  const int64_t asked = request.node.attrs.get_int("precision");
  const bool saturate = request.node.attrs.get_int("saturate", 1) != 0;
  return make_kernel(Quantizer{ScaleMap::of(request),
                               asked != 0 ? static_cast<DType>(asked) : scale, result, saturate,
                               WideTile(request.tier, request.inputs[0].dtype()),
                               WideTile(request.tier, scale), WideTile(request.tier, result)});
}

Result<std::unique_ptr<Kernel>> make_dequantize(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const WideTile from(request.tier, request.inputs[0].dtype());
  const WideTile scale(request.tier, request.inputs[1].dtype());
  const WideTile to(request.tier, request.outputs[0].dtype());
  return make_kernel([map = ScaleMap::of(request), from, scale, to](RunArgs& args) {
    for_tiles(args, from, [&](size_t first, size_t count, double* numbers) {
      ScaleReader reader(args, map, scale, from);
      for (size_t i = 0; i < count; ++i) {
        reader.move_to(first + i);
        numbers[i] = (numbers[i] - reader.zero) * reader.scale;
      }
      to.store(numbers, count, args.outputs[0].data, first);
    });
  });
}

// ---- DynamicQuantizeLinear

Result<void> infer_dynamic(InferContext& context) {
  set_like_data(context, DType::kUint8);
  context.set_output(1, DType::kFloat32, {});
  context.set_output(2, DType::kUint8, {});
  return {};
}

// The largest and the least number, 0 among them. Their order does not matter, so the pieces may be
// as many as there are threads.
struct Extremes {
  float high = 0, low = 0;
};
Extremes find_extremes(const ReduceTable& table, std::span<const float> src, ThreadPool& pool) {
  const auto largest = table.loops[static_cast<size_t>(ReduceKind::kMax)].run;
  const auto least = table.loops[static_cast<size_t>(ReduceKind::kMin)].run;
  constexpr size_t kPiece = 32768;
  const auto pieces = (src.size() + kPiece - 1) / kPiece;
  std::array<Extremes, 64> found;  // piece by piece, round and round
  pool.parallel_for(static_cast<int64_t>(std::min(pieces, found.size())), [&](int64_t task) {
    Extremes& mine = found[static_cast<size_t>(task)];
    for (auto piece = static_cast<size_t>(task); piece < pieces; piece += found.size()) {
      const auto part = src.subspan(piece * kPiece, std::min(kPiece, src.size() - piece * kPiece));
      mine.high = std::max(mine.high, largest(part.data(), part.size()));
      mine.low = std::min(mine.low, least(part.data(), part.size()));
    }
  });
  Extremes all;
  for (const Extremes& each : found) {
    all.high = std::max(all.high, each.high);
    all.low = std::min(all.low, each.low);
  }
  return all;
}

Result<std::unique_ptr<Kernel>> make_dynamic(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const ReduceTable& table = reduce_table(request.tier);
  const TileFn quantize =
      find_tiles(request.tier, "Quantize")->by_dtype[static_cast<size_t>(DType::kUint8)];
  return make_kernel([&table, quantize](RunArgs& args) {
    const std::span<const float> src = args.inputs[0].elements<const float>();
    const Extremes extremes = find_extremes(table, src, *args.pool);
    const float width = extremes.high - extremes.low;
    const float scale = width == 0 ? 1.0f : width / 255.0f;
    const float zero = std::nearbyint(std::clamp(0.0f - extremes.low / scale, 0.0f, 255.0f));
    auto* dst = args.outputs[0].as<uint8_t>();
    constexpr size_t kPiece = 16384;
    const auto pieces = static_cast<int64_t>((src.size() + kPiece - 1) / kPiece);
    args.pool->parallel_for(pieces, [&](int64_t task) {
      const size_t first = static_cast<size_t>(task) * kPiece;
      const float params[] = {scale, 0, zero};
      const void* from = src.data() + first;
      quantize(&from, dst + first, std::min(kPiece, src.size() - first), params);
    });
    if (args.outputs.size() > 1 && args.outputs[1].data != nullptr) {
      *args.outputs[1].as<float>() = scale;
    }
    if (args.outputs.size() > 2 && args.outputs[2].data != nullptr) {
      *args.outputs[2].as<uint8_t>() = static_cast<uint8_t>(zero);
    }
  });
}

}  // namespace

OpDef op_QuantizeLinear() {
  const DTypeSet numbers = kRealTypes | dtype_set(DType::kInt32);
  OpDef op;
  op.versions = {10, 13, 19, 21, 23, 24, 25};
  op.inputs = {{"x", "T1", numbers},
               {"y_scale", "T2", numbers | dtype_set(DType::kFloat8E8M0)},
               {"y_zero_point", "T3", kQuantizedTypes, Form::kOptional}};
  op.outputs = {{"y", "T3", kQuantizedTypes}};
  op.attrs = {int_attr("axis", 1), int_attr("block_size", 0), int_attr("output_dtype", 0),
              int_attr("precision", 0), int_attr("saturate", 1)};
  op.infer = infer_quantize;
  op.kernels = {{"runs", make_quantize_runs}, {"reference", make_quantize}};
  return op;
}

OpDef op_DequantizeLinear() {
  const DTypeSet quantized = kQuantizedTypes | dtype_set(DType::kInt32);
  OpDef op;
  op.versions = {10, 13, 19, 21, 23, 24, 25};
  op.inputs = {{"x", "T1", quantized},
               {"x_scale", "T2", kRealTypes | dtype_set(DType::kFloat8E8M0)},
               {"x_zero_point", "T1", quantized, Form::kOptional}};
  op.outputs = {{"y", "T3", kRealTypes}};
  op.attrs = {int_attr("axis", 1), int_attr("block_size", 0), int_attr("output_dtype", 0)};
  op.infer = infer_dequantize;
  op.kernels = {{"runs", make_dequantize_runs}, {"reference", make_dequantize}};
  return op;
}

OpDef op_DynamicQuantizeLinear() {
  OpDef op;
  op.versions = {11};
  op.inputs = {{"x", "T1", dtype_set(DType::kFloat32)}};
  op.outputs = {{"y", "T2", dtype_set(DType::kUint8)},
                {"y_scale", "", dtype_set(DType::kFloat32)},
                {"y_zero_point", "T2", dtype_set(DType::kUint8)}};
  op.infer = infer_dynamic;
  op.kernels = {{"tiles", make_dynamic}};
  return op;
}

}  // namespace sardonyx
