// Transposition of a matrix in blocks that fit the first cache.
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/transpose_kernels.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/tier_table.h"
#include "cpu/transpose-inl.h"
#include "cpu/transpose.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kBlock = 64;

// Elements of 8 bytes may be pairs of 4, which lie where 4 bytes may.
template <class T>
void scalar_block(const T* src, int64_t src_ld, T* dst, int64_t dst_ld, int64_t rows,
                  int64_t cols) {
  for (int64_t c = 0; c < cols; ++c) {
    for (int64_t r = 0; r < rows; ++r) {
      std::memcpy(static_cast<void*>(dst + c * dst_ld + r),
                  static_cast<const void*>(src + r * src_ld + c), sizeof(T));
    }
  }
}

template <class T>
void transpose_scalar(const T* src, int64_t src_ld, T* dst, int64_t dst_ld, int64_t rows,
                      int64_t cols) {
  for (int64_t r = 0; r < rows; r += kBlock) {
    for (int64_t c = 0; c < cols; c += kBlock) {
      scalar_block(src + r * src_ld + c, src_ld, dst + c * dst_ld + r, dst_ld,
                   HWY_MIN(kBlock, rows - r), HWY_MIN(kBlock, cols - c));
    }
  }
}

// F is the float type of the same size: only moved, never computed with.
template <class F, class T>
void transpose_vectors(const T* src_bits, int64_t src_ld, T* dst_bits, int64_t dst_ld, int64_t rows,
                       int64_t cols) {
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<F>()));
  constexpr int64_t kSquare = 16 / sizeof(F);
  const F* src = reinterpret_cast<const F*>(src_bits);
  F* dst = reinterpret_cast<F*>(dst_bits);
  const int64_t row_end = rows / kLanes * kLanes;
  const int64_t col_end = cols / kSquare * kSquare;
  for (int64_t r0 = 0; r0 < row_end; r0 += kBlock) {
    const int64_t r1 = HWY_MIN(r0 + kBlock, row_end);
    for (int64_t c = 0; c < col_end; c += kSquare) {
      for (int64_t r = r0; r < r1; r += kLanes) {
        transpose_blocks(src + r * src_ld + c, src_ld, dst + c * dst_ld + r, dst_ld);
      }
    }
  }
  transpose_scalar(src_bits + col_end, src_ld, dst_bits + col_end * dst_ld, dst_ld, row_end,
                   cols - col_end);
  transpose_scalar(src_bits + row_end * src_ld, src_ld, dst_bits + row_end, dst_ld, rows - row_end,
                   cols);
}

// Three planes to three-channel pixels and back: pictures.
template <class T>
void interleave3(const T* src, int64_t src_ld, T* dst, int64_t count) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreInterleaved3(hn::LoadU(d, src + i), hn::LoadU(d, src + src_ld + i),
                          hn::LoadU(d, src + 2 * src_ld + i), d, dst + 3 * i);
  }
  scalar_block(src + i, src_ld, dst + 3 * i, 3, 3, count - i);
}
template <class T>
void deinterleave3(const T* src, T* dst, int64_t dst_ld, int64_t count) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::Vec<decltype(d)> a, b, c;
    hn::LoadInterleaved3(d, src + 3 * i, a, b, c);
    hn::StoreU(a, d, dst + i);
    hn::StoreU(b, d, dst + dst_ld + i);
    hn::StoreU(c, d, dst + 2 * dst_ld + i);
  }
  scalar_block(src + 3 * i, 3, dst + i, dst_ld, count - i, 3);
}

template <class T>
bool transpose_pixels(const T* src, int64_t src_ld, T* dst, int64_t dst_ld, int64_t rows,
                      int64_t cols) {
  if (rows == 3 && dst_ld == 3) {
    interleave3(src, src_ld, dst, cols);
  } else if (cols == 3 && src_ld == 3) {
    deinterleave3(src, dst, dst_ld, rows);
  } else {
    return false;
  }
  return true;
}

template <class T>
void transpose_narrow(const T* src, int64_t src_ld, T* dst, int64_t dst_ld, int64_t rows,
                      int64_t cols) {
  if (transpose_pixels(src, src_ld, dst, dst_ld, rows, cols)) return;
  transpose_scalar(src, src_ld, dst, dst_ld, rows, cols);
}

void transpose4(const uint32_t* src, int64_t src_ld, uint32_t* dst, int64_t dst_ld, int64_t rows,
                int64_t cols) {
  if (transpose_pixels(src, src_ld, dst, dst_ld, rows, cols)) return;
  transpose_vectors<float>(src, src_ld, dst, dst_ld, rows, cols);
}

}  // namespace

extern const TransposeKernels kTransposeKernels;
constexpr TransposeKernels kTransposeKernels = {transpose_narrow<uint8_t>,
                                                transpose_narrow<uint16_t>, transpose4,
                                                transpose_vectors<double, uint64_t>};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(transpose_kernels, TransposeKernels, kTransposeKernels)
#endif
