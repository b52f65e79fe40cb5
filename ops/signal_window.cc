// HannWindow, HammingWindow, BlackmanWindow: sums of cosines over one period; MelWeightMatrix:
// triangles that are equally wide on the mel scale. All computed in f64, stored in any type.
#include <cmath>
#include <numbers>

#include "ops/cells.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kSizeTypes = dtype_set(DType::kInt32, DType::kInt64);
// More elements than memory holds, and products of two of them still fit 64 bits.
constexpr int64_t kMaxSize = int64_t{1} << 31;

Result<DType> output_dtype(const AttrMap& attrs) {
  const int64_t number = attrs.get_int("output_datatype");
  if (number < 1 || number >= kDTypeCount ||
      (kNumericTypes & dtype_bit(static_cast<DType>(number))) == 0) {
    return fail(Code::kInvalidArgument, "output_datatype is {}, which is no numeric element type",
                number);
  }
  return static_cast<DType>(number);
}

Result<void> expect_scalar(const InferContext& context, size_t index) {
  if (!context.has_rank(index)) return {};
  const Dim count = product(context.dims(index));
  if (context.rank(index) <= 1 && (!count.is_constant() || count.value() == 1)) return {};
  return fail(Code::kInvalidArgument, "{} must be a scalar", context.describe(index));
}

Result<void> check_size(int64_t size, int64_t least, std::string_view what) {
  if (size >= least && size <= kMaxSize) return {};
  return fail(Code::kInvalidArgument, "{} is {}, expected {} to {}", what, size, least, kMaxSize);
}

// The number that an input holds, symbolic or not known yet.
Result<Dim> size_input(InferContext& context, size_t index, int64_t least, std::string_view what) {
  TRY(expect_scalar(context, index));
  const auto ints = context.ints(index);
  if (!ints || ints->empty()) return Dim::unknown();
  if ((*ints)[0].is_constant()) TRY(check_size((*ints)[0].value(), least, what));
  return (*ints)[0];
}

// Stores fn(i) for all i as elements of the dtype.
template <class Fn>
void store(const TensorView& dst, ThreadPool* pool, Fn&& fn) {
  visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
              uint32_t, int64_t, uint64_t>(dst.dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    parallel_ranges(pool, dst.count(), 256, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        dst.as<T>()[i] = narrow<T>(static_cast<Wide<T>>(fn(i)));
      }
    });
  });
}

// ---- windows: a0 - a1 cos(2 pi i / n) + a2 cos(4 pi i / n)

struct Cosines {
  double a0, a1, a2;
};
constexpr Cosines kHann{0.5, 0.5, 0};
constexpr Cosines kHamming{25.0 / 46, 21.0 / 46, 0};
constexpr Cosines kBlackman{0.42, 0.5, 0.08};

Result<void> infer_window(InferContext& context) {
  const DType dtype = TRY(output_dtype(context.attrs()));
  context.set_output(0, dtype, {TRY(size_input(context, 0, 0, "size"))});
  return {};
}

template <const Cosines& cosines>
Result<std::unique_ptr<Kernel>> make_window(const KernelRequest& request) {
  const DType dtype = TRY(output_dtype(request.node.attrs));
  return make_kernel(
      [dtype, periodic = request.node.attrs.get_int("periodic") != 0](RunArgs& args) {
        const int64_t size = IndexView(args.inputs[0])[0];
        if (auto checked = check_size(size, 0, "size"); !checked) {
          return args.report(checked.error().code, checked.error().message);
        }
        const TensorView dst = args.allocate(0, dtype, {size});
        if (args.failed()) return;
        const int64_t period = periodic ? size : size - 1;
        store(dst, args.pool, [&](int64_t i) {
          if (period == 0) return 1.0;  // one point alone is the peak
          const double turn =
              2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(period);
          return cosines.a0 - cosines.a1 * std::cos(turn) + cosines.a2 * std::cos(2 * turn);
        });
      });
}

OpDef window_op(MakeKernel make) {
  OpDef op;
  op.versions = {17};
  op.inputs = {{"size", "T1", kSizeTypes}};
  op.outputs = {{"output", "T2", kNumericTypes}};
  op.attrs = {int_attr("output_datatype", 1), int_attr("periodic", 1)};
  op.infer = infer_window;
  op.kernels = {{"reference", make}};
  return op;
}

// ---- MelWeightMatrix

