// DenormalScope: numbers too small to be normal count as zero on this thread while it lives.
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace sardonyx {

class DenormalScope {
 public:
  explicit DenormalScope(bool flush) : flushes_(flush) {
    if (!flush) return;
    before_ = read();
    write(before_ | kFlush);
  }
  ~DenormalScope() {
    if (flushes_) write(before_);
  }
  DenormalScope(const DenormalScope&) = delete;
  DenormalScope& operator=(const DenormalScope&) = delete;

 private:
#if defined(__SSE2__)
  static constexpr uint64_t kFlush = 0x8040;  // results to zero, operands as zero
  static uint64_t read() { return _mm_getcsr(); }
  static void write(uint64_t bits) { _mm_setcsr(static_cast<unsigned>(bits)); }
#elif defined(__aarch64__)
  static constexpr uint64_t kFlush = uint64_t{1} << 24;  // FPCR.FZ
  static uint64_t read() {
    uint64_t bits;
    __asm__ volatile("mrs %0, fpcr" : "=r"(bits));
    return bits;
  }
  static void write(uint64_t bits) { __asm__ volatile("msr fpcr, %0" : : "r"(bits)); }
#else
  static constexpr uint64_t kFlush = 0;
  static uint64_t read() { return 0; }
  static void write(uint64_t) {}
#endif

  bool flushes_;
  uint64_t before_ = 0;
};

}  // namespace sardonyx
