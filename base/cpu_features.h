// CpuFeatures: what the processor offers and the operating system lets us use (register state
// enabled in XCR0), its name and its caches. Entry point: cpu_features().
#pragma once

#include <cstddef>
#include <string>

namespace sardonyx {

struct CpuFeatures {
  bool sse4 = false;         // SSE4.2 and below
  bool avx2 = false;         // AVX2, FMA, BMI2, F16C
  bool avx512 = false;       // AVX-512 F, BW, CD, DQ, VL
  bool avx_vnni = false;     // 8-bit dot products, 256 bits
  bool avx512_vnni = false;  // 8-bit dot products, 512 bits
  bool avx512_bf16 = false;  // bf16 dot products, 512 bits
  bool avx512_vbmi = false;  // lookups of bytes, 512 bits
  bool amx_bf16 = false;     // tiles of bf16 products
  bool amx_int8 = false;     // tiles of 8-bit products
  bool neon = false;         // AArch64
  bool neon_dotprod = false;

  // Bytes per core (l1d, l2) and per cache (l3); typical values where they cannot be read.
  size_t l1d_bytes = 32 << 10;
  size_t l2_bytes = 512 << 10;
  size_t l3_bytes = 4 << 20;

  std::string brand;  // as the processor or the system names it; may be empty
};

// Detected on the first call.
const CpuFeatures& cpu_features();

// Whether this process may use the tiles that the processor has: the operating system is asked on
// the first call, because each thread that uses them has 8 KB more of state.
bool may_use_tiles();

}  // namespace sardonyx
