// The default allocator, and what is known of memory.
#pragma once

#include "base/result.h"
#include "capi/handles.h"

namespace sardonyx::capi {

// The one that GetAllocatorWithDefaultOptions gives: lives as long as the process.
OrtAllocator& default_allocator();

// Only memory of the CPU can be read and written here.
Result<void> check_cpu(const OrtMemoryInfo& info, const char* what);

// Memory of the client's allocator or ours that is freed with it.
Result<std::shared_ptr<void>> allocate_shared(OrtAllocator* allocator, size_t bytes);

}  // namespace sardonyx::capi
