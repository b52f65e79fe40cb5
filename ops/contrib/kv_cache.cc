// See ops/contrib/kv_cache.h.
#include "ops/contrib/kv_cache.h"

#include <algorithm>
#include <cmath>

namespace sardonyx {
namespace {

// The nearest code, the even one of two.
int nearest(float number, float scale, int least, int most) {
  const float code = std::nearbyint(number / scale);
  if (std::isnan(code)) return 0;
  return static_cast<int>(std::clamp(code, static_cast<float>(least), static_cast<float>(most)));
}

}  // namespace

void CacheCodes::encode(const float* numbers, const float* scales, uint8_t* codes) const {
  const auto scale = [&](int64_t i) { return scales[per_channel ? i : 0]; };
  if (bits == 8) {
    for (int64_t i = 0; i < size; ++i) {
      codes[i] = static_cast<uint8_t>(nearest(numbers[i], scale(i), -128, 127));
    }
    return;
  }
  for (int64_t i = 0; i < size; i += 2) {
    const int low = nearest(numbers[i], scale(i), -8, 7) + 8;
    const int high = nearest(numbers[i + 1], scale(i + 1), -8, 7) + 8;
    codes[i / 2] = static_cast<uint8_t>(low | high << 4);
  }
}

void CacheCodes::decode(const uint8_t* codes, const float* scales, float* numbers) const {
  for (int64_t i = 0; i < size; ++i) {
    const int code =
        bits == 8 ? static_cast<int8_t>(codes[i]) : ((codes[i / 2] >> (i % 2 * 4)) & 15) - 8;
    numbers[i] = static_cast<float>(code) * scales[per_channel ? i : 0];
  }
}

int64_t resident_rows(int64_t total, int64_t capacity, int64_t window) {
  if (total <= capacity) return total;
  const int64_t step = capacity - window + 1;
  return total - step * ((total - capacity + step - 1) / step);
}

}  // namespace sardonyx
