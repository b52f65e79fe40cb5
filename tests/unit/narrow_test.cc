// The narrow floats: every code decodes to a value that encodes to it again, and every rounding is
// to the nearest code, found by search.
#include "base/narrow.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

constexpr DType kByteFloats[] = {DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ, DType::kFloat8E5M2,
                                 DType::kFloat8E5M2FNUZ, DType::kFloat4E2M1};

int code_count(DType dtype) { return dtype == DType::kFloat4E2M1 ? 16 : 256; }

// Largest finite value by the specification's tables.
float largest(DType dtype) {
  switch (dtype) {
    case DType::kFloat8E4M3FN:
      return 448;
    case DType::kFloat8E4M3FNUZ:
      return 240;
    case DType::kFloat4E2M1:
      return 6;
    default:
      return 57344;
  }
}

TEST(Narrow, CodesRoundTrip) {
  for (DType dtype : kByteFloats) {
    float most = 0;
    for (int code = 0; code < code_count(dtype); ++code) {
      const float value = narrow_to_float(dtype, static_cast<uint8_t>(code));
      if (std::isnan(value)) {
        EXPECT_TRUE(std::isnan(narrow_to_float(dtype, narrow_from_float(dtype, value, true))));
        continue;
      }
      if (std::isfinite(value)) most = std::max(most, value);
      EXPECT_EQ(narrow_from_float(dtype, value, false), code) << dtype_name(dtype) << value;
    }
    EXPECT_EQ(most, largest(dtype)) << dtype_name(dtype);
  }
}

TEST(Narrow, KnownValues) {
  EXPECT_EQ(narrow_to_float(DType::kFloat8E4M3FN, 0x38), 1.0f);
  EXPECT_EQ(narrow_to_float(DType::kFloat8E4M3FN, 0x01), std::ldexp(1.0f, -9));
  EXPECT_TRUE(std::isnan(narrow_to_float(DType::kFloat8E4M3FN, 0x7F)));
  EXPECT_EQ(narrow_to_float(DType::kFloat8E4M3FNUZ, 0x40), 1.0f);
  EXPECT_TRUE(std::isnan(narrow_to_float(DType::kFloat8E4M3FNUZ, 0x80)));
  EXPECT_EQ(narrow_to_float(DType::kFloat8E5M2, 0x3C), 1.0f);
  EXPECT_TRUE(std::isinf(narrow_to_float(DType::kFloat8E5M2, 0x7C)));
  EXPECT_EQ(narrow_to_float(DType::kFloat8E5M2FNUZ, 0x40), 1.0f);
  EXPECT_EQ(narrow_to_float(DType::kFloat4E2M1, 0x1), 0.5f);
  EXPECT_EQ(narrow_to_float(DType::kFloat4E2M1, 0xF), -6.0f);
  EXPECT_EQ(narrow_to_float(DType::kFloat8E8M0, 127), 1.0f);
  EXPECT_EQ(narrow_from_float(DType::kFloat8E8M0, 2.0f, true), 128);
}

TEST(Narrow, OverflowAndInfinity) {
  const float inf = std::numeric_limits<float>::infinity();
  for (float big : {1e6f, inf}) {
    EXPECT_EQ(narrow_from_float(DType::kFloat8E4M3FN, big, true), 0x7E);
    EXPECT_EQ(narrow_from_float(DType::kFloat8E4M3FN, -big, true), 0xFE);
    EXPECT_EQ(narrow_from_float(DType::kFloat8E4M3FN, big, false), 0x7F);
    EXPECT_EQ(narrow_from_float(DType::kFloat8E4M3FNUZ, big, true), 0x7F);
    EXPECT_EQ(narrow_from_float(DType::kFloat8E4M3FNUZ, big, false), 0x80);
    EXPECT_EQ(narrow_from_float(DType::kFloat8E5M2, big, true), 0x7B);
    EXPECT_EQ(narrow_from_float(DType::kFloat8E5M2, -big, false), 0xFC);
    EXPECT_EQ(narrow_from_float(DType::kFloat8E5M2FNUZ, big, false), 0x80);
    EXPECT_EQ(narrow_from_float(DType::kFloat4E2M1, -big, false), 0xF);
  }
  EXPECT_EQ(narrow_from_float(DType::kFloat8E4M3FNUZ, -0.0f, true), 0);
  EXPECT_EQ(narrow_from_float(DType::kFloat8E4M3FN, -0.0f, true), 0x80);
}

