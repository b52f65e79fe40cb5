// Cast and CastLike: between all pairs of dtypes. Whole-byte dtypes are steps of elementwise
// programs; packed ones are unpacked and packed around such a program; strings are in
// cast_strings.cc.
#include "ops/elementwise/cast.h"

#include <algorithm>
#include <bit>

#include "base/narrow.h"
#include "ops/elementwise/packed.h"
#include "ops/elementwise/tiles.h"

namespace sardonyx {
namespace {

// ---- conversions that find_conversion does not do

template <DType kTo>
void cast_unsaturated(const void* const* srcs, void* dst, size_t count, const void* /*params*/) {
  const float* in = static_cast<const float*>(srcs[0]);
  uint8_t* out = static_cast<uint8_t*>(dst);
  for (size_t i = 0; i < count; ++i) out[i] = narrow_from_float(kTo, in[i], false);
}

struct E8M0Mode {
  float round;  // 0 down, 1 nearest, 2 up
  float saturate;
};

// 2^(code - 127); the sign is ignored. Beyond the range: the nearest code, or NaN unsaturated.
uint8_t to_e8m0(float number, const E8M0Mode& mode) {
  constexpr uint8_t kNaN = 255, kMax = 254;
  const bool saturate = mode.saturate != 0;
  const uint32_t bits = std::bit_cast<uint32_t>(number) & 0x7FFFFFFF;
  if (bits > 0x7F800000) return kNaN;
  if (bits == 0x7F800000) return saturate ? kMax : kNaN;
  constexpr uint32_t kLowest = 0x00400000;  // 2^-127, a subnormal of f32
  if (bits < kLowest) return saturate ? 0 : kNaN;
  uint32_t code = bits >> 23;
  // Twice the fraction, counted in steps between this power of two and the next.
  const uint32_t fraction = code == 0 ? (bits - kLowest) * 2 : bits & 0x7FFFFF;
  const bool up = mode.round == 2 ? fraction != 0 : mode.round == 1 && fraction >= 0x400000;
  if (up) ++code;
  if (code > kMax) return saturate ? kMax : kNaN;
  return static_cast<uint8_t>(code);
}

void cast_e8m0(const void* const* srcs, void* dst, size_t count, const void* params) {
  const auto& mode = *static_cast<const E8M0Mode*>(params);
  const float* in = static_cast<const float*>(srcs[0]);
  uint8_t* out = static_cast<uint8_t*>(dst);
  for (size_t i = 0; i < count; ++i) out[i] = to_e8m0(in[i], mode);
}

constexpr TileRow make_float8_row() {
  TileRow row{"Cast", {}};
  const auto set = [&row](DType to, TileFn fn) { row.by_dtype[static_cast<size_t>(to)] = fn; };
  set(DType::kFloat8E4M3FN, cast_unsaturated<DType::kFloat8E4M3FN>);
  set(DType::kFloat8E4M3FNUZ, cast_unsaturated<DType::kFloat8E4M3FNUZ>);
  set(DType::kFloat8E5M2, cast_unsaturated<DType::kFloat8E5M2>);
  set(DType::kFloat8E5M2FNUZ, cast_unsaturated<DType::kFloat8E5M2FNUZ>);
  set(DType::kFloat8E8M0, cast_e8m0);
  return row;
}
constexpr TileRow kCastRows[] = {make_float8_row()};

}  // namespace

const TileRows& cast_tiles(Tier /*tier*/) {
  static constexpr TileRows kRows = kCastRows;
  return kRows;
}

Result<Reg> emit_conversion(ProgramBuilder& builder, Reg reg, DType to, const CastMode& mode) {
  const bool is_e8m0 = to == DType::kFloat8E8M0;
  const bool is_float8 = (dtype_bit(to) & kFloat8Types) != 0;
  if (!is_e8m0 && !(is_float8 && !mode.saturate)) return builder.convert(reg, to);
  if (builder.dtype(reg) == to) return reg;
  const Reg number = TRY(builder.convert(reg, DType::kFloat32));
  const float round = mode.round == "down" ? 0.0f : mode.round == "nearest" ? 1.0f : 2.0f;
  const float params[] = {round, mode.saturate ? 1.0f : 0.0f};
  return builder.step("Cast", to, std::span(&number, 1), to,
                      is_e8m0 ? std::span<const float>(params) : std::span<const float>());
}

namespace {

CastMode mode_of(const Node& node) {
  const std::string& round = node.attrs.get_string("round_mode");
  return {node.attrs.get_int("saturate", 1) != 0, round.empty() ? "up" : std::string_view(round)};
}

Result<Reg> emit_cast(ProgramBuilder& builder, const EmitArgs& args) {
  const auto is_whole = [](DType dtype) {
    return !dtype_is_sub_byte(dtype) && dtype != DType::kString;
  };
  if (!is_whole(builder.dtype(args.inputs[0])) || !is_whole(args.output)) {
    return decline("{} to {} is not a conversion of whole bytes",
                   dtype_name(builder.dtype(args.inputs[0])), dtype_name(args.output));
  }
  return emit_conversion(builder, args.inputs[0], args.output, mode_of(args.node));
}

constexpr ElementwiseOp kCast{emit_cast};

// ---- packed dtypes

class PackedCast final : public Kernel {
 public:
  PackedCast(ElementwiseProgram program, DType from, DType to)
      : program_(std::move(program)), from_(from), to_(to) {}

  void run(RunArgs& args) const override {
    const TensorView& src = args.inputs[0];
    const TensorView dst = args.outputs[0];
    const auto count = static_cast<size_t>(src.count());
    const auto tasks = static_cast<int64_t>((count + kChunk - 1) / kChunk);
    args.pool->parallel_for(tasks, [&](int64_t task) {
      const size_t first = static_cast<size_t>(task) * kChunk;
      for (size_t i = first; i < std::min(first + kChunk, count); i += kTile) {
        run_tile(src.data, dst.data, i, std::min(kTile, count - i));
      }
    });
  }

