// Sigmoid and tanh of whole vectors over the gates of one row; nothing is stored in between.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/rnn.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/rnn.h"
#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

// `count` floats from an array, zeros where there is none.
HWY_INLINE V load(const float* src, int64_t at, size_t count) {
  const D d;
  if (src == nullptr) return hn::Zero(d);
  return count == static_cast<size_t>(kLanes) ? hn::LoadU(d, src + at) : load_n(d, src + at, count);
}
HWY_INLINE void store(V v, float* dst, int64_t at, size_t count) {
  const D d;
  if (count == static_cast<size_t>(kLanes)) {
    hn::StoreU(v, d, dst + at);
  } else {
    store_n(v, d, dst + at, count);
  }
}
HWY_INLINE V clip(V x, float bound) {
  const D d;
  if (bound <= 0) return x;
  return min_keep_nan(hn::Set(d, bound), max_keep_nan(hn::Set(d, -bound), x));
}

void lstm(const LstmStep& s) {
  const D d;
  const int64_t h = s.hidden;
  for (int64_t i = 0; i < h; i += kLanes) {
    const size_t n = static_cast<size_t>(HWY_MIN(kLanes, h - i));
    const V cell = load(s.cell, i, n);
    V input = load(s.gates, i, n);
    V output = load(s.gates, h + i, n);
    V forget = load(s.gates, 2 * h + i, n);
    const V candidate = tanh(clip(load(s.gates, 3 * h + i, n), s.clip));
    if (s.peephole != nullptr) {
      input = hn::MulAdd(load(s.peephole, i, n), cell, input);
      forget = hn::MulAdd(load(s.peephole, 2 * h + i, n), cell, forget);
    }
    input = sigmoid(clip(input, s.clip));
    forget = s.input_forget ? hn::Sub(hn::Set(d, 1.0f), input) : sigmoid(clip(forget, s.clip));
    const V next = hn::MulAdd(forget, cell, hn::Mul(input, candidate));
    if (s.peephole != nullptr) {
      output = hn::MulAdd(load(s.peephole, h + i, n), next, output);
    }
    output = sigmoid(clip(output, s.clip));
    store(next, s.cell_out, i, n);
    store(hn::Mul(output, tanh(next)), s.hidden_out, i, n);
  }
}

void gru(const GruStep& s) {
  const int64_t h = s.hidden;
  for (int64_t i = 0; i < h; i += kLanes) {
    const size_t n = static_cast<size_t>(HWY_MIN(kLanes, h - i));
    const V update = sigmoid(clip(hn::Add(load(s.gates, i, n), load(s.recurrent, i, n)), s.clip));
    V candidate = load(s.gates, 2 * h + i, n);
    if (s.linear_before_reset) {
      const V reset =
          sigmoid(clip(hn::Add(load(s.gates, h + i, n), load(s.recurrent, h + i, n)), s.clip));
      candidate = hn::MulAdd(reset, load(s.recurrent, 2 * h + i, n), candidate);
    }
    candidate = tanh(clip(candidate, s.clip));
    // (1 - update) * candidate + update * state
    const V state = load(s.state, i, n);
    store(hn::MulAdd(update, hn::Sub(state, candidate), candidate), s.state_out, i, n);
  }
}

void gru_reset(const GruStep& s) {
  const int64_t h = s.hidden;
  for (int64_t i = 0; i < h; i += kLanes) {
    const size_t n = static_cast<size_t>(HWY_MIN(kLanes, h - i));
    const V sum = hn::Add(load(s.gates, h + i, n), load(s.recurrent, h + i, n));
    store(hn::Mul(sigmoid(clip(sum, s.clip)), load(s.state, i, n)), s.state_out, i, n);
  }
}

void plain(const PlainStep& s) {
  const D d;
  for (int64_t i = 0; i < s.hidden; i += kLanes) {
    const size_t n = static_cast<size_t>(HWY_MIN(kLanes, s.hidden - i));
    const V sum = clip(load(s.sums, i, n), s.clip);
    store(s.relu ? max_keep_nan(hn::Zero(d), sum) : tanh(sum), s.state_out, i, n);
  }
}

}  // namespace

extern const RnnKernels kRnnKernels;
constexpr RnnKernels kRnnKernels = {lstm, gru, gru_reset, plain};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(rnn_kernels, RnnKernels, kRnnKernels)
#endif
