// Memory for tensors: aligned for vectors, and, where it is large, in huge pages as far as the
// system has them, because touching a gigabyte in pages of 4 KB takes longer than reading it.
#pragma once

#include <cstddef>
#include <memory>

namespace sardonyx {

inline constexpr size_t kMemoryAlignment = 64;

enum class Contents { kUndefined, kZeros };

// At least `bytes` bytes, which live as long as the owner; null when they cannot be had.
std::shared_ptr<void> allocate_memory(size_t bytes, Contents contents);

// Gives the whole pages among these bytes back to the system. What is read there later is the file
// of a mapping, and undefined in other memory.
void let_pages_go(void* data, size_t bytes);

}  // namespace sardonyx
