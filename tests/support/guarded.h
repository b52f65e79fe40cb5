// Guarded: memory that ends, or begins, at a page that may not be touched, so that a kernel that
// reads or writes one element beyond its operands faults, in optimised builds too.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace sardonyx {

template <class T>
class Guarded {
 public:
  // at_end: the last element borders on the forbidden page, else the first.
  Guarded(const std::vector<T>& values, bool at_end) : count_(values.size()) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t bytes = count_ * sizeof(T);
    const size_t pages = (bytes + page - 1) / page * page;
    mapped_ = pages + 2 * page;
    base_ =
        static_cast<char*>(mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base_ + page, pages, PROT_READ | PROT_WRITE);
    char* begin = at_end ? base_ + page + pages - bytes : base_ + page;
    data_ = static_cast<T*>(static_cast<void*>(begin));
    if (count_ != 0) std::memcpy(data_, values.data(), bytes);
  }
  ~Guarded() { munmap(base_, mapped_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  T* data() const { return data_; }
  std::vector<T> values() const { return std::vector<T>(data_, data_ + count_); }

 private:
  size_t count_;
  size_t mapped_;
  char* base_;
  T* data_;
};

}  // namespace sardonyx
