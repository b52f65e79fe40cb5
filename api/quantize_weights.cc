// See api/quantize_weights.h.
#include "api/quantize_weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "base/narrow.h"
#include "base/thread_pool.h"

namespace sardonyx {
namespace {

constexpr int64_t kTileColumns = 64;  // columns that a task goes down together

float widen(float value) { return value; }
float widen(Float16 value) { return to_float(value); }
void narrow(float value, float* out) { *out = value; }
void narrow(float value, Float16* out) { *out = to_float16(value); }

int64_t parts(int64_t count, int64_t size) { return (count + size - 1) / size; }

// How the values of one block become numbers.
struct BlockScale {
  float inverse = 0;  // of the scale as it is stored
  float zero = 0;
};

// The scale with its sign takes the value of the largest magnitude to the least number.
float symmetric_scale(float low, float high, float half) {
  return (std::abs(high) > std::abs(low) ? high : low) / -half;
}

// 0 is always in the range, so that it has a number of its own.
float zero_point(float low, float scale, float most) {
  const float zero = scale != 0 ? 0.0f - low / scale : low;
  if (!(zero >= 0)) return 0;
  return zero > most ? most : std::round(zero);
}

// `value`, or the bound that it is beyond; NaN is the lower bound.
float clamp_number(float value, float low, float high) {
  if (!(value > low)) return low;
  return value < high ? value : high;
}

template <class T>
struct Job {
  const T* weights;
  int64_t depth;
  int64_t columns;
  BlockQuantization how;
  uint8_t* numbers;
  T* scales;
  uint8_t* zero_points;

  float most() const { return static_cast<float>((1 << how.bits) - 1); }
  float half() const { return static_cast<float>(1 << (how.bits - 1)); }
  int64_t per_byte() const { return 8 / how.bits; }
  int64_t blocks() const { return parts(depth, how.block); }
  int64_t last_row(int64_t block) const { return std::min(depth, (block + 1) * how.block); }

  // The least and the greatest value of a block, and 0, in each column from `first` on. Of zeros
  // the first one counts, with its sign.
  void find_ranges(int64_t block, int64_t first, std::span<float> low,
                   std::span<float> high) const {
    std::fill(low.begin(), low.end(), std::numeric_limits<float>::infinity());
    std::fill(high.begin(), high.end(), -std::numeric_limits<float>::infinity());
    for (int64_t row = block * how.block; row < last_row(block); ++row) {
      const T* values = weights + row * columns + first;
      for (size_t i = 0; i < low.size(); ++i) {
        const float value = widen(values[i]);
        low[i] = value < low[i] ? value : low[i];
        high[i] = value > high[i] ? value : high[i];
      }
    }
    for (size_t i = 0; i < low.size(); ++i) {
      low[i] = low[i] > 0 ? 0 : low[i];
      high[i] = high[i] < 0 ? 0 : high[i];
    }
  }

  // Zero points come from the scale before it is stored, numbers from what is stored.
  BlockScale choose_scale(float low, float high, float symmetric_zero, T* stored) const {
    BlockScale result;
    const float scale = how.symmetric ? symmetric_scale(low, high, half()) : (high - low) / most();
    result.zero = how.symmetric ? symmetric_zero : zero_point(low, scale, most());
    narrow(scale, stored);
    const float kept = widen(*stored);
    result.inverse = kept != 0 ? 1.0f / kept : 0.0f;
    return result;
  }

  void put(uint8_t* bytes, int64_t index, int number) const {
    const int shift = static_cast<int>(index % per_byte()) * how.bits;
    const int mask = ((1 << how.bits) - 1) << shift;
    uint8_t& byte = bytes[index / per_byte()];
    byte = static_cast<uint8_t>((byte & ~mask) | ((number << shift) & mask));
  }
};

// Blocks whose zero points share a byte, for the columns of one tile.
template <class T>
class ColumnGroup {
 public:
  ColumnGroup(const Job<T>& job, int64_t group, int64_t first)
      : job_(job),
        group_(group),
        first_(first),
        width_(std::min(kTileColumns, job.columns - first)) {}

