// See base/memory.h.
#include "base/memory.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#if !defined(_WIN32)
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace sardonyx {
namespace {

// Together with what counts its owners, and from malloc's cache: aligned_alloc has none.
constexpr size_t kTinyBytes = 256;

std::shared_ptr<void> allocate_tiny(Contents contents) {
  struct Tiny {
    std::array<std::byte, kTinyBytes + kMemoryAlignment> bytes;
  };
  std::shared_ptr<Tiny> block;
  try {
    block = std::make_shared_for_overwrite<Tiny>();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  std::byte* start = block->bytes.data();
  const size_t past = reinterpret_cast<uintptr_t>(start) % kMemoryAlignment;
  std::byte* data = start + (past == 0 ? 0 : kMemoryAlignment - past);
  if (contents == Contents::kZeros) std::memset(data, 0, kTinyBytes);
  return {std::move(block), data};
}

std::shared_ptr<void> allocate_small(size_t bytes, Contents contents) {
  if (bytes > SIZE_MAX - kMemoryAlignment) return nullptr;
  const size_t rounded = (bytes / kMemoryAlignment + 1) * kMemoryAlignment;
  void* data = std::aligned_alloc(kMemoryAlignment, rounded);
  if (data == nullptr) return nullptr;
  if (contents == Contents::kZeros) std::memset(data, 0, rounded);
  return {data, [](void* owned) { std::free(owned); }};
}

#if defined(__linux__)

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kLarge = 2 * kHugePage;

// Fresh pages, which are zero, beginning where a huge page can.
std::shared_ptr<void> allocate_large(size_t bytes) {
  if (bytes > SIZE_MAX - kHugePage) return nullptr;
  const size_t mapped = bytes + kHugePage;
  void* start = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return nullptr;
  const auto address = reinterpret_cast<uintptr_t>(start);
  const uintptr_t aligned = (address + kHugePage - 1) / kHugePage * kHugePage;
  void* data = static_cast<std::byte*>(start) + (aligned - address);
  madvise(data, bytes, MADV_HUGEPAGE);  // advice: its failure changes nothing
  return {data, [start, mapped](void*) { munmap(start, mapped); }};
}

#endif

}  // namespace

std::shared_ptr<void> allocate_memory(size_t bytes, Contents contents) {
  if (bytes <= kTinyBytes) return allocate_tiny(contents);
#if defined(__linux__)
  if (bytes >= kLarge) return allocate_large(bytes);
#endif
  return allocate_small(bytes, contents);
}

#if defined(_WIN32)
void let_pages_go(void*, size_t) {}
#else
void let_pages_go(void* data, size_t bytes) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t before = (page - reinterpret_cast<uintptr_t>(data) % page) % page;
  if (bytes < before + page) return;
  ::madvise(static_cast<std::byte*>(data) + before, (bytes - before) / page * page, MADV_DONTNEED);
}
#endif

}  // namespace sardonyx
