#include "base/cpu_features.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#define SARDONYX_X86 1
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace sardonyx {
namespace {

#ifdef SARDONYX_X86

struct CpuidRegs {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

CpuidRegs cpuid(uint32_t leaf, uint32_t subleaf = 0) {
  CpuidRegs regs;
  __get_cpuid_count(leaf, subleaf, &regs.eax, &regs.ebx, &regs.ecx, &regs.edx);
  return regs;
}

bool bit(uint32_t word, int index) { return (word >> index) & 1; }

// The register states that the operating system saves: bit 1 SSE, 2 AVX, 5-7 AVX-512, 17-18 tiles.
uint64_t enabled_states() {
  if (!bit(cpuid(1).ecx, 27)) return 0;  // OSXSAVE
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t{high} << 32) | low;
}

void detect_instructions(CpuFeatures& cpu) {
  const CpuidRegs one = cpuid(1);
  const CpuidRegs seven = cpuid(7);
  const CpuidRegs seven_one = seven.eax >= 1 ? cpuid(7, 1) : CpuidRegs{};
  const uint64_t states = enabled_states();
  const bool avx_state = (states & 0x6) == 0x6;
  const bool avx512_state = avx_state && (states & 0xE0) == 0xE0;

  cpu.sse4 = bit(one.ecx, 0) && bit(one.ecx, 9) && bit(one.ecx, 19) && bit(one.ecx, 20) &&
             bit(one.ecx, 23);
  cpu.avx2 = cpu.sse4 && avx_state && bit(one.ecx, 28) && bit(one.ecx, 12) && bit(one.ecx, 29) &&
             bit(seven.ebx, 5) && bit(seven.ebx, 3) && bit(seven.ebx, 8);
  cpu.avx512 = cpu.avx2 && avx512_state && bit(seven.ebx, 16) && bit(seven.ebx, 17) &&
               bit(seven.ebx, 28) && bit(seven.ebx, 30) && bit(seven.ebx, 31);
  cpu.avx_vnni = cpu.avx2 && bit(seven_one.eax, 4);
  cpu.avx512_vnni = cpu.avx512 && bit(seven.ecx, 11);
  cpu.avx512_bf16 = cpu.avx512 && bit(seven_one.eax, 5);
  cpu.avx512_vbmi = cpu.avx512 && bit(seven.ecx, 1);
  const bool tiles = cpu.avx512 && (states & 0x60000) == 0x60000 && bit(seven.edx, 24);
  cpu.amx_bf16 = tiles && bit(seven.edx, 22);
  cpu.amx_int8 = tiles && bit(seven.edx, 25);
}

// Deterministic cache parameters: leaf 4 (Intel) and 0x8000001D (AMD) have one format.
void detect_caches(CpuFeatures& cpu) {
  const bool amd = bit(cpuid(0x80000001).ecx, 22);
  const uint32_t leaf = amd ? 0x8000001D : 4;
  for (uint32_t index = 0; index < 8; ++index) {
    const CpuidRegs regs = cpuid(leaf, index);
    const uint32_t type = regs.eax & 31;  // 1 data, 2 instructions, 3 unified
    if (type == 0) break;
    if (type == 2) continue;
    const size_t ways = (regs.ebx >> 22) + 1;
    const size_t partitions = ((regs.ebx >> 12) & 0x3FF) + 1;
    const size_t line = (regs.ebx & 0xFFF) + 1;
    const size_t bytes = ways * partitions * line * (size_t{regs.ecx} + 1);
    const uint32_t level = (regs.eax >> 5) & 7;
    if (level == 1) cpu.l1d_bytes = bytes;
    if (level == 2) cpu.l2_bytes = bytes;
    if (level == 3) cpu.l3_bytes = bytes;
  }
}

void detect_brand(CpuFeatures& cpu) {
  if (cpuid(0x80000000).eax < 0x80000004) return;
  std::array<char, 49> text{};
  for (uint32_t part = 0; part < 3; ++part) {
    const CpuidRegs regs = cpuid(0x80000002 + part);
    std::memcpy(text.data() + 16 * part, &regs, 16);
  }
  cpu.brand = text.data();
  const auto first = cpu.brand.find_first_not_of(' ');
  const auto last = cpu.brand.find_last_not_of(' ');
  cpu.brand = first == std::string::npos ? "" : cpu.brand.substr(first, last - first + 1);
}

#else

void detect_instructions(CpuFeatures& cpu) {
#if defined(__aarch64__)
  cpu.neon = true;
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.find("asimddp") != std::string::npos) cpu.neon_dotprod = true;
  }
#else
  (void)cpu;
#endif
}

size_t read_cache(int index) {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/size");
  size_t size = 0;
  char unit = 0;
  file >> size >> unit;
  return unit == 'K' ? size << 10 : unit == 'M' ? size << 20 : size;
}

void detect_caches(CpuFeatures& cpu) {
  if (const size_t bytes = read_cache(0)) cpu.l1d_bytes = bytes;
  if (const size_t bytes = read_cache(2)) cpu.l2_bytes = bytes;
  if (const size_t bytes = read_cache(3)) cpu.l3_bytes = bytes;
}

void detect_brand(CpuFeatures&) {}

#endif

CpuFeatures detect() {
  CpuFeatures cpu;
  detect_instructions(cpu);
  detect_caches(cpu);
  detect_brand(cpu);
  return cpu;
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

bool may_use_tiles() {
#if defined(__x86_64__) && defined(__linux__)
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  static const bool granted = (cpu_features().amx_bf16 || cpu_features().amx_int8) &&
                              syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return granted;
#else
  return false;
#endif
}

}  // namespace sardonyx
