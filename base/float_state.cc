#include "base/float_state.h"

namespace sardonyx {
namespace {

thread_local const FloatStateScope* innermost_flush = nullptr;

}  // namespace

FlushDenormals::FlushDenormals(bool flush)
    : scope_(float_state() | (flush ? kFlushBits : 0)), outer_(innermost_flush) {
  innermost_flush = &scope_;
}

FlushDenormals::~FlushDenormals() { innermost_flush = outer_; }

CallersFloatState::CallersFloatState()
    : FloatStateScope(innermost_flush == nullptr ? float_state() : innermost_flush->outer()) {}

}  // namespace sardonyx
