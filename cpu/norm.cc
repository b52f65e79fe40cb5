// The order of every sum depends on the tier and on `cols` alone: four vector accumulators, added
// in a fixed tree. Two passes (mean, then squared distance) keep the variance accurate.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/norm.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include <cmath>

#include "cpu/norm.h"
#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Sum over a row of Term::at(lanes).
struct Plain {
  V at(V x) const { return x; }
};
struct SquaredDistance {
  V center;
  V at(V x) const {
    const V distance = hn::Sub(x, center);
    return hn::Mul(distance, distance);
  }
};

template <class Term>
float sum_row(const float* x, int64_t cols, const Term& term) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  int64_t i = 0;
  for (; i + 4 * lanes <= cols; i += 4 * lanes) {
    s0 = hn::Add(s0, term.at(hn::LoadU(d, x + i)));
    s1 = hn::Add(s1, term.at(hn::LoadU(d, x + i + lanes)));
    s2 = hn::Add(s2, term.at(hn::LoadU(d, x + i + 2 * lanes)));
    s3 = hn::Add(s3, term.at(hn::LoadU(d, x + i + 3 * lanes)));
  }
  for (; i + lanes <= cols; i += lanes) s0 = hn::Add(s0, term.at(hn::LoadU(d, x + i)));
  if (i < cols) {
    const size_t count = static_cast<size_t>(cols - i);
    const V tail = term.at(load_n(d, x + i, count));
    s1 = hn::Add(s1, hn::IfThenElseZero(hn::FirstN(d, count), tail));
  }
  const V sum = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

// dst = (x - center) * factor * scale + bias.
void write_row(const NormRows& args, const float* x, float* dst, float center, float factor) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const V vcenter = hn::Set(d, center);
  const V vfactor = hn::Set(d, factor);
  for (int64_t i = 0; i < args.cols; i += lanes) {
    const size_t count = static_cast<size_t>(HWY_MIN(lanes, args.cols - i));
    const bool whole = static_cast<int64_t>(count) == lanes;
    V y = whole ? hn::LoadU(d, x + i) : load_n(d, x + i, count);
    y = hn::Mul(hn::Sub(y, vcenter), vfactor);
    if (args.scale != nullptr) {
      y = hn::Mul(y, whole ? hn::LoadU(d, args.scale + i) : load_n(d, args.scale + i, count));
    }
    if (args.bias != nullptr) {
      y = hn::Add(y, whole ? hn::LoadU(d, args.bias + i) : load_n(d, args.bias + i, count));
    }
    if (whole) {
      hn::StoreU(y, d, dst + i);
    } else {
      store_n(y, d, dst + i, count);
    }
  }
}

// The row to normalise: src itself, or src + residual, stored in `sum` or else in dst.
const float* add_residual(const NormRows& args, int64_t row) {
  const float* src = args.src + row * args.cols;
  if (args.residual == nullptr) return src;
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const float* residual = args.residual + row * args.cols;
  float* sum = (args.sum != nullptr ? args.sum : args.dst) + row * args.cols;
  int64_t i = 0;
  for (; i + lanes <= args.cols; i += lanes) {
    hn::StoreU(hn::Add(hn::LoadU(d, src + i), hn::LoadU(d, residual + i)), d, sum + i);
  }
  for (; i < args.cols; ++i) sum[i] = src[i] + residual[i];
  return sum;
}

void layer_norm(const NormRows& args, int64_t first, int64_t last) {
  const float cols = static_cast<float>(args.cols);
  for (int64_t row = first; row < last; ++row) {
    const float* x = add_residual(args, row);
    const float mean = sum_row(x, args.cols, Plain()) / cols;
    const float variance = sum_row(x, args.cols, SquaredDistance{hn::Set(D(), mean)}) / cols;
    const float inv_std = 1.0f / std::sqrt(variance + args.epsilon);
    write_row(args, x, args.dst + row * args.cols, mean, inv_std);
    if (args.mean != nullptr) args.mean[row] = mean;
    if (args.inv_std != nullptr) args.inv_std[row] = inv_std;
  }
}

void rms_norm(const NormRows& args, int64_t first, int64_t last) {
  const float cols = static_cast<float>(args.cols);
  for (int64_t row = first; row < last; ++row) {
    const float* x = add_residual(args, row);
    const float square = sum_row(x, args.cols, SquaredDistance{hn::Zero(D())}) / cols;
    const float inv_std = 1.0f / std::sqrt(square + args.epsilon);
    write_row(args, x, args.dst + row * args.cols, 0.0f, inv_std);
    if (args.inv_std != nullptr) args.inv_std[row] = inv_std;
  }
}

}  // namespace

extern const NormKernels kNormKernels;
const NormKernels kNormKernels = {layer_norm, rms_norm};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(norm_kernels, NormKernels, kNormKernels)
#endif
