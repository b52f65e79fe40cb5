// Tiles of AMX: whole ones, 16 rows of 64 bytes. A thread configures them before it uses them and
// releases them afterwards, so that its switches stay as cheap as those of other threads.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include <cstdint>

#define SARDONYX_AMX __attribute__((target("avx512f,avx512bw,amx-tile,amx-bf16,amx-int8")))

namespace sardonyx {

SARDONYX_AMX inline void begin_tiles() {
  struct alignas(64) Config {
    uint8_t palette = 1;
    uint8_t start_row = 0;
    uint8_t reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  };
  static constexpr Config kConfig;
  static_assert(sizeof(Config) == 64);
  _tile_loadconfig(&kConfig);
}

SARDONYX_AMX inline void end_tiles() { _tile_release(); }

}  // namespace sardonyx
#endif
