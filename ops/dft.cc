// DFT: the discrete Fourier transform along one axis; the last axis holds real and imaginary
// parts. STFT: the transforms of the windowed frames of a signal. Both compute in f64.
#include "ops/cells.h"
#include "ops/fourier.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kLengthTypes = dtype_set(DType::kInt32, DType::kInt64);
// A line of so many complex numbers takes 4 GiB.
constexpr int64_t kMaxLength = int64_t{1} << 28;

Result<void> check_length(int64_t length, std::string_view what) {
  if (length >= 1 && length <= kMaxLength) return {};
  return fail(Code::kInvalidArgument, "{} is {}, expected 1 to {}", what, length, kMaxLength);
}

Result<bool> read_onesided(const AttrMap& attrs) {
  const int64_t onesided = attrs.get_int("onesided");
  if (onesided == 0 || onesided == 1) return onesided == 1;
  return fail(Code::kInvalidArgument, "onesided is {}, expected 0 or 1", onesided);
}

// The number that a scalar input holds, as far as it is known.
Result<Dim> length_input(InferContext& context, size_t index, std::string_view what) {
  if (context.has_rank(index)) {
    const Dim count = product(context.dims(index));
    if (context.rank(index) > 1 || (count.is_constant() && count.value() != 1)) {
      return fail(Code::kInvalidArgument, "{} must be a scalar", context.describe(index));
    }
  }
  const auto ints = context.ints(index);
  if (!ints || ints->empty()) return Dim::unknown();
  if ((*ints)[0].is_constant()) TRY(check_length((*ints)[0].value(), what));
  return (*ints)[0];
}

// Errors unless the last dim says real (1) or complex (2) numbers, of which the form may be set.
Result<void> check_parts(const InferContext& context, std::optional<int64_t> wanted,
                         std::string_view why) {
  const Dim& parts = context.dims(0).back();
  if (!parts.is_constant()) return {};
  if (parts.value() != 1 && parts.value() != 2) {
    return fail(Code::kInvalidArgument,
                "{} has the last dim {}, expected 1 (real) or 2 (real and imaginary parts)",
                context.describe(0), parts.value());
  }
  if (wanted && *wanted != parts.value()) {
    return fail(Code::kInvalidArgument, "{} must have the last dim {} {}", context.describe(0),
                *wanted, why);
  }
  return {};
}

Dim half_of(const Dim& length) { return length.is_unknown() ? length : floor_div(length, 2) + 1; }

// A line of elements that stand `stride` apart, as complex numbers.
// Some lines of numbers beside one another, as Fourier takes them.
class Lines {
 public:
  explicit Lines(const Fourier& fourier)
      : fourier_(fourier), numbers_(fourier.count()), scratch_(fourier.count()) {}

  double& re(int64_t n, int64_t line) { return numbers_[index(n, line)]; }
  double& im(int64_t n, int64_t line) { return numbers_[index(n, line) + lines()]; }
  template <class T>
  void set(int64_t n, int64_t line, const T* src, int64_t at, int64_t parts, double weight) {
    re(n, line) = static_cast<double>(widen(src[at * parts])) * weight;
    im(n, line) = parts == 2 ? static_cast<double>(widen(src[at * parts + 1])) * weight : 0.0;
  }

  // Calls load(line, i) for each i in [first, last), lines() of them at once, transforms them and
  // calls store(line, i).
  template <class Load, class Store>
  void transform(int64_t first, int64_t last, const Load& load, const Store& store) {
    const auto at_once = fourier_.lines();
    for (; first < last; first += at_once) {
      const int64_t count = std::min(at_once, last - first);
      for (int64_t line = 0; line < count; ++line) load(line, first + line);
      if (fourier_.run(numbers_.data(), scratch_.data()) != numbers_.data()) {
        numbers_.swap(scratch_);
      }
      for (int64_t line = 0; line < count; ++line) store(line, first + line);
    }
  }

 private:
  size_t lines() const { return static_cast<size_t>(fourier_.lines()); }
  size_t index(int64_t n, int64_t line) const {
    return 2 * static_cast<size_t>(n) * lines() + static_cast<size_t>(line);
  }

  const Fourier& fourier_;
  std::vector<double> numbers_, scratch_;
};

// ---- DFT

