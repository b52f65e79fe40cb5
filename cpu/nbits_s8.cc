#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/nbits_s8.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/byte_dot.h"
#include "cpu/dot_bytes-inl.h"
#include "cpu/nbits_s8.h"
#include "cpu/tier_table.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kChunk = 32;
constexpr int64_t kGroup = kLanesS8 / 4;  // chunks to a vector
constexpr int64_t kGroupElements = kChunk * kGroup;
constexpr int64_t kVectorBytes = 4 * kLanesS8;

// The largest magnitude of 32 numbers.
HWY_INLINE float largest(const float* src) {
  const DF32 d;
  VF32 most = hn::Zero(d);
  for (int64_t i = 0; i < kChunk; i += kLanesS8)
    most = hn::Max(most, hn::Abs(hn::LoadU(d, src + i)));
  return hn::GetLane(hn::MaxOfLanes(d, most));
}

void round(const float* src, int64_t count, int64_t block_size, float start,
           const NBitsVector& dst) {
  const DF32 d;
  const int64_t chunks = (count + kGroupElements - 1) / kGroupElements * kGroup;
  for (int64_t b = 0; b * block_size < count; ++b) dst.block_sums[b] = 0;
  for (int64_t c = 0; c < chunks; ++c) {
    HWY_ALIGN float numbers[kChunk] = {};
    HWY_ALIGN int32_t rounded[kChunk];
    for (int64_t i = 0; i < kChunk && c * kChunk + i < count; ++i) numbers[i] = src[c * kChunk + i];
    const float most = largest(numbers);
    const float scale = most / 127.0f;
    const VF32 inverse = hn::Set(d, scale > 0 ? 1.0f / scale : 0.0f);
    for (int64_t i = 0; i < kChunk; i += kLanesS8) {
      const VF32 scaled = hn::Mul(hn::Load(d, numbers + i), inverse);
      const VF32 shifted = hn::Add(scaled, hn::Set(d, kRoundToInteger));
      const V32 integer = hn::Sub(hn::BitCast(D32(), shifted), hn::Set(D32(), kRoundedBits));
      hn::Store(integer, D32(), rounded + i);
    }
    const int64_t group = c / kGroup, place = c % kGroup;
    int8_t* even = dst.bytes + group * 2 * kVectorBytes + 16 * place;
    int8_t* odd = even + kVectorBytes;
    int32_t sum = 0;
    for (int64_t i = 0; i < kChunk / 2; ++i) {
      even[i] = static_cast<int8_t>(rounded[2 * i]);
      odd[i] = static_cast<int8_t>(rounded[2 * i + 1]);
      sum += rounded[2 * i] + rounded[2 * i + 1];
    }
    for (int64_t lane = 0; lane < 4; ++lane) {
      dst.scales[4 * c + lane] = scale;
      dst.starts[4 * c + lane] = lane == 0 ? static_cast<int32_t>(start) * sum : 0;
    }
    if (c * kChunk < count) {
      dst.block_sums[c * kChunk / block_size] += scale * static_cast<float>(sum);
    }
  }
}

// The scale of the chunk of each lane, of the chunks of a group.
class LaneScales {
 public:
  explicit HWY_INLINE LaneScales(const NBitsRow& row)
      : scales_(row.scales), blocks_(row.blocks), block_chunks_(row.block_size / kChunk) {
#if HWY_TARGET == HWY_AVX3
    const V32 lane = hn::Iota(D32(), 0);
    index_ = block_chunks_ == 1   ? hn::ShiftRight<2>(lane)
             : block_chunks_ == 2 ? hn::ShiftRight<3>(lane)
                                  : hn::Zero(D32());
    if ((block_chunks_ & (block_chunks_ - 1)) == 0)
      shift_ = __builtin_ctzll(static_cast<uint64_t>(block_chunks_));
#endif
  }
  HWY_INLINE VF32 operator()(int64_t group) const {
#if HWY_TARGET == HWY_AVX3
    if (HWY_LIKELY(shift_ >= 0)) {
      const hn::FixedTag<float, 4> d4;
      const int64_t first = (group * kGroup) >> shift_;
      const int64_t left = blocks_ - first;
      const auto four = HWY_LIKELY(left >= 4)
                            ? hn::LoadU(d4, scales_ + first)
                            : load_n(d4, scales_ + first, static_cast<size_t>(left));
      return VF32{_mm512_permutexvar_ps(index_.raw, _mm512_broadcast_f32x4(four.raw))};
    }
#endif
    HWY_ALIGN float lanes[kLanesS8];
    for (int64_t i = 0; i < kLanesS8; ++i) {
      const int64_t block = (group * kGroup + i / 4) / block_chunks_;
      lanes[i] = block < blocks_ ? scales_[block] : 0.0f;
    }
    return hn::Load(DF32(), lanes);
  }

 private:
  const float* scales_;
  int64_t blocks_, block_chunks_;
#if HWY_TARGET == HWY_AVX3
  V32 index_;
  int shift_ = -1;  // chunks to blocks; -1: a division
#endif
};

