// The default allocator, and what is known of memory.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "capi/handles.h"

namespace sardonyx::capi {

// The one that GetAllocatorWithDefaultOptions gives: lives as long as the process.
OrtAllocator& default_allocator();

// Only memory of the CPU can be read and written here.
Result<void> check_cpu(const OrtMemoryInfo& info, const char* what);

// Memory of the client's allocator or ours that is freed with it.
Result<std::shared_ptr<void>> allocate_shared(OrtAllocator* allocator, size_t bytes);

// What sessions take memory by from the allocator that the environment has for the CPU; empty where
// it has none.
std::function<std::shared_ptr<void>(size_t bytes)> shared_source(Environment& environment);

}  // namespace sardonyx::capi
