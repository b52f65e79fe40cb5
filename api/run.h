// Runs of a session on values that stay where they are, for doors to which every copy of one
// counts. Entry point: run_session; Session::run and run_into are made of it.
#pragma once

#include <cstddef>
#include <memory>
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

// `count` of something, on the stack where most runs have no more.
template <class T, size_t kMost = 4>
class Few {
 public:
  explicit Few(size_t count) : count_(count) {
    if (count > kMost) {
      many_.resize(count);
    } else {
      std::uninitialized_value_construct_n(few(), count);
    }
  }
  ~Few() {
    if (count_ <= kMost) std::destroy_n(few(), count_);
  }
  Few(const Few&) = delete;
  Few& operator=(const Few&) = delete;

  std::span<T> all() { return {count_ > kMost ? many_.data() : few(), count_}; }

 private:
  T* few() { return reinterpret_cast<T*>(few_); }

  size_t count_;
  alignas(T) std::byte few_[kMost * sizeof(T)];
  std::vector<T> many_;
};

}  // namespace sardonyx
