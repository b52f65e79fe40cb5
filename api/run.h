// Runs of a session on values that stay where they are, for doors to which every copy of one
// counts. Entry point: run_session; Session::run and run_into are made of it.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "sardonyx/sardonyx.h"

namespace sardonyx {

struct NamedRef {
  std::string_view name;
  const Value* value = nullptr;
};

// One output: what is written to, as Session::run_into's results are.
struct ResultRef {
  std::string_view name;
  Value* value = nullptr;
};

// Session::run_into; the results are as they were when it fails.
Result<void> run_session(const Session& session, std::span<const NamedRef> inputs,
                         std::span<const ResultRef> results, const RunOptions& options);

// Room for as many of something as most runs have, on the stack.
template <class T, size_t kMost = 4>
class Few {
 public:
  explicit Few(size_t count) : count_(count) {
    if (count > kMost) many_.resize(count);
  }
  std::span<T> all() { return {count_ > kMost ? many_.data() : few_, count_}; }

 private:
  size_t count_;
  T few_[kMost] = {};
  std::vector<T> many_;
};

}  // namespace sardonyx
