// The transform against its definition in long sums: lengths of every kind of factor, on every
// tier, with as many lines as a vector holds and with one.
#include "ops/fourier.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

using Complex = std::complex<double>;

std::vector<Complex> by_definition(const std::vector<Complex>& line, bool inverse) {
  const auto length = static_cast<int64_t>(line.size());
  std::vector<Complex> sums(line.size());
  for (int64_t k = 0; k < length; ++k) {
    for (int64_t n = 0; n < length; ++n) {
      const double turn = static_cast<double>(n * k % length) / static_cast<double>(length);
      sums[k] += line[n] * std::polar(1.0, (inverse ? 2 : -2) * std::numbers::pi * turn);
    }
    if (inverse) sums[k] /= static_cast<double>(length);
  }
  return sums;
}

void check(Tier tier, int64_t length, bool inverse, int64_t lines) {
  const Fourier fourier(tier, length, inverse, lines);
  const int64_t at_once = fourier.lines();
  const auto values = random_floats(static_cast<size_t>(2 * length * at_once), 1);
  std::vector<double> numbers(values.begin(), values.end()), scratch(fourier.count(), NAN);
  ASSERT_EQ(numbers.size(), fourier.count());
  const auto at = [&](const double* of, int64_t n, int64_t line) {
    return Complex(of[2 * n * at_once + line], of[(2 * n + 1) * at_once + line]);
  };
  std::vector<std::vector<Complex>> given(at_once, std::vector<Complex>(length));
  for (int64_t line = 0; line < at_once; ++line) {
    for (int64_t n = 0; n < length; ++n) given[line][n] = at(numbers.data(), n, line);
  }
  const double* result = fourier.run(numbers.data(), scratch.data());
  for (int64_t line = 0; line < at_once; ++line) {
    const std::vector<Complex> want = by_definition(given[line], inverse);
    for (int64_t k = 0; k < length; ++k) {
      const Complex got = at(result, k, line);
      const double bound = 1e-14 * static_cast<double>(length);
      ASSERT_NEAR(got.real(), want[k].real(), bound) << length << " line " << line << " bin " << k;
      ASSERT_NEAR(got.imag(), want[k].imag(), bound) << length << " line " << line << " bin " << k;
    }
  }
}

TEST(Fourier, IsItsDefinition) {
  for (const Tier tier : available_tiers()) {
    for (const bool inverse : {false, true}) {
      for (const int64_t length :
           {1, 2, 3, 4, 5, 6, 8, 12, 16, 30, 32, 49, 60, 97, 128, 210, 400}) {
        for (const int64_t lines : {1, 7}) check(tier, length, inverse, lines);
      }
    }
  }
}

}  // namespace
}  // namespace sardonyx
