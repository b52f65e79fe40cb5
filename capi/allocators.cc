// Allocators: the default one, those made for a session, those that the client registers, and the
// settings of arenas.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "capi/door.h"
#include "capi/memory.h"
#include "capi/tables.h"
#include "capi/texts.h"

namespace sardonyx::capi {
namespace {

constexpr size_t kAlignment = 64;

// Memory of the C library. Each block begins with its size, so that what is in use is known.
struct CpuAllocator : OrtAllocator {
  OrtMemoryInfo memory;
  const size_t limit;  // most bytes in use; 0: none
  const bool counts;   // the default allocator tells of nothing
  std::mutex mutex;
  size_t in_use = 0;
  size_t most_in_use = 0;
  size_t largest = 0;
  size_t allocations = 0;
  size_t reserves = 0;

  CpuAllocator(OrtMemoryInfo info, size_t most, bool is_counted)
      : OrtAllocator(), memory(std::move(info)), limit(most), counts(is_counted) {
    version = ORT_API_VERSION;
    Alloc = [](OrtAllocator* self, size_t bytes) {
      return static_cast<CpuAllocator*>(self)->allocate(bytes, false);
    };
    Free = [](OrtAllocator* self, void* freed) { static_cast<CpuAllocator*>(self)->give(freed); };
    Info = [](const OrtAllocator* self) -> const OrtMemoryInfo* {
      return &static_cast<const CpuAllocator*>(self)->memory;
    };
    Reserve = [](OrtAllocator* self, size_t bytes) {
      return static_cast<CpuAllocator*>(self)->allocate(bytes, true);
    };
    GetStats = [](const OrtAllocator* self, OrtKeyValuePairs** out) noexcept {
      return door<&write_stats>(self, out);
    };
    Shrink = [](OrtAllocator*) -> OrtStatus* { return nullptr; };  // nothing outlives a Free
  }

  bool take(size_t bytes, bool is_reserve) {
    const std::lock_guard lock(mutex);
    if (limit != 0 && (bytes > limit || in_use > limit - bytes)) return false;
    in_use += bytes;
    most_in_use = std::max(most_in_use, in_use);
    largest = std::max(largest, bytes);
    ++(is_reserve ? reserves : allocations);
    return true;
  }

  void* allocate(size_t bytes, bool is_reserve) {
    if (bytes == 0 || bytes > SIZE_MAX - 2 * kAlignment || !take(bytes, is_reserve)) return nullptr;
    const size_t rounded = (bytes + 2 * kAlignment - 1) / kAlignment * kAlignment;
    auto* block = static_cast<char*>(std::aligned_alloc(kAlignment, rounded));
    if (block == nullptr) {
      const std::lock_guard lock(mutex);
      in_use -= bytes;
      return nullptr;
    }
    std::memcpy(block, &bytes, sizeof(bytes));
    return block + kAlignment;
  }

  void give(void* freed) {
    if (freed == nullptr) return;
    char* block = static_cast<char*>(freed) - kAlignment;
    size_t bytes = 0;
    std::memcpy(&bytes, block, sizeof(bytes));
    std::free(block);
    const std::lock_guard lock(mutex);
    in_use -= bytes;
  }