// Adds the products of one group of weights with kRows vectors.
template <bool kDot, int kRows>
HWY_INLINE void add_group(hn::Vec<hn::Repartition<uint8_t, D32>> codes, VF32 scale, int64_t g,
                          const NBitsVector* vectors, VF32 (&acc)[kRows]) {
  const D32 d;
  const DF32 df;
  const hn::Repartition<uint8_t, D32> d8;
  const hn::Repartition<uint16_t, D32> d16;
  const hn::Repartition<int8_t, D32> ds8;
  const auto low_half = hn::Set(d8, 15);
  const BytesA<kDot> even(hn::BitCast(d, hn::And(codes, low_half)));
  const auto upper = hn::BitCast(d8, hn::ShiftRight<4>(hn::BitCast(d16, codes)));
  const BytesA<kDot> odd(hn::BitCast(d, hn::And(upper, low_half)));
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    const NBitsVector& v = vectors[r];
    const int8_t* b = v.bytes + g * 2 * kVectorBytes;
    V32 sum = hn::LoadU(d, v.starts + g * kLanesS8);
    sum = add_dot(even, BytesB<kDot>(hn::BitCast(d, hn::LoadU(ds8, b))), sum);
    sum = add_dot(odd, BytesB<kDot>(hn::BitCast(d, hn::LoadU(ds8, b + kVectorBytes))), sum);
    const VF32 factor = hn::Mul(scale, hn::LoadU(df, v.scales + g * kLanesS8));
    acc[r] = hn::MulAdd(hn::ConvertTo(df, sum), factor, acc[r]);
  }
}

template <bool kDot, int kRows>
HWY_INLINE void dot_rows(const NBitsRow& row, const NBitsVector* in, float* dst, int64_t ld) {
  const DF32 df;
  const hn::Repartition<uint8_t, D32> d8;
  const LaneScales lane_scales(row);
  const int64_t bytes = row.blocks * row.block_size / 2;
  const int64_t whole = bytes / kVectorBytes;
  NBitsVector vectors[kRows];
  VF32 acc[kRows], more[kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    vectors[r] = in[r];
    acc[r] = hn::Zero(df);
    more[r] = hn::Zero(df);
  }
  int64_t g = 0;
  for (; g + 2 <= whole; g += 2) {
    const uint8_t* at = row.codes + g * kVectorBytes;
    add_group<kDot, kRows>(hn::LoadU(d8, at), lane_scales(g), g, vectors, acc);
    add_group<kDot, kRows>(hn::LoadU(d8, at + kVectorBytes), lane_scales(g + 1), g + 1, vectors,
                           more);
  }
  for (; g * kVectorBytes < bytes; ++g) {
    const int64_t left = HWY_MIN(bytes - g * kVectorBytes, kVectorBytes);
    const auto codes = load_n(d8, row.codes + g * kVectorBytes, static_cast<size_t>(left));
    add_group<kDot, kRows>(codes, lane_scales(g), g, vectors, acc);
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) acc[r] = hn::Add(acc[r], more[r]);
  for (int r = 0; r < kRows; ++r) {
    float total = hn::GetLane(hn::SumOfLanes(df, acc[r]));
    if (row.zeros != nullptr) {
      float shift = 0;
      for (int64_t b = 0; b < row.blocks; ++b) {
        shift += row.zeros[b] * row.scales[b] * vectors[r].block_sums[b];
      }
      total -= shift;
    }
    dst[r * ld] = total;
  }
}

template <bool kDot>
void dot(const NBitsRow& row, const NBitsVector* vectors, int64_t rows, float* dst, int64_t ld) {
  switch (rows) {
    case 4:
      return dot_rows<kDot, 4>(row, vectors, dst, ld);
    case 3:
      return dot_rows<kDot, 3>(row, vectors, dst, ld);
    case 2:
      return dot_rows<kDot, 2>(row, vectors, dst, ld);
    default:
      return dot_rows<kDot, 1>(row, vectors, dst, ld);
  }
}

}  // namespace

extern const NBitsS8Kernels kNBitsS8;
constexpr NBitsS8Kernels kNBitsS8 = {kGroup, round, dot<false>};
extern const NBitsS8Kernels kNBitsS8Dot;
constexpr NBitsS8Kernels kNBitsS8Dot = {kGroup, round, dot<kMayDot>};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(nbits_s8_plain_kernels, NBitsS8Kernels, kNBitsS8)
SARDONYX_TIER_TABLE(nbits_s8_dot_kernels, NBitsS8Kernels, kNBitsS8Dot)

namespace sardonyx {

const NBitsS8Kernels& nbits_s8_kernels(Tier tier) {
  const bool dot = has_byte_dot(tier);
  return dot ? nbits_s8_dot_kernels(tier) : nbits_s8_plain_kernels(tier);
}

}  // namespace sardonyx
#endif