enum class Direction : uint8_t { kForward, kRealForward, kInverse, kRealInverse };

Result<Direction> read_direction(const AttrMap& attrs) {
  const bool onesided = TRY(read_onesided(attrs));
  if (attrs.get_int("inverse") != 0) {
    return onesided ? Direction::kRealInverse : Direction::kInverse;
  }
  return onesided ? Direction::kRealForward : Direction::kForward;
}

// The axis in [0, rank - 1): the last one holds the parts of numbers.
Result<int64_t> signal_axis(int64_t axis, int64_t rank) {
  const int64_t normal = axis < 0 ? axis + rank : axis;
  if (normal >= 0 && normal < rank - 1) return normal;
  return fail(Code::kInvalidArgument,
              "axis is {}, expected {} to -2 or 0 to {} (the last axis holds the parts of numbers)",
              axis, -rank, rank - 2);
}

Result<void> infer_dft(InferContext& context) {
  const Direction direction = TRY(read_direction(context.attrs()));
  const Dim given = TRY(length_input(context, 1, "dft_length"));
  TRY(expect_min_rank(context, 0, 2));
  std::optional<int64_t> axis = -2;
  if (context.has_input(2)) {
    const auto ints = context.ints(2);
    axis.reset();
    if (ints && ints->size() == 1 && (*ints)[0].is_constant()) axis = (*ints)[0].value();
  }
  if (!context.has_rank(0)) {
    set_like_input(context);
    return {};
  }
  if (direction == Direction::kRealForward) {
    TRY(check_parts(context, 1, "for a one-sided spectrum"));
  } else if (direction == Direction::kRealInverse) {
    TRY(check_parts(context, 2, "to invert a one-sided spectrum"));
  } else {
    TRY(check_parts(context, std::nullopt, ""));
  }
  Dims dims = context.dims(0);
  if (axis) {
    Dim& dim = dims[static_cast<size_t>(TRY(signal_axis(*axis, context.rank(0))))];
    const bool real_inverse = direction == Direction::kRealInverse;
    if (context.has_input(1)) {
      dim = given;
    } else if (real_inverse && !dim.is_unknown()) {
      dim = (dim - 1) * 2;
    }
    if (dim.is_constant()) TRY(check_length(dim.value(), "the length of the transform"));
    if (direction == Direction::kRealForward) dim = half_of(dim);
  } else if (context.has_input(1) || direction == Direction::kRealForward ||
             direction == Direction::kRealInverse) {
    dims = unknown_dims(dims.size());  // some dim changes
  }
  dims.back() = direction == Direction::kRealInverse ? 1 : 2;
  set_like_input(context, std::move(dims));
  return {};
}

struct DftLines {
  Direction direction;
  int64_t dim;      // of the axis in the input
  int64_t out_dim;  // of the axis in the output
  int64_t inner;    // numbers between two of a line
  int64_t parts;

  template <class T>
  void load(const T* src, int64_t length, Lines& lines, int64_t line) const {
    const bool half = direction == Direction::kRealInverse;
    const int64_t known = std::min(dim, half ? length / 2 + 1 : length);
    for (int64_t n = 0; n < known; ++n) lines.set(n, line, src, n * inner, parts, 1);
    for (int64_t n = known; n < length; ++n) lines.re(n, line) = lines.im(n, line) = 0;
    if (!half) return;
    // The other half is the conjugate; what is its own conjugate is real.
    for (int64_t n = 0; n <= length / 2; ++n) {
      const int64_t mirrored = (length - n) % length;
      lines.re(mirrored, line) = lines.re(n, line);
      lines.im(mirrored, line) = mirrored == n ? 0 : -lines.im(n, line);
    }
  }

  template <class T>
  void store(Lines& lines, int64_t line, T* dst) const {
    const bool real = direction == Direction::kRealInverse;
    for (int64_t k = 0; k < out_dim; ++k) {
      T* to = dst + k * inner * (real ? 1 : 2);
      to[0] = narrow<T>(lines.re(k, line));
      if (!real) to[1] = narrow<T>(lines.im(k, line));
    }
  }

