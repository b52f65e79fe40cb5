// The floating-point state of a thread (MXCSR on x86-64, FPCR on AArch64): its control word says
// whether denormals are read and written as zeros, which costs nothing, or computed with, which
// takes a hundred cycles each. Runs flush them; the state of whoever called is back when they end.
// Entry points: FlushDenormals, KeepDenormals, CallersFloatState.
#pragma once

#include <cstdint>

namespace sardonyx {

using FloatState = uint64_t;

#if defined(__x86_64__)
inline constexpr FloatState kFlushBits = 0x8040;   // FTZ, DAZ
inline constexpr FloatState kStatusBits = 0x003F;  // exceptions that have happened
inline FloatState float_state() {
  uint32_t state = 0;
  __asm__ volatile("stmxcsr %0" : "=m"(state) : : "memory");
  return state;
}
inline void set_float_state(FloatState state) {
  const auto word = static_cast<uint32_t>(state);
  __asm__ volatile("ldmxcsr %0" : : "m"(word) : "memory");
}
#elif defined(__aarch64__)
inline constexpr FloatState kFlushBits = FloatState{1} << 24;  // FZ
inline constexpr FloatState kStatusBits = 0;
inline FloatState float_state() {
  FloatState state = 0;
  __asm__ volatile("mrs %0, fpcr" : "=r"(state) : : "memory");
  return state;
}
inline void set_float_state(FloatState state) {
  __asm__ volatile("msr fpcr, %0" : : "r"(state) : "memory");
}
#else
inline constexpr FloatState kFlushBits = 0, kStatusBits = 0;
inline FloatState float_state() { return 0; }
inline void set_float_state(FloatState) {}
#endif

// Takes over the state of another thread but for the record of its exceptions.
inline void follow_float_state(FloatState state) {
  if (((float_state() ^ state) & ~kStatusBits) != 0) set_float_state(state);
}

// A state for the lifetime of the object.
class FloatStateScope {
 public:
  explicit FloatStateScope(FloatState state) : outer_(float_state()) { set_float_state(state); }
  ~FloatStateScope() { set_float_state(outer_); }
  FloatStateScope(const FloatStateScope&) = delete;
  FloatStateScope& operator=(const FloatStateScope&) = delete;

  FloatState outer() const { return outer_; }

 private:
  FloatState outer_;
};

// Around everything that computes on behalf of a caller; scopes may be nested.
class FlushDenormals {
 public:
  explicit FlushDenormals(bool flush);
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  FloatStateScope scope_;
  const FloatStateScope* outer_;
};

// Around what must see denormals as the numbers that they are.
class KeepDenormals : FloatStateScope {
 public:
  KeepDenormals() : FloatStateScope(float_state() & ~kFlushBits) {}
};

// Around the program's own code that a run calls on the thread of the run: the state that the run
// was called with.
class CallersFloatState : FloatStateScope {
 public:
  CallersFloatState();
};

}  // namespace sardonyx