  void quantize() {
    const int64_t begin = group_ * job_.per_byte();
    const int64_t end = std::min(job_.blocks(), begin + job_.per_byte());
    zeros_.fill(0);
    for (int64_t block = begin; block < end; ++block) {
      choose_scales(block);
      for (int64_t row = block * job_.how.block; row < job_.last_row(block);
           row += job_.per_byte()) {
        quantize_rows(block, row);
      }
    }
    if (!job_.how.symmetric) write_zero_points(end - begin);
  }

 private:
  void choose_scales(int64_t block) {
    std::array<float, kTileColumns> low, high;
    const auto width = static_cast<size_t>(width_);
    job_.find_ranges(block, first_, std::span(low).first(width), std::span(high).first(width));
    const auto shift = static_cast<int>(block % job_.per_byte()) * job_.how.bits;
    for (size_t i = 0; i < width; ++i) {
      T* stored = job_.scales + (first_ + static_cast<int64_t>(i)) * job_.blocks() + block;
      scales_[i] = job_.choose_scale(low[i], high[i], job_.half(), stored);
      zeros_[i] = static_cast<uint8_t>(zeros_[i] | static_cast<int>(scales_[i].zero) << shift);
    }
  }

  // The rows whose numbers share a byte; those past the end keep what the byte before had.
  void quantize_rows(int64_t block, int64_t row) {
    const int64_t count = std::min(job_.per_byte(), job_.last_row(block) - row);
    const int64_t bytes = parts(job_.how.block, job_.per_byte());
    uint8_t* out = job_.numbers + block * bytes + (row - block * job_.how.block) / job_.per_byte();
    for (int64_t i = 0; i < width_; ++i) {
      const BlockScale& scale = scales_[static_cast<size_t>(i)];
      uint8_t& packed = packed_[static_cast<size_t>(i)];
      for (int64_t k = 0; k < count; ++k) {
        const float value = widen(job_.weights[(row + k) * job_.columns + first_ + i]);
        const float number =
            clamp_number(std::round(value * scale.inverse + scale.zero), 0, job_.most());
        job_.put(&packed, k, static_cast<int>(number));
      }
      out[(first_ + i) * job_.blocks() * bytes] = packed;
    }
  }

  // Where there are fewer blocks than numbers in a byte, the rest are half the range.
  void write_zero_points(int64_t count) const {
    const int64_t bytes = parts(job_.blocks(), job_.per_byte());
    for (int64_t i = 0; i < width_; ++i) {
      uint8_t byte = zeros_[static_cast<size_t>(i)];
      for (int64_t k = count; k < job_.per_byte(); ++k) {
        job_.put(&byte, k, static_cast<int>(job_.half()));
      }
      job_.zero_points[(first_ + i) * bytes + group_] = byte;
    }
  }