  template <class T>
  void run(const Fourier& fourier, const T* src, T* dst, int64_t outer, ThreadPool* pool) const {
    const int64_t out_parts = direction == Direction::kRealInverse ? 1 : 2;
    const int64_t work = fourier.length() * 256;
    parallel_ranges(pool, outer * inner, work, [&](int64_t first, int64_t last) {
      Lines lines(fourier);
      lines.transform(
          first, last,
          [&](int64_t line, int64_t i) {
            load(src + (i / inner * dim * inner + i % inner) * parts, fourier.length(), lines,
                 line);
          },
          [&](int64_t line, int64_t i) {
            store(lines, line, dst + (i / inner * out_dim * inner + i % inner) * out_parts);
          });
    });
  }
};

Result<int64_t> dft_length(const RunArgs& args, Direction direction, int64_t dim) {
  int64_t length = direction == Direction::kRealInverse ? 2 * (dim - 1) : dim;
  if (args.inputs.size() > 1 && args.inputs[1].data != nullptr) {
    length = IndexView(args.inputs[1])[0];
  }
  TRY(check_length(length, "the length of the transform"));
  return length;
}

Result<void> run_dft(RunArgs& args, Tier tier, Direction direction) {
  const TensorView& src = args.inputs[0];
  const bool has_axis = args.inputs.size() > 2 && args.inputs[2].data != nullptr;
  const auto rank = static_cast<int64_t>(src.shape.rank());
  const auto axis =
      static_cast<size_t>(TRY(signal_axis(has_axis ? IndexView(args.inputs[2])[0] : -2, rank)));
  const int64_t length = TRY(dft_length(args, direction, src.shape[axis]));
  Shape shape = src.shape;
  shape[axis] = direction == Direction::kRealForward ? length / 2 + 1 : length;
  shape[shape.rank() - 1] = direction == Direction::kRealInverse ? 1 : 2;
  const TensorView dst = args.allocate(0, src.dtype, shape);
  if (args.failed() || dst.count() == 0) return {};
  const DftLines lines{direction, src.shape[axis], shape[axis],
                       src.shape.count(axis + 1, src.shape.rank() - 1),
                       src.shape[src.shape.rank() - 1]};
  const Fourier fourier(tier, length, direction >= Direction::kInverse,
                        shape.count(0, axis) * lines.inner);
  visit_float(src.dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    lines.run(fourier, src.as<const T>(), dst.as<T>(), shape.count(0, axis), args.pool);
  });
  return {};
}

Result<std::unique_ptr<Kernel>> make_dft(const KernelRequest& request) {
  const Direction direction = TRY(read_direction(request.node.attrs));
  return make_kernel([direction, tier = request.tier](RunArgs& args) {
    auto done = run_dft(args, tier, direction);
    if (!done) args.report(done.error().code, done.error().message);
  });
}

// ---- STFT

// 1 + floor((signal - frame) / step), at least one.
Result<int64_t> frame_count(int64_t signal, int64_t frame, int64_t step) {
  if (frame <= signal) return 1 + (signal - frame) / step;
  return fail(Code::kInvalidArgument, "the signal of {} samples is shorter than a frame of {}",
              signal, frame);
}

Result<void> infer_stft(InferContext& context) {
  const bool onesided = TRY(read_onesided(context.attrs()));
  TRY(expect_rank(context, 0, 3));
  TRY(expect_rank(context, 2, 1));
  const Dim step = TRY(length_input(context, 1, "frame_step"));
  Dim frame = TRY(length_input(context, 3, "frame_length"));
  if (context.has_rank(2)) {
    frame = TRY(same_dim(frame, context.dims(2)[0], "frame_length and the length of the window"));
  }
  Dim batch = Dim::unknown();
  Dim count = Dim::unknown();
  if (context.has_rank(0)) {
    TRY(check_parts(context, onesided ? std::optional<int64_t>(1) : std::nullopt,
                    "for a one-sided spectrum"));
    const Dim& signal = context.dims(0)[1];
    batch = context.dims(0)[0];
    if (!context.has_input(2) && !context.has_input(3)) frame = signal;
    if (signal.is_constant() && frame.is_constant()) {
      TRY(check_length(frame.value(), "frame_length"));
      TRY(frame_count(signal.value(), frame.value(), 1));
    }
    if (!signal.is_unknown() && !frame.is_unknown() && step.is_constant()) {
      count = floor_div(signal - frame, step) + 1;
    }
  }
  set_like_input(context, {batch, count, onesided ? half_of(frame) : frame, 2});
  return {};
}

