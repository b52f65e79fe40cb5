// Lookups of bytes on every tier: all bytes, lengths around whole vectors, in place.
#include "cpu/byte_map.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace sardonyx {
namespace {

TEST(ByteMap, LooksUpEveryByte) {
  std::array<uint8_t, 256> table;
  for (size_t i = 0; i < table.size(); ++i) table[i] = static_cast<uint8_t>(i * 77 + 13);
  for (const Tier tier : available_tiers()) {
    for (const size_t count : {0, 1, 5, 63, 64, 65, 127, 256, 300}) {
      std::vector<uint8_t> bytes(count + 1, 9);
      for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(i * 3 + 250);
      std::vector<uint8_t> mapped(count + 1, 9);
      byte_map_kernels(tier).map(table.data(), bytes.data(), mapped.data(), count);
      for (size_t i = 0; i < count; ++i) ASSERT_EQ(mapped[i], table[bytes[i]]) << tier_name(tier);
      ASSERT_EQ(mapped[count], 9);
      byte_map_kernels(tier).map(table.data(), bytes.data(), bytes.data(), count);
      ASSERT_EQ(bytes, mapped);
    }
  }
}

}  // namespace
}  // namespace sardonyx