// The code of the nearest value, ties to the even code.
uint8_t nearest(DType dtype, float value) {
  int best = -1;
  double best_distance = std::numeric_limits<double>::infinity();
  for (int code = 0; code < code_count(dtype); ++code) {
    const float candidate = narrow_to_float(dtype, static_cast<uint8_t>(code));
    if (!std::isfinite(candidate) || std::signbit(candidate) != std::signbit(value)) continue;
    const double distance = std::abs(static_cast<double>(candidate) - value);
    if (distance < best_distance || (distance == best_distance && code % 2 == 0)) {
      best = code;
      best_distance = distance;
    }
  }
  return static_cast<uint8_t>(best);
}

TEST(Narrow, RoundsToNearestEven) {
  for (DType dtype : kByteFloats) {
    std::vector<float> values = random_floats(3000, 5, -8, 8);
    for (int code = 0; code + 1 < code_count(dtype); ++code) {  // all the ties
      const float a = narrow_to_float(dtype, static_cast<uint8_t>(code));
      const float b = narrow_to_float(dtype, static_cast<uint8_t>(code + 1));
      if (std::isfinite(a) && std::isfinite(b)) values.push_back((a + b) / 2);
    }
    for (float value : values) {
      const uint8_t want = nearest(dtype, value);
      const float rounded = narrow_to_float(dtype, narrow_from_float(dtype, value, true));
      EXPECT_EQ(rounded, narrow_to_float(dtype, want)) << dtype_name(dtype) << " " << value;
    }
  }
}

TEST(Narrow, HalfRoundTripsAndRounds) {
  for (uint32_t code = 0; code < 65536; ++code) {
    const float value = to_float(Float16{static_cast<uint16_t>(code)});
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(to_float(to_float16(value))));
      continue;
    }
    EXPECT_EQ(to_float16(value).bits, code);
    EXPECT_EQ(to_float16(static_cast<double>(value)).bits, code);
    const float next = to_float(Float16{static_cast<uint16_t>(code + 1)});
    if ((code & 0x7FFF) >= 0x7BFF || std::isnan(next)) continue;
    const float tie = (value + next) / 2;
    const uint16_t even = static_cast<uint16_t>(code + (code & 1));
    EXPECT_EQ(to_float16(tie).bits, even);
    EXPECT_EQ(to_float16(static_cast<double>(tie)).bits, even);
    const float above = std::nextafter(tie, next);
    EXPECT_EQ(to_float16(above).bits, code + 1);
    EXPECT_EQ(to_float16(static_cast<double>(above)).bits, code + 1);
  }
  EXPECT_EQ(to_float16(65519.0f).bits, 0x7BFF);
  EXPECT_EQ(to_float16(65520.0f).bits, 0x7C00);
  EXPECT_EQ(to_float16(65520.0).bits, 0x7C00);
  // One rounding: through f32 this f64 value would become a tie and then go to the even side.
  EXPECT_EQ(to_float16(1.0 + 0x1p-11 + 0x1p-40).bits, 0x3C01);
}

TEST(Narrow, BrainFloat) {
  for (uint32_t code = 0; code < 65536; ++code) {
    const Bfloat16 narrow{static_cast<uint16_t>(code)};
    const float value = to_float(narrow);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(to_float(to_bfloat16(value))));
      continue;
    }
    EXPECT_EQ(to_bfloat16(value).bits, code);
    EXPECT_EQ(to_bfloat16(static_cast<double>(value)).bits, code);
  }
  EXPECT_EQ(to_bfloat16(1.0f + 0x1p-8f).bits, 0x3F80);
  EXPECT_EQ(to_bfloat16(1.0f + 0x1p-8f + 0x1p-20f).bits, 0x3F81);
  EXPECT_EQ(to_bfloat16(3.4e38f).bits, 0x7F80);
}

}  // namespace
}  // namespace sardonyx