struct Frames {
  int64_t count, step, samples, parts, bins;

  template <class T>
  void run(const Fourier& fourier, const T* signal, const T* window, T* dst, int64_t batch,
           ThreadPool* pool) const {
    const int64_t length = fourier.length();
    std::vector<double> weights(static_cast<size_t>(length), 1.0);
    for (int64_t n = 0; window != nullptr && n < length; ++n) {
      weights[static_cast<size_t>(n)] = static_cast<double>(widen(window[n]));
    }
    parallel_ranges(pool, batch * count, length * 256, [&](int64_t first, int64_t last) {
      Lines lines(fourier);
      lines.transform(
          first, last,
          [&](int64_t line, int64_t i) {
            const T* frame = signal + (i / count * samples + i % count * step) * parts;
            for (int64_t n = 0; n < length; ++n) {
              lines.set(n, line, frame, n, parts, weights[static_cast<size_t>(n)]);
            }
          },
          [&](int64_t line, int64_t i) {
            T* to = dst + i * bins * 2;
            for (int64_t k = 0; k < bins; ++k, to += 2) {
              to[0] = narrow<T>(lines.re(k, line));
              to[1] = narrow<T>(lines.im(k, line));
            }
          });
    });
  }
};

Result<void> run_stft(RunArgs& args, Tier tier, bool onesided) {
  const TensorView& signal = args.inputs[0];
  const auto given = [&](size_t i) {
    return i < args.inputs.size() && args.inputs[i].data != nullptr;
  };
  int64_t length = signal.shape[1];
  if (given(2)) length = args.inputs[2].shape[0];
  if (given(3)) length = IndexView(args.inputs[3])[0];
  if (given(2) && args.inputs[2].shape[0] != length) {
    return fail(Code::kInvalidArgument, "frame_length is {}, but the window has {} elements",
                length, args.inputs[2].shape[0]);
  }
  const int64_t step = IndexView(args.inputs[1])[0];
  TRY(check_length(length, "frame_length"));
  TRY(check_length(step, "frame_step"));
  const int64_t count = TRY(frame_count(signal.shape[1], length, step));
  const Frames frames{count, step, signal.shape[1], signal.shape[2],
                      onesided ? length / 2 + 1 : length};
  const TensorView dst = args.allocate(0, signal.dtype, {signal.shape[0], count, frames.bins, 2});
  if (args.failed() || dst.count() == 0) return {};
  const Fourier fourier(tier, length, false, signal.shape[0] * count);
  visit_float(signal.dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    frames.run(fourier, signal.as<const T>(), given(2) ? args.inputs[2].as<const T>() : nullptr,
               dst.as<T>(), signal.shape[0], args.pool);
  });
  return {};
}

Result<std::unique_ptr<Kernel>> make_stft(const KernelRequest& request) {
  const bool onesided = TRY(read_onesided(request.node.attrs));
  return make_kernel([onesided, tier = request.tier](RunArgs& args) {
    auto done = run_stft(args, tier, onesided);
    if (!done) args.report(done.error().code, done.error().message);
  });
}

}  // namespace

OpDef op_DFT() {
  OpDef op;
  op.versions = {17, 20};
  op.inputs = {{"input", "T1", kFloatTypes},
               {"dft_length", "T2", kLengthTypes, Form::kOptional},
               {"axis", "", dtype_set(DType::kInt64), Form::kOptional}};
  op.outputs = {{"output", "T1", kFloatTypes}};
  op.attrs = {int_attr("inverse", 0), int_attr("onesided", 0)};
  op.infer = infer_dft;
  op.kernels = {{"mixed radix", make_dft}};
  return op;
}

OpDef op_STFT() {
  OpDef op;
  op.versions = {17};
  op.inputs = {{"signal", "T1", kFloatTypes},
               {"frame_step", "T2", kLengthTypes},
               {"window", "T1", kFloatTypes, Form::kOptional},
               {"frame_length", "T2", kLengthTypes, Form::kOptional}};
  op.outputs = {{"output", "T1", kFloatTypes}};
  op.attrs = {int_attr("onesided", 1)};
  op.infer = infer_stft;
  op.kernels = {{"mixed radix", make_stft}};
  return op;
}

}  // namespace sardonyx
