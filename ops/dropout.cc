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

// A random number in [0, 1) that depends on the seed and the element alone (SplitMix64).
double uniform(uint64_t seed, uint64_t element) {
  uint64_t x = seed + (element + 1) * 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  x ^= x >> 31;
  return static_cast<double>(x >> 11) * 0x1p-53;
}

double read_ratio(const RunArgs& args) {
  if (args.inputs.size() < 2 || args.inputs[1].data == nullptr) return 0.5;
  double ratio = 0;
  visit_float(args.inputs[1].dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    ratio = static_cast<double>(widen(*args.inputs[1].as<T>()));
  });
  return ratio;
}

void drop(RunArgs& args, uint64_t seed, double ratio, bool* mask) {
  const TensorView& src = args.inputs[0];
  const bool known = visit_float(src.dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    const double scale = 1 / (1 - ratio);
    T* dst = args.outputs[0].as<T>();
    for (int64_t i = 0; i < src.count(); ++i) {
      const bool kept = uniform(seed, static_cast<uint64_t>(i)) >= ratio;
      dst[i] = narrow<T>(kept ? widen(src.as<T>()[i]) * scale : 0);
      if (mask != nullptr) mask[i] = kept;
    }
  });
  if (!known) {
    args.report(Code::kNotImplemented,
                fmt::format("training mode does not take {}", dtype_name(src.dtype)));
  }
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
      drop(args, has_seed ? given : std::random_device{}(), ratio, mask);
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
