// Fourier: the discrete Fourier transform of lines of complex numbers of a fixed length, a vector
// of lines at once, by mixed radices (Stockham's order: Cochran et al., "What is the fast Fourier
// transform?", 1967, section on autosorting). Entry point: Fourier::run.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/tier.h"

namespace sardonyx {

// What the passes of a tier need to know.
struct FourierPlan {
  int64_t length = 0;
  bool inverse = false;
  std::vector<int64_t> factors;  // 4 and primes
  std::vector<double> roots;     // exp(-+2 pi i k / length), real and imaginary part in turn
};

struct FourierKernels {
  // Returns which of both holds the result.
  using Run = double* (*)(const FourierPlan& plan, double* numbers, double* scratch);
  int64_t lines = 0;  // at once, of `run`
  Run run = nullptr;
  Run run_one = nullptr;
};
const FourierKernels& fourier_kernels(Tier tier);

class Fourier {
 public:
  // length >= 1; `lines` there are.
  Fourier(Tier tier, int64_t length, bool inverse, int64_t lines);

  int64_t length() const { return plan_.length; }
  int64_t lines() const { return lines_; }
  // Elements of `numbers` and of scratch.
  size_t count() const { return static_cast<size_t>(2 * length() * lines()); }
  // numbers are [length, 2, lines]: real and imaginary parts. Returns where the result is, one of
  // both, in the same order. The inverse is scaled by 1 / length.
  double* run(double* numbers, double* scratch) const { return run_(plan_, numbers, scratch); }

 private:
  int64_t lines_;
  FourierKernels::Run run_;
  FourierPlan plan_;
};

}  // namespace sardonyx
