// Random generators: RandomNormal, RandomUniform and their Like forms, Bernoulli, Multinomial.
// With a seed the numbers are a function of it and of the position, whatever the threads; without
// one each run takes the next seed of the process.
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>
#include <random>

#include "ops/cells.h"
#include "ops/number.h"
#include "ops/random_seed.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

// What the next run without a seed of its own starts from.
std::atomic<uint64_t>& process_seed() {
  static std::atomic<uint64_t> seed = [] {
    std::random_device device;
    return (uint64_t{device()} << 32) | device();
  }();
  return seed;
}

constexpr uint64_t kSeedStep = 0x9e3779b97f4a7c15u;

// The seed of one run: the attribute's bits, or a new one.
uint64_t run_seed(const std::optional<float>& seed) {
  if (seed) return std::bit_cast<uint32_t>(*seed);
  return next_random_seed();
}

std::optional<float> seed_of(const AttrMap& attrs) {
  if (!attrs.has("seed")) return std::nullopt;
  return attrs.get_float("seed");
}

// 64 random bits for (seed, index): splitmix64 of a counter.
uint64_t random_bits(uint64_t seed, uint64_t index) {
  uint64_t z = (seed ^ 0x5851f42d4c957f2du) * 0x9e3779b97f4a7c15u + index * 0xd1342543de82ef95u;
  for (int round = 0; round < 2; ++round) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
  }
  return z;
}

// Standard normal (Box and Muller).
double random_normal(uint64_t seed, uint64_t index) {
  const double u = 1 - random_unit(seed, 2 * index);
  const double v = random_unit(seed, 2 * index + 1);
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
}

// value = offset + factor * number(seed, i), in the float type of dst.
struct Distribution {
  double (*number)(uint64_t seed, uint64_t index);
  double offset;
  double factor;
};

Distribution read_distribution(const AttrMap& attrs, bool normal) {
  if (normal) return {random_normal, attrs.get_float("mean"), attrs.get_float("scale")};
  const double low = attrs.get_float("low");
  return {random_unit, low, attrs.get_float("high") - low};
}

void fill(const Distribution& distribution, uint64_t seed, const TensorView& dst,
          ThreadPool* pool) {
  visit_float(dst.dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    parallel_ranges(pool, dst.count(), 512, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const double number = distribution.number(seed, static_cast<uint64_t>(i));
        dst.as<T>()[i] = narrow<T>(distribution.offset + distribution.factor * number);
      }
    });
  });
}

Result<DType> read_dtype(const AttrMap& attrs, DType otherwise, DTypeSet allowed) {
  if (!attrs.has("dtype")) return otherwise;
  const int64_t number = attrs.get_int("dtype");
  if (number < 1 || number >= kDTypeCount ||
      (allowed & dtype_bit(static_cast<DType>(number))) == 0) {
    return fail(Code::kInvalidArgument, "dtype is {}, which is not one this operator gives",
                number);
  }
  return static_cast<DType>(number);
}

// ---- by attribute

Result<void> infer_random(InferContext& context) {
  const DType dtype = TRY(read_dtype(context.attrs(), DType::kFloat32, kFloatTypes));
  Dims dims;
  for (int64_t dim : context.attrs().get_ints("shape")) {
    if (dim < 0) return fail(Code::kInvalidArgument, "shape has the negative dim {}", dim);
    dims.push_back(dim);
  }
  context.set_output(0, dtype, std::move(dims));
  return {};
}

Result<void> infer_random_like(InferContext& context) {
  const DType input = context.dtype(0);
  const bool floating = (dtype_bit(input) & kFloatTypes) != 0;
  if (!context.attrs().has("dtype") && input != DType::kUndefined && !floating) {
    return fail(Code::kInvalidArgument, "{} is no float, so the attribute dtype is needed",
                context.describe(0));
  }
  const DType dtype = TRY(read_dtype(context.attrs(), input, kFloatTypes));
  ValueType type = context.input(0);
  type.dtype = dtype;
  context.set_output(0, std::move(type));
  return {};
}

template <bool normal>
Result<std::unique_ptr<Kernel>> make_random(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const AttrMap& attrs = request.node.attrs;
  return make_kernel([distribution = read_distribution(attrs, normal), seed = seed_of(attrs),
                      dtype = request.outputs[0].dtype(),
                      shape = request.outputs[0].shape()](RunArgs& args) {
    const TensorView dst = args.allocate(0, dtype, shape);
    if (!args.failed()) fill(distribution, run_seed(seed), dst, args.pool);
  });
}

// ---- Bernoulli: 1 with the probability that the input gives

constexpr DTypeSet kBernoulliTypes = kNumericTypes | dtype_set(DType::kBool);

Result<void> infer_bernoulli(InferContext& context) {
  ValueType type = context.input(0);
  type.dtype = TRY(read_dtype(context.attrs(), context.dtype(0), kBernoulliTypes));
  context.set_output(0, std::move(type));
  return {};
}

double float_at(const TensorView& tensor, int64_t i) {
  double value = 0;
  visit_float(tensor.dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    value = widen(tensor.as<T>()[i]);
  });
  return value;
}

