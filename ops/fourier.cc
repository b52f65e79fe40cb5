// Behind ops/fourier.h.
#include "ops/fourier.h"

#include <cmath>
#include <numbers>

namespace sardonyx {
namespace {

// Without the care for infinities that operator* takes.
Fourier::Complex multiply(const Fourier::Complex& a, const Fourier::Complex& b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

}  // namespace

Fourier::Fourier(int64_t length, bool inverse) : length_(length), inverse_(inverse) {
  int64_t left = length;
  for (int64_t factor = 2; factor * factor <= left; ++factor) {
    for (; left % factor == 0; left /= factor) factors_.push_back(factor);
  }
  if (left > 1) factors_.push_back(left);
  const double turn = (inverse ? 2 : -2) * std::numbers::pi / static_cast<double>(length);
  roots_.reserve(static_cast<size_t>(length));
  for (int64_t k = 0; k < length; ++k) {
    const double angle = turn * static_cast<double>(k);
    roots_.emplace_back(std::cos(angle), std::sin(angle));
  }
}

void Fourier::run(const Complex* src, Complex* dst, Complex* scratch) const {
  pass(src, 1, dst, 0, scratch);
  if (!inverse_) return;
  const double scale = 1 / static_cast<double>(length_);
  for (int64_t k = 0; k < length_; ++k) dst[k] *= scale;
}

// Transforms the length / stride numbers that stand `stride` apart in src.
void Fourier::pass(const Complex* src, int64_t stride, Complex* dst, size_t level,
                   Complex* scratch) const {
  if (stride == length_) {
    *dst = *src;
    return;
  }
  const int64_t factor = factors_[level];
  const int64_t part = length_ / stride / factor;
  for (int64_t r = 0; r < factor; ++r) {
    pass(src + r * stride, stride * factor, dst + r * part, level + 1, scratch);
  }
  combine(dst, stride, factor, part, scratch);
}

// One transform of factor * part numbers out of `factor` transforms of every factor-th of them.
void Fourier::combine(Complex* dst, int64_t stride, int64_t factor, int64_t part,
                      Complex* scratch) const {
  const auto root = [&](int64_t k) { return roots_[static_cast<size_t>(k * stride)]; };
  for (int64_t k = 0; k < part; ++k) {
    if (factor == 2) {
      const Complex even = dst[k];
      const Complex odd = multiply(dst[part + k], root(k));
      dst[k] = even + odd;
      dst[part + k] = even - odd;
      continue;
    }
    for (int64_t r = 0; r < factor; ++r) {
      scratch[r] = multiply(dst[r * part + k], root(r * k));
    }
    for (int64_t q = 0; q < factor; ++q) {
      Complex sum = scratch[0];
      int64_t turn = 0;  // r * q modulo the factor
      for (int64_t r = 1; r < factor; ++r) {
        turn += q;
        if (turn >= factor) turn -= factor;
        sum += multiply(scratch[r], root(turn * part));
      }
      dst[q * part + k] = sum;
    }
  }
}

}  // namespace sardonyx