Result<void> infer_mel(InferContext& context) {
  const DType dtype = TRY(output_dtype(context.attrs()));
  const Dim bands = TRY(size_input(context, 0, 0, "num_mel_bins"));
  const Dim length = TRY(size_input(context, 1, 1, "dft_length"));
  for (size_t i = 2; i < 5; ++i) TRY(expect_scalar(context, i));
  Dim bins = Dim::unknown();
  if (!length.is_unknown()) bins = floor_div(length, 2) + 1;
  context.set_output(0, dtype, {bins, bands});
  return {};
}

double number_at(const TensorView& scalar) {
  double number = 0;
  visit_float(scalar.dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    number = widen(*scalar.as<const T>());
  });
  return number;
}

struct MelBands {
  int64_t bands = 0;
  int64_t length = 0;
  int64_t rate = 0;
  double lower = 0;
  double upper = 0;

  int64_t bins() const { return length / 2 + 1; }

  Result<void> check() const {
    TRY(check_size(bands, 0, "num_mel_bins"));
    TRY(check_size(length, 1, "dft_length"));
    TRY(check_size(rate, 1, "sample_rate"));
    if (lower >= 0 && upper >= lower && std::isfinite(upper)) return {};
    return fail(Code::kInvalidArgument, "the band from {} Hz to {} Hz is none", lower, upper);
  }

  // The spectrogram bin of the i-th edge; there are bands + 2 of them.
  int64_t edge(int64_t i) const {
    const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
    const double step = (mel(upper) - mel(lower)) / static_cast<double>(bands + 2);
    const double at = mel(lower) + static_cast<double>(i) * step;
    const double hertz = 700 * (std::pow(10, at / 2595) - 1);
    const double bin =
        std::floor(static_cast<double>(length + 1) * hertz / static_cast<double>(rate));
    return static_cast<int64_t>(std::clamp(bin, 0.0, 0x1p40));
  }

  // The weight of a bin in a triangle with these edges.
  static double weight(int64_t bin, int64_t left, int64_t peak, int64_t right) {
    if (bin == peak) return 1;
    if (bin >= left && bin < peak) return double(bin - left) / double(peak - left);
    if (bin > peak && bin < right) return double(right - bin) / double(right - peak);
    return 0;
  }
};

Result<std::unique_ptr<Kernel>> make_mel(const KernelRequest& request) {
  const DType dtype = TRY(output_dtype(request.node.attrs));
  return make_kernel([dtype](RunArgs& args) {
    const auto size = [&](size_t i) { return IndexView(args.inputs[i])[0]; };
    const MelBands mel{size(0), size(1), size(2), number_at(args.inputs[3]),
                       number_at(args.inputs[4])};
    if (auto checked = mel.check(); !checked) {
      return args.report(checked.error().code, checked.error().message);
    }
    const TensorView dst = args.allocate(0, dtype, {mel.bins(), mel.bands});
    if (args.failed() || mel.bands == 0) return;
    std::vector<int64_t> edges;
    for (int64_t i = 0; i < mel.bands + 2; ++i) edges.push_back(mel.edge(i));
    if (edges[static_cast<size_t>(mel.bands)] >= mel.bins()) {
      return args.report(Code::kInvalidArgument,
                         fmt::format("a band has its peak in bin {}, but there are only {} bins: "
                                     "upper_edge_hertz must be below half the sample_rate",
                                     edges[static_cast<size_t>(mel.bands)], mel.bins()));
    }
    store(dst, args.pool, [&](int64_t i) {
      const auto band = static_cast<size_t>(i % mel.bands);
      return MelBands::weight(i / mel.bands, edges[band], edges[band + 1], edges[band + 2]);
    });
  });
}

}  // namespace

OpDef op_HannWindow() { return window_op(make_window<kHann>); }
OpDef op_HammingWindow() { return window_op(make_window<kHamming>); }
OpDef op_BlackmanWindow() { return window_op(make_window<kBlackman>); }

OpDef op_MelWeightMatrix() {
  OpDef op;
  op.versions = {17};
  op.inputs = {{"num_mel_bins", "T1", kSizeTypes},
               {"dft_length", "T1", kSizeTypes},
               {"sample_rate", "T1", kSizeTypes},
               {"lower_edge_hertz", "T2", kFloatTypes},
               {"upper_edge_hertz", "T2", kFloatTypes}};
  op.outputs = {{"output", "T3", kNumericTypes}};
  op.attrs = {int_attr("output_datatype", 1)};
  op.infer = infer_mel;
  op.kernels = {{"reference", make_mel}};
  return op;
}

}  // namespace sardonyx
