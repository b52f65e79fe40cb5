// Dropout: the identity, or, in training mode, zeros at random and the rest scaled up.
#include <random>

#include "ops/number.h"
#include "ops/op.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kTypes = kFloatTypes | dtype_set(DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ,
                                                    DType::kFloat8E5M2, DType::kFloat8E5M2FNUZ);

Result<void> infer(InferContext& context) {
  context.set_output(0, context.input(0));
  ValueType mask = context.input(0);
  mask.dtype = DType::kBool;
  context.set_output(1, mask);
  return {};
}

// Numbers in [0, 1) from the generator that the conformance data was made with: the Mersenne
// twister, 53 bits of two draws for each number.
class Uniform {
 public:
  explicit Uniform(uint64_t seed) : generator_(static_cast<uint32_t>(seed)) {}

  double next() {
    const uint64_t high = generator_() >> 5;
    const uint64_t low = generator_() >> 6;
    return static_cast<double>((high << 26) + low) * 0x1p-53;
  }

 private:
  std::mt19937 generator_;
};

double read_ratio(const RunArgs& args) {
  if (args.inputs.size() < 2 || args.inputs[1].data == nullptr) return 0.5;
  const DType dtype = args.inputs[1].dtype;
  if (dtype_bits(dtype) == 8) return narrow_to_float(dtype, *args.inputs[1].as<uint8_t>());
  double ratio = 0;
  visit_float(dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    ratio = static_cast<double>(widen(*args.inputs[1].as<T>()));
  });
  return ratio;
}

// The element kept, scaled up; float8 through f32.
template <class T>
T scaled(DType dtype, T element, double scale) {
  if constexpr (std::is_same_v<T, uint8_t>) {
    const float wide = narrow_to_float(dtype, element);
    return narrow_from_float(dtype, static_cast<float>(wide * scale), true);
  } else {
    return narrow<T>(widen(element) * scale);
  }
}

// One element after the other: each takes the next number.
template <class T>
void drop(RunArgs& args, uint64_t seed, double ratio, bool* mask) {
  const TensorView& src = args.inputs[0];
  const double scale = 1 / (1 - ratio);
  T* dst = args.outputs[0].as<T>();
  Uniform uniform(seed);
  for (int64_t i = 0; i < src.count(); ++i) {
    const bool kept = uniform.next() >= ratio;
    dst[i] = kept ? scaled(src.dtype, src.as<T>()[i], scale) : T{};
    if (mask != nullptr) mask[i] = kept;
  }
}

void drop_any(RunArgs& args, uint64_t seed, double ratio, bool* mask) {
  const bool known = visit_float(args.inputs[0].dtype, [&](auto tag) {
    drop<typename decltype(tag)::Type>(args, seed, ratio, mask);
  });
  if (!known) drop<uint8_t>(args, seed, ratio, mask);
}

Result<std::unique_ptr<Kernel>> make_dropout(const KernelRequest& request) {
  const bool has_seed = request.node.attrs.has("seed");
  const auto given = static_cast<uint64_t>(request.node.attrs.get_int("seed"));
  return make_kernel([has_seed, given](RunArgs& args) {
    const bool training =
        args.inputs.size() > 2 && args.inputs[2].data != nullptr && *args.inputs[2].as<bool>();
    const bool wants_mask = args.outputs.size() > 1 && args.outputs[1].data != nullptr;
    bool* mask = wants_mask ? args.outputs[1].as<bool>() : nullptr;
    const double ratio = training ? read_ratio(args) : 0;
    if (!(ratio >= 0 && ratio < 1)) {
      args.report(Code::kInvalidArgument, fmt::format("ratio is {}, expected 0 to 1", ratio));
    } else if (ratio > 0) {
      drop_any(args, has_seed ? given : std::random_device{}(), ratio, mask);
    } else {
      copy_elements(args.inputs[0], args.outputs[0]);
      if (mask != nullptr) std::fill_n(mask, args.outputs[1].count(), true);
    }
  });
}

}  // namespace

OpDef op_Dropout() {
  OpDef op;
  op.versions = {1, 6, 7, 10, 12, 13, 22};
  op.inputs = {{"data", "T", kTypes},
               {"ratio", "T1", kTypes, Form::kOptional},
               {"training_mode", "T2", dtype_set(DType::kBool), Form::kOptional}};
  op.outputs = {{"output", "T", kTypes}, {"mask", "T2", dtype_set(DType::kBool), Form::kOptional}};
  op.attrs = {optional_attr("seed", FormalAttr::Kind::kInt)};
  op.infer = infer;
  op.kernels = {{"copy", make_dropout}};
  op.is_random = true;
  return op;
}

}  // namespace sardonyx
