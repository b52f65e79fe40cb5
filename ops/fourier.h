// Fourier: the discrete Fourier transform of one line of complex numbers of a fixed length, by
// mixed radices (the prime factors of the length). Entry point: Fourier::run.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

namespace sardonyx {

class Fourier {
 public:
  using Complex = std::complex<double>;

  // The inverse is scaled by 1 / length. length >= 1.
  Fourier(int64_t length, bool inverse);

  int64_t length() const { return length_; }
  // What run needs as scratch.
  int64_t scratch_count() const { return factors_.empty() ? 1 : factors_.back(); }
  // src and dst hold length() numbers and do not overlap.
  void run(const Complex* src, Complex* dst, Complex* scratch) const;

 private:
  void pass(const Complex* src, int64_t stride, Complex* dst, size_t level, Complex* scratch) const;
  void combine(Complex* dst, int64_t stride, int64_t factor, int64_t part, Complex* scratch) const;

  int64_t length_;
  bool inverse_;
  std::vector<int64_t> factors_;  // ascending
  std::vector<Complex> roots_;    // exp(-+2 pi i k / length)
};

}  // namespace sardonyx
