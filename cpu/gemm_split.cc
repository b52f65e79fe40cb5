#include "cpu/gemm_split.h"

#include <memory>

#include "base/memory.h"

namespace sardonyx {

uint16_t* split_space(size_t elements) {
  thread_local std::shared_ptr<void> space;
  thread_local size_t size = 0;
  if (size < elements) {
    size = 0;
    space = allocate_memory(elements * sizeof(uint16_t), Contents::kUndefined);
    if (space != nullptr) size = elements;
  }
  return static_cast<uint16_t*>(space.get());
}

}  // namespace sardonyx