Result<std::unique_ptr<Kernel>> make_bernoulli(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  return make_kernel([seed = seed_of(request.node.attrs), dtype = request.outputs[0].dtype(),
                      shape = request.outputs[0].shape()](RunArgs& args) {
    const TensorView dst = args.allocate(0, dtype, shape);
    if (args.failed()) return;
    const uint64_t bits = run_seed(seed);
    visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
                uint32_t, int64_t, uint64_t, bool>(dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      for (int64_t i = 0; i < dst.count(); ++i) {
        const bool one = random_unit(bits, static_cast<uint64_t>(i)) < float_at(args.inputs[0], i);
        dst.as<T>()[i] = narrow<T>(Wide<T>(one ? 1 : 0));
      }
    });
  });
}

// ---- Multinomial: classes drawn by unnormalised log-probabilities

Result<void> infer_multinomial(InferContext& context) {
  TRY(expect_rank(context, 0, 2));
  const DType dtype =
      TRY(read_dtype(context.attrs(), DType::kInt32, dtype_set(DType::kInt32, DType::kInt64)));
  const int64_t samples = context.attrs().get_int("sample_size");
  if (samples < 0) return fail(Code::kInvalidArgument, "sample_size is {}", samples);
  const Dim batch = context.has_rank(0) ? context.dims(0)[0] : Dim::unknown();
  if (context.has_rank(0) && context.dims(0)[1] == Dim(0) && samples > 0) {
    return fail(Code::kInvalidArgument, "{} has no class to draw from", context.describe(0));
  }
  context.set_output(0, dtype, {batch, samples});
  return {};
}

Result<std::unique_ptr<Kernel>> make_multinomial(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  return make_kernel([seed = seed_of(request.node.attrs), dtype = request.outputs[0].dtype(),
                      shape = request.outputs[0].shape()](RunArgs& args) {
    const TensorView& logits = args.inputs[0];
    const TensorView dst = args.allocate(0, dtype, shape);
    if (args.failed()) return;
    const uint64_t bits = run_seed(seed);
    const int64_t classes = logits.shape[1];
    for (int64_t row = 0; row < shape[0]; ++row) {
      double highest = -INFINITY;
      for (int64_t c = 0; c < classes; ++c) {
        highest = std::max(highest, float_at(logits, row * classes + c));
      }
      std::vector<double> sums;  // cumulative probabilities, not normalised
      double sum = 0;
      for (int64_t c = 0; c < classes; ++c) {
        sum += std::exp(float_at(logits, row * classes + c) - highest);
        sums.push_back(sum);
      }
      for (int64_t i = row * shape[1]; i < (row + 1) * shape[1]; ++i) {
        const double target = random_unit(bits, static_cast<uint64_t>(i)) * sum;
        const auto found = std::upper_bound(sums.begin(), sums.end(), target);
        const int64_t drawn = std::min<int64_t>(found - sums.begin(), classes - 1);
        if (dtype == DType::kInt32) {
          dst.as<int32_t>()[i] = static_cast<int32_t>(drawn);
        } else {
          dst.as<int64_t>()[i] = drawn;
        }
      }
    }
  });
}

OpDef random_op(std::vector<int> versions, std::vector<FormalParam> inputs, InferRule infer,
                MakeKernel make, std::vector<FormalAttr> attrs) {
  OpDef op;
  op.versions = std::move(versions);
  op.inputs = std::move(inputs);
  op.outputs = {{"output", "", kNumericTypes | dtype_set(DType::kBool)}};
  op.attrs = std::move(attrs);
  op.attrs.push_back(optional_attr("seed", FormalAttr::Kind::kFloat));
  op.infer = infer;
  op.kernels = {{"reference", make}};
  op.is_random = true;
  return op;
}

const auto kInts = FormalAttr::Kind::kInts;
const auto kInt = FormalAttr::Kind::kInt;

}  // namespace

uint64_t next_random_seed() {
  return process_seed().fetch_add(kSeedStep, std::memory_order_relaxed);
}

double random_unit(uint64_t seed, uint64_t index) {
  return static_cast<double>(random_bits(seed, index) >> 11) * 0x1p-53;
}

void seed_random_ops(uint64_t seed) {
  process_seed().store(seed * kSeedStep, std::memory_order_relaxed);
}

OpDef op_RandomNormal() {
  return random_op({1, 22}, {}, infer_random, make_random<true>,
                   {required_attr("shape", kInts), int_attr("dtype", 1), float_attr("mean", 0),
                    float_attr("scale", 1)});
}

OpDef op_RandomUniform() {
  return random_op({1, 22}, {}, infer_random, make_random<false>,
                   {required_attr("shape", kInts), int_attr("dtype", 1), float_attr("low", 0),
                    float_attr("high", 1)});
}

OpDef op_RandomNormalLike() {
  return random_op({1, 22}, {{"input", "T1"}}, infer_random_like, make_random<true>,
                   {optional_attr("dtype", kInt), float_attr("mean", 0), float_attr("scale", 1)});
}

OpDef op_RandomUniformLike() {
  return random_op({1, 22}, {{"input", "T1"}}, infer_random_like, make_random<false>,
                   {optional_attr("dtype", kInt), float_attr("low", 0), float_attr("high", 1)});
}

OpDef op_Bernoulli() {
  return random_op({15, 22}, {{"input", "T1", kFloatTypes}}, infer_bernoulli, make_bernoulli,
                   {optional_attr("dtype", kInt)});
}

OpDef op_Multinomial() {
  return random_op({7, 22}, {{"input", "T1", kFloatTypes}}, infer_multinomial, make_multinomial,
                   {int_attr("dtype", 6), int_attr("sample_size", 1)});
}

}  // namespace sardonyx