  const Job<T>& job_;
  const int64_t group_;
  const int64_t first_;
  const int64_t width_;
  std::array<BlockScale, kTileColumns> scales_;
  std::array<uint8_t, kTileColumns> zeros_{};
  std::array<uint8_t, kTileColumns> packed_{};
};

// Numbers lie as the weights do, so that rows may share a byte; so many blocks as there are numbers
// in a byte share none with others.
template <class T>
void quantize_blocks_in_order(const Job<T>& job, int64_t group) {
  const int64_t columns = job.columns;
  const float least = job.how.symmetric ? -job.half() : 0;
  std::vector<float> low(static_cast<size_t>(columns)), high(low.size());
  std::vector<BlockScale> scales(low.size());
  const int64_t begin = group * job.per_byte();
  for (int64_t block = begin; block < std::min(job.blocks(), begin + job.per_byte()); ++block) {
    job.find_ranges(block, 0, low, high);
    for (int64_t i = 0; i < columns; ++i) {
      const auto at = static_cast<size_t>(i);
      T* stored = job.scales + block * columns + i;
      scales[at] = job.choose_scale(low[at], high[at], 0, stored);
      if (job.how.symmetric) continue;
      job.put(job.zero_points, block * columns + i, static_cast<int>(scales[at].zero));
    }
    for (int64_t row = block * job.how.block; row < job.last_row(block); ++row) {
      for (int64_t i = 0; i < columns; ++i) {
        const BlockScale& scale = scales[static_cast<size_t>(i)];
        const float value = widen(job.weights[row * columns + i]);
        const float number =
            clamp_number(std::round(value * scale.inverse) + scale.zero, least, least + job.most());
        job.put(job.numbers, row * columns + i, static_cast<int>(number));
      }
    }
  }
}

// Halfway between values of the table, as bitsandbytes writes these numbers down: above a limit,
// the next code is nearer.
constexpr std::array<float, 7> kFp4Limits = {0.00260417f, 0.0859375f, 0.20833333f, 0.29166667f,
                                             0.4166667f,  0.583333f,  0.8333333f};
constexpr std::array<uint8_t, 8> kFp4Codes = {0, 1, 6, 7, 4, 5, 2, 3};  // by magnitude
constexpr uint8_t kFp4Sign = 8;
constexpr std::array<float, 15> kNf4Limits = {
    -0.84809643f, -0.6106329f,   -0.45999527f, -0.33967942f, -0.2346074f,
    -0.13791174f, -0.045525018f, 0.03979015f,  0.120255254f, 0.20352125f,
    0.29201376f,  0.38931254f,   0.5016634f,   0.64278692f,  0.86147839f};

template <size_t N>
size_t count_below(const std::array<float, N>& limits, float value) {
  size_t count = 0;
  while (count < N && value > limits[count]) ++count;
  return count;
}

uint8_t fp4_code(float value) {
  const uint8_t code = kFp4Codes[count_below(kFp4Limits, std::abs(value))];
  return static_cast<uint8_t>(value < 0 ? code | kFp4Sign : code);
}
uint8_t nf4_code(float value) { return static_cast<uint8_t>(count_below(kNf4Limits, value)); }

template <class T>
void code_block(std::span<const T> weights, FourBitCode code, uint8_t* numbers, T* scale) {
  float most = 0;
  for (const T weight : weights) {
    const float magnitude = std::abs(widen(weight));
    most = magnitude > most ? magnitude : most;
  }
  narrow(most, scale);
  const float inverse = most != 0 ? 1.0f / most : 0.0f;
  const auto code_of = [&](size_t i) {
    const float value = i < weights.size() ? widen(weights[i]) * inverse : 0.0f;
    return code == FourBitCode::kFp4 ? fp4_code(value) : nf4_code(value);
  };
  for (size_t i = 0; i < weights.size(); i += 2) {
    numbers[i / 2] = static_cast<uint8_t>(code_of(i) << 4 | code_of(i + 1));
  }
}

Result<void> check_room(const char* what, const Tensor& tensor, int64_t needed) {
  if (tensor.count() >= needed) return {};
  return fail(Code::kInvalidArgument, "{}: {} elements are needed, but there is room for {}", what,
              needed, tensor.count());
}

Result<void> check_weights(const Tensor& weights) {
  const bool is_real = weights.dtype() == DType::kFloat32 || weights.dtype() == DType::kFloat16;
  if (is_real && weights.shape().rank() == 2) return {};
  return fail(Code::kInvalidArgument, "the weights must be f32 or f16 with two axes, but are {} {}",
              dtype_name(weights.dtype()), weights.shape().to_string());
}

Result<void> check_block(int64_t block) {
  constexpr std::array<int64_t, 5> kBlocks = {16, 32, 64, 128, 256};
  if (std::find(kBlocks.begin(), kBlocks.end(), block) != kBlocks.end()) return {};
  return fail(Code::kInvalidArgument, "the block size is {}, but must be 16, 32, 64, 128 or 256",
              block);
}

template <class T>
Result<Job<T>> make_job(const Tensor& weights, const BlockQuantization& how,
                        const QuantizedWeights& results, int64_t numbers, int64_t zero_points) {
  const int64_t columns = weights.shape()[1];
  const Job<T> job{weights.as<const T>(),
                   weights.shape()[0],
                   columns,
                   how,
                   results.numbers.as<uint8_t>(),
                   results.scales.as<T>(),
                   results.zero_points.as<uint8_t>()};
  TRY(check_room("numbers", results.numbers, numbers));
  TRY(check_room("scales", results.scales, job.blocks() * columns));
  if (!how.symmetric) TRY(check_room("zero points", results.zero_points, zero_points));
  return job;
}

template <class T>
Result<void> quantize_columns_of(const Tensor& weights, const BlockQuantization& how,
                                 const QuantizedWeights& results) {
  const int64_t per_byte = 8 / how.bits;
  const int64_t columns = weights.shape()[1];
  const int64_t blocks = parts(weights.shape()[0], how.block);
  const int64_t groups = parts(blocks, per_byte);
  const Job<T> job = TRY(make_job<T>(
      weights, how, results, columns * blocks * parts(how.block, per_byte), columns * groups));
  shared_thread_pool(0)->parallel_for(groups * parts(columns, kTileColumns), [&](int64_t task) {
    ColumnGroup<T>(job, task % groups, task / groups * kTileColumns).quantize();
  });
  return {};
}

template <class T>
Result<void> quantize_in_order_of(const Tensor& weights, const BlockQuantization& how,
                                  const QuantizedWeights& results) {
  const int64_t per_byte = 8 / how.bits;
  const int64_t blocks = parts(weights.shape()[0], how.block);
  const Job<T> job = TRY(make_job<T>(weights, how, results, parts(weights.count(), per_byte),
                                     parts(blocks * weights.shape()[1], per_byte)));
  shared_thread_pool(0)->parallel_for(parts(blocks, per_byte),
                                      [&](int64_t group) { quantize_blocks_in_order(job, group); });
  return {};
}

template <class T>
void code_weights(const Tensor& weights, FourBitCode code, int64_t block,
                  const QuantizedWeights& results) {
  const auto all = weights.elements<const T>();
  shared_thread_pool(0)->parallel_for(parts(weights.count(), block), [&](int64_t i) {
    const auto begin = static_cast<size_t>(i * block);
    const size_t size = std::min(static_cast<size_t>(block), all.size() - begin);
    code_block(all.subspan(begin, size), code, results.numbers.as<uint8_t>() + begin / 2,
               results.scales.as<T>() + i);
  });
}

}  // namespace

Result<void> quantize_columns(const Tensor& weights, const BlockQuantization& how,
                              const QuantizedWeights& results) {
  TRY(check_weights(weights));
  TRY(check_block(how.block));
  return weights.dtype() == DType::kFloat32 ? quantize_columns_of<float>(weights, how, results)
                                            : quantize_columns_of<Float16>(weights, how, results);
}

Result<void> quantize_in_order(const Tensor& weights, const BlockQuantization& how,
                               const QuantizedWeights& results) {
  TRY(check_weights(weights));
  if (how.block < 1) {
    return fail(Code::kInvalidArgument, "the block size is {}, but must be 1 or more", how.block);
  }
  return weights.dtype() == DType::kFloat32 ? quantize_in_order_of<float>(weights, how, results)
                                            : quantize_in_order_of<Float16>(weights, how, results);
}

Result<void> quantize_to_table(const Tensor& weights, FourBitCode code, int64_t block,
                               const QuantizedWeights& results) {
  TRY(check_weights(weights));
  TRY(check_block(block));
  TRY(check_room("numbers", results.numbers, parts(weights.count(), 2)));
  TRY(check_room("scales", results.scales, parts(weights.count(), block)));
  if (weights.dtype() == DType::kFloat32) {
    code_weights<float>(weights, code, block, results);
  } else {
    code_weights<Float16>(weights, code, block, results);
  }
  return {};
}

}  // namespace sardonyx