 private:
  static constexpr size_t kTile = 512;
  static constexpr size_t kChunk = 32 * kTile;

  void run_tile(const void* src, void* dst, size_t first, size_t count) const {
    alignas(64) std::byte scratch[ElementwiseProgram::kScratchBytes];
    alignas(64) std::byte unpacked[kTile * sizeof(double)];
    alignas(64) std::byte result[kTile * sizeof(double)];
    const void* input = static_cast<const std::byte*>(src) + dtype_bytes(from_, first);
    void* output = static_cast<std::byte*>(dst) + dtype_bytes(to_, first);
    if (dtype_is_sub_byte(from_)) {
      unpack_elements(from_, src, first, count, unpacked);
      input = unpacked;
    }
    if (dtype_is_sub_byte(to_)) output = result;
    program_.prepare(scratch);
    const size_t in_bytes = dtype_bytes(program_.input_dtype(0), 1);
    const size_t out_bytes = dtype_bytes(program_.output_dtype(0), 1);
    for (size_t i = 0; i < count; i += program_.max_tile()) {
      const void* in = static_cast<const std::byte*>(input) + i * in_bytes;
      void* out = static_cast<std::byte*>(output) + i * out_bytes;
      program_.run_tile(&in, &out, std::min(program_.max_tile(), count - i), scratch);
    }
    if (dtype_is_sub_byte(to_)) pack_elements(to_, result, first, count, dst);
  }

  ElementwiseProgram program_;
  DType from_, to_;
};

Result<std::unique_ptr<Kernel>> make_cast_any(const KernelRequest& request) {
  const DType from = request.inputs[0].dtype(), to = request.outputs[0].dtype();
  if (from == DType::kString || to == DType::kString) return make_cast_strings(request);
  ProgramBuilder builder(request.tier);
  const Reg src = builder.add_input(unpacked_dtype(from));
  const DType result = unpacked_dtype(to);
  const Reg dst = TRY(emit_conversion(builder, src, result, mode_of(request.node)));
  auto program = TRY(builder.build(std::span(&dst, 1), std::span(&result, 1)));
  return std::unique_ptr<Kernel>(std::make_unique<PackedCast>(std::move(program), from, to));
}

// ---- declarations

constexpr DTypeSet kCastTypes = kAllTypes & ~kComplexTypes;

// Integers stay known; so do booleans, which are known as 0 and 1.
void propagate_cast(InferContext& context, DType to) {
  const DType from = context.dtype(0);
  const bool keeps = from == DType::kInt64 || from == DType::kInt32 || from == DType::kBool;
  const auto ints = keeps ? context.peek_ints(0) : std::nullopt;
  if (!ints || (to != DType::kInt64 && to != DType::kInt32)) return;
  for (const Dim& dim : *ints) {
    if (dim.is_constant() && to == DType::kInt32 &&
        dim.value() != static_cast<int32_t>(dim.value())) {
      return;
    }
  }
  context.set_output_ints(0, *ints);
}

Result<void> set_cast(InferContext& context, DType to) {
  const std::string& round = context.attrs().get_string("round_mode");
  if (round != "up" && round != "down" && round != "nearest" && !round.empty()) {
    return fail(Code::kInvalidArgument, "round_mode is '{}', but must be up, down or nearest",
                round);
  }
  if (context.has_rank(0)) {
    context.set_output(0, to, context.dims(0));
  } else {
    context.set_output(0, to);
  }
  propagate_cast(context, to);
  return {};
}

Result<void> infer_cast(InferContext& context) {
  const int64_t to = context.attrs().get_int("to");
  if (to <= 0 || to >= kDTypeCount || (dtype_bit(static_cast<DType>(to)) & kCastTypes) == 0) {
    return fail(Code::kInvalidArgument, "to is {}, which is no data type that Cast gives", to);
  }
  return set_cast(context, static_cast<DType>(to));
}

Result<void> infer_cast_like(InferContext& context) { return set_cast(context, context.dtype(1)); }

OpDef cast_op(std::vector<int> versions) {
  OpDef op;
  op.versions = std::move(versions);
  op.inputs = {{"input", "T1", kCastTypes}};
  op.outputs = {{"output", "T2", kCastTypes}};
  op.attrs = {string_attr("round_mode", "up"), int_attr("saturate", 1)};
  op.kernels = {{"tiles", make_elementwise}, {"unpacked", make_cast_any}};
  return op;
}

// The second input only lends its dtype.
Result<std::unique_ptr<Kernel>> make_cast_like(const KernelRequest& request) {
  const KernelRequest first{request.node,    request.inputs.first(1), request.outputs, request.tier,
                            request.threads, request.weights,         request.runner};
  return make_elementwise(first);
}

}  // namespace

OpDef op_Cast() {
  OpDef op = cast_op({1, 6, 9, 13, 19, 21, 23, 24, 25});
  op.attrs.push_back(required_attr("to", FormalAttr::Kind::kInt));
  op.infer = infer_cast;
  op.keeps_denormals = true;
  op.elementwise = &kCast;
  return op;
}

OpDef op_CastLike() {
  OpDef op = cast_op({15, 19, 21, 23, 24, 25});
  op.inputs.push_back({"target_type", "T2", kCastTypes});
  op.infer = infer_cast_like;
  op.keeps_denormals = true;
  op.kernels[0].make = make_cast_like;
  op.elementwise = &kCast;
  return op;
}

}  // namespace sardonyx