  static Result<void> write_stats(const OrtAllocator* self, OrtKeyValuePairs** out) {
    REQUIRE(self, out);
    auto& allocator = const_cast<CpuAllocator&>(*static_cast<const CpuAllocator*>(self));
    auto pairs = std::make_unique<OrtKeyValuePairs>();
    if (allocator.counts) {
      const std::lock_guard lock(allocator.mutex);
      auto& entries = pairs->entries;
      entries["Limit"] = allocator.limit == 0 ? "-1" : std::to_string(allocator.limit);
      entries["InUse"] = std::to_string(allocator.in_use);
      entries["RequestedInUse"] = entries["TotalAllocated"] = entries["InUse"];
      entries["MaxInUse"] = std::to_string(allocator.most_in_use);
      entries["MaxAllocSize"] = std::to_string(allocator.largest);
      entries["NumAllocs"] = std::to_string(allocator.allocations);
      entries["NumReserves"] = std::to_string(allocator.reserves);
      entries["NumArenaExtensions"] = entries["NumArenaShrinkages"] = "0";
      pairs->refresh();
    }
    *out = pairs.release();
    return {};
  }
};

// The allocator where it is one of these, else null.
CpuAllocator* own(OrtAllocator* allocator) {
  const bool is_own = allocator != nullptr && allocator->Alloc == default_allocator().Alloc;
  return is_own ? static_cast<CpuAllocator*>(allocator) : nullptr;
}

Result<void> GetAllocatorWithDefaultOptions(OrtAllocator** out) {
  REQUIRE(out);
  *out = &default_allocator();
  return {};
}

Result<void> AllocatorAlloc(OrtAllocator* allocator, size_t size, void** out) {
  REQUIRE(allocator, out);
  *out = allocator->Alloc(allocator, size);
  if (*out == nullptr && size != 0) {
    return fail(Code::kFail, "the allocator cannot give {} bytes", size);
  }
  return {};
}

Result<void> AllocatorFree(OrtAllocator* allocator, void* memory) {
  REQUIRE(allocator);
  if (memory != nullptr) allocator->Free(allocator, memory);
  return {};
}

Result<void> AllocatorGetInfo(const OrtAllocator* allocator, const OrtMemoryInfo** out) {
  REQUIRE(allocator, out);
  *out = allocator->Info(allocator);
  return {};
}

Result<void> AllocatorGetStats(const OrtAllocator* allocator, OrtKeyValuePairs** out) {
  REQUIRE(allocator, out);
  constexpr uint32_t kSince = 23;
  if (allocator->version >= kSince && allocator->GetStats != nullptr) {
    return take_status(allocator->GetStats(allocator, out));
  }
  *out = new OrtKeyValuePairs;
  return {};
}

Result<void> CreateAllocator(const OrtSession* session, const OrtMemoryInfo* info,
                             OrtAllocator** out) {
  REQUIRE(session, info, out);
  TRY(check_cpu(*info, "CreateAllocator"));
  *out = new CpuAllocator(*info, 0, true);
  return {};
}

// Only this library's are released by it.
void ORT_API_CALL ReleaseAllocator(OrtAllocator* allocator) noexcept {
  if (allocator == &default_allocator()) return;
  delete own(allocator);
}

using Registered = Environment::Registered;

auto find_registered(Environment& environment, const OrtMemoryInfo& info) {
  const auto is_for = [&](const Registered& each) {
    const OrtMemoryInfo& other = *each.allocator->Info(each.allocator);
    return other.device == info.device && other.id == info.id && other.mem_type == info.mem_type &&
           other.device_mem_type == info.device_mem_type;
  };
  auto& all = environment.allocators;
  return std::find_if(all.begin(), all.end(), is_for);
}

// One for each kind of memory: the latest counts.
Result<void> add_registered(Environment& environment, Registered registered) {
  const OrtMemoryInfo* info = registered.allocator->Info(registered.allocator);
  REQUIRE(info);
  TRY(check_cpu(*info, "allocators of an environment"));
  const std::lock_guard lock(environment.mutex);
  const auto found = find_registered(environment, *info);
  if (found != environment.allocators.end()) environment.allocators.erase(found);
  environment.allocators.push_back(std::move(registered));
  return {};
}

Result<void> RegisterAllocator(OrtEnv* env, OrtAllocator* allocator) {
  REQUIRE(env, allocator);
  const OrtMemoryInfo* info = allocator->Info(allocator);
  REQUIRE(info);
  if (info->allocator == OrtArenaAllocator) {
    return fail(Code::kInvalidArgument,
                "Please register the allocator as OrtDeviceAllocator even if the provided "
                "allocator has arena logic built-in. OrtArenaAllocator is reserved for internal "
                "arena logic based allocators only.");
  }
  return add_registered(*env->environment, {allocator, nullptr});
}

Result<void> UnregisterAllocator(OrtEnv* env, const OrtMemoryInfo* info) {
  REQUIRE(env, info);
  const std::lock_guard lock(env->environment->mutex);
  const auto found = find_registered(*env->environment, *info);
  if (found == env->environment->allocators.end()) {
    return fail(Code::kInvalidArgument,
                "No allocator for this device has been registered for sharing.");
  }
  env->environment->allocators.erase(found);
  return {};
}

// Memory that is freed is given back at once: of an arena's settings, its limit is left.
Result<void> register_own(OrtEnv* env, const OrtMemoryInfo& info, const OrtArenaCfg* settings) {
  size_t limit = 0;
  if (settings != nullptr) {
    const auto entry = settings->settings.find("max_mem");
    if (entry != settings->settings.end()) limit = entry->second;
  }
  auto owned = std::make_shared<CpuAllocator>(info, limit, true);
  OrtAllocator* allocator = owned.get();
  return add_registered(*env->environment, {allocator, std::move(owned)});
}

Result<void> CreateAndRegisterAllocator(OrtEnv* env, const OrtMemoryInfo* info,
                                        const OrtArenaCfg* settings) {
  REQUIRE(env, info);
  return register_own(env, *info, settings);
}

Result<void> CreateAndRegisterAllocatorV2(OrtEnv* env, const char* provider,
                                          const OrtMemoryInfo* info, const OrtArenaCfg* settings,
                                          const char* const*, const char* const*, size_t) {
  REQUIRE(env, provider, info);
  if (std::string_view(provider) != "CPUExecutionProvider") {
    return fail(Code::kInvalidArgument, "{} is not implemented in CreateAndRegisterAllocatorV2()",
                provider);
  }
  return register_own(env, *info, settings);
}

Result<void> GetSharedAllocator(OrtEnv* env, const OrtMemoryInfo* info, OrtAllocator** out) {
  REQUIRE(env, info, out);
  const std::lock_guard lock(env->environment->mutex);
  const auto found = find_registered(*env->environment, *info);
  *out = found != env->environment->allocators.end() ? found->allocator : nullptr;
  if (*out == nullptr && check_cpu(*info, "GetSharedAllocator")) *out = &default_allocator();
  return {};
}

Result<void> check_memory_type(OrtDeviceMemoryType type) {
  if (type == OrtDeviceMemoryType_DEFAULT) return {};
  return fail(Code::kInvalidArgument, "Invalid memory type for OrtEpDevice.");
}

Result<void> CreateSharedAllocator(OrtEnv* env, const OrtEpDevice* device, OrtDeviceMemoryType type,
                                   OrtAllocatorType, const OrtKeyValuePairs*, OrtAllocator** out) {
  REQUIRE(env, device, out);
  TRY(check_memory_type(type));
  *out = &default_allocator();
  return {};
}

Result<void> ReleaseSharedAllocator(OrtEnv* env, const OrtEpDevice* device,
                                    OrtDeviceMemoryType type) {
  REQUIRE(env, device);
  return check_memory_type(type);
}

Result<void> CreateArenaCfg(size_t max_mem, int strategy, int initial_chunk, int max_dead,
                            OrtArenaCfg** out) {
  REQUIRE(out);
  auto settings = std::make_unique<OrtArenaCfg>();
  settings->settings = {{"max_mem", max_mem},
                        {"arena_extend_strategy", static_cast<size_t>(strategy)},
                        {"initial_chunk_size_bytes", static_cast<size_t>(initial_chunk)},
                        {"max_dead_bytes_per_chunk", static_cast<size_t>(max_dead)}};
  *out = settings.release();
  return {};
}

Result<void> CreateArenaCfgV2(const char* const* keys, const size_t* values, size_t count,
                              OrtArenaCfg** out) {
  REQUIRE(out);
  if (count != 0) REQUIRE(keys, values);
  static constexpr std::array<std::string_view, 6> kKeys = {"max_mem",
                                                            "arena_extend_strategy",
                                                            "initial_chunk_size_bytes",
                                                            "max_dead_bytes_per_chunk",
                                                            "initial_growth_chunk_size_bytes",
                                                            "max_power_of_two_extend_bytes"};
  auto settings = std::make_unique<OrtArenaCfg>();
  for (size_t i = 0; i < count; ++i) {
    REQUIRE(keys[i]);
    if (std::find(kKeys.begin(), kKeys.end(), keys[i]) == kKeys.end()) {
      return fail(Code::kInvalidArgument, "Invalid key found: {}", keys[i]);
    }
    settings->settings[keys[i]] = values[i];
  }
  *out = settings.release();
  return {};
}

}  // namespace

OrtAllocator& default_allocator() {
  static CpuAllocator& allocator = *new CpuAllocator(OrtMemoryInfo(), 0, false);
  return allocator;
}

Result<std::shared_ptr<void>> allocate_shared(OrtAllocator* allocator, size_t bytes) {
  void* memory = allocator->Alloc(allocator, std::max<size_t>(bytes, 1));
  if (memory == nullptr) {
    return fail(Code::kRuntimeException, "the allocator cannot give {} bytes", bytes);
  }
  return std::shared_ptr<void>(memory,
                               [allocator](void* freed) { allocator->Free(allocator, freed); });
}

std::function<std::shared_ptr<void>(size_t bytes)> shared_source(Environment& environment) {
  const std::lock_guard lock(environment.mutex);
  const auto found = find_registered(environment, OrtMemoryInfo());
  if (found == environment.allocators.end()) return {};
  return [registered = *found](size_t bytes) -> std::shared_ptr<void> {
    // The client's may align less.
    OrtAllocator* allocator = registered.allocator;
    if (bytes > SIZE_MAX - kAlignment) return nullptr;
    void* block = allocator->Alloc(allocator, bytes + kAlignment);
    if (block == nullptr) return nullptr;
    const auto address = reinterpret_cast<uintptr_t>(block);
    auto* aligned = static_cast<char*>(block) + (kAlignment - address % kAlignment) % kAlignment;
    return {aligned, [registered, block](void*) {
              registered.allocator->Free(registered.allocator, block);
            }};
  };
}

Result<char*> copy_text(OrtAllocator* allocator, const std::string& text) {
  void* memory = allocator->Alloc(allocator, text.size() + 1);
  if (memory == nullptr) {
    return fail(Code::kFail, "the allocator cannot give {} bytes", text.size() + 1);
  }
  std::copy_n(text.c_str(), text.size() + 1, static_cast<char*>(memory));
  return static_cast<char*>(memory);
}

void add_allocators(OrtApi& api) {
  DOOR(GetAllocatorWithDefaultOptions);
  DOOR(AllocatorAlloc);
  DOOR(AllocatorFree);
  DOOR(AllocatorGetInfo);
  DOOR(AllocatorGetStats);
  DOOR(CreateAllocator);
  PLAIN(ReleaseAllocator);
  DOOR(RegisterAllocator);
  DOOR(UnregisterAllocator);
  DOOR(CreateAndRegisterAllocator);
  DOOR(CreateAndRegisterAllocatorV2);
  DOOR(GetSharedAllocator);
  DOOR(CreateSharedAllocator);
  DOOR(ReleaseSharedAllocator);
  DOOR(CreateArenaCfg);
  DOOR(CreateArenaCfgV2);
  api.ReleaseArenaCfg = &release<OrtArenaCfg>;
}

}  // namespace sardonyx::capi
