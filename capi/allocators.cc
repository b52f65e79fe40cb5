// Allocators: the default one, those made for a session, those that the client registers, and the
// settings of arenas.
#include <cstdlib>

#include "capi/door.h"
#include "capi/memory.h"
#include "capi/tables.h"
#include "capi/texts.h"

namespace sardonyx::capi {
namespace {

constexpr size_t kAlignment = 64;

// Memory of the C library, counted.
struct CpuAllocator : OrtAllocator {
  OrtMemoryInfo memory;
  mutable std::atomic<int64_t> allocations = 0;
  mutable std::atomic<int64_t> frees = 0;

  explicit CpuAllocator(OrtMemoryInfo info) : OrtAllocator(), memory(std::move(info)) {
    version = ORT_API_VERSION;
    Alloc = &allocate;
    Free = &free_memory;
    Info = &get_info;
    Reserve = &allocate;
    GetStats = &get_stats;
    Shrink = &shrink;
  }

  static void* ORT_API_CALL allocate(OrtAllocator* self, size_t bytes) noexcept {
    if (bytes == 0) return nullptr;
    if (bytes > SIZE_MAX - kAlignment) return nullptr;
    void* memory =
        std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
    if (memory != nullptr) ++static_cast<CpuAllocator*>(self)->allocations;
    return memory;
  }
  static void ORT_API_CALL free_memory(OrtAllocator* self, void* memory) noexcept {
    if (memory == nullptr) return;
    ++static_cast<CpuAllocator*>(self)->frees;
    std::free(memory);
  }
  static const OrtMemoryInfo* ORT_API_CALL get_info(const OrtAllocator* self) noexcept {
    return &static_cast<const CpuAllocator*>(self)->memory;
  }
  static OrtStatus* ORT_API_CALL get_stats(const OrtAllocator* self,
                                           OrtKeyValuePairs** out) noexcept {
    return door<&write_stats>(self, out);
  }
  static Result<void> write_stats(const OrtAllocator* self, OrtKeyValuePairs** out) {
    REQUIRE(self, out);
    const auto* allocator = static_cast<const CpuAllocator*>(self);
    auto pairs = std::make_unique<OrtKeyValuePairs>();
    pairs->set("NumAllocs", std::to_string(allocator->allocations));
    pairs->set("NumFrees", std::to_string(allocator->frees));
    *out = pairs.release();
    return {};
  }
  // Nothing is kept beyond a Free.
  static OrtStatus* ORT_API_CALL shrink(OrtAllocator*) noexcept { return nullptr; }
};

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
  *out = new CpuAllocator(*info);
  return {};
}

void ORT_API_CALL ReleaseAllocator(OrtAllocator* allocator) noexcept {
  if (allocator == nullptr || allocator == &default_allocator()) return;
  // Only this library's are released by it.
  if (allocator->Alloc == &CpuAllocator::allocate) delete static_cast<CpuAllocator*>(allocator);
}

OrtAllocator* find_registered(Environment& environment, const OrtMemoryInfo& info) {
  for (OrtAllocator* allocator : environment.allocators) {
    if (*allocator->Info(allocator) == info) return allocator;
  }
  return nullptr;
}

Result<void> RegisterAllocator(OrtEnv* env, OrtAllocator* allocator) {
  REQUIRE(env, allocator);
  const OrtMemoryInfo* info = allocator->Info(allocator);
  REQUIRE(info);
  TRY(check_cpu(*info, "RegisterAllocator"));
  const std::lock_guard lock(env->environment->mutex);
  if (find_registered(*env->environment, *info) != nullptr) {
    return fail(Code::kInvalidArgument,
                "An OrtAllocator with a matching OrtMemoryInfo is already registered");
  }
  env->environment->allocators.push_back(allocator);
  return {};
}

Result<void> UnregisterAllocator(OrtEnv* env, const OrtMemoryInfo* info) {
  REQUIRE(env, info);
  const std::lock_guard lock(env->environment->mutex);
  auto& allocators = env->environment->allocators;
  OrtAllocator* found = find_registered(*env->environment, *info);
  if (found == nullptr) {
    return fail(Code::kInvalidArgument,
                "No allocator for this device has been registered for sharing.");
  }
  allocators.erase(std::find(allocators.begin(), allocators.end(), found));
  ReleaseAllocator(found);
  return {};
}

Result<void> register_own(OrtEnv* env, const OrtMemoryInfo& info) {
  auto allocator = std::make_unique<CpuAllocator>(info);
  TRY(RegisterAllocator(env, allocator.get()));
  (void)allocator.release();  // the environment has it now
  return {};
}

// Memory that is freed is given back at once, so the settings of an arena have nothing to set.
Result<void> CreateAndRegisterAllocator(OrtEnv* env, const OrtMemoryInfo* info,
                                        const OrtArenaCfg* /*settings*/) {
  REQUIRE(env, info);
  return register_own(env, *info);
}

Result<void> CreateAndRegisterAllocatorV2(OrtEnv* env, const char* provider,
                                          const OrtMemoryInfo* info,
                                          const OrtArenaCfg* /*settings*/, const char* const*,
                                          const char* const*, size_t) {
  REQUIRE(env, provider, info);
  if (std::string_view(provider) != "CPUExecutionProvider") {
    return fail(Code::kInvalidArgument, "{} is not implemented in CreateAndRegisterAllocatorV2()",
                provider);
  }
  return register_own(env, *info);
}

Result<void> GetSharedAllocator(OrtEnv* env, const OrtMemoryInfo* info, OrtAllocator** out) {
  REQUIRE(env, info, out);
  const std::lock_guard lock(env->environment->mutex);
  *out = find_registered(*env->environment, *info);
  if (*out == nullptr && check_cpu(*info, "GetSharedAllocator")) *out = &default_allocator();
  return {};
}

Result<void> CreateSharedAllocator(OrtEnv* env, const OrtEpDevice* device, OrtDeviceMemoryType,
                                   OrtAllocatorType, const OrtKeyValuePairs*, OrtAllocator** out) {
  REQUIRE(env, device, out);
  *out = &default_allocator();
  return {};
}

Result<void> ReleaseSharedAllocator(OrtEnv* env, const OrtEpDevice* device, OrtDeviceMemoryType) {
  REQUIRE(env, device);
  return {};
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
  static CpuAllocator& allocator = *new CpuAllocator(OrtMemoryInfo());
  return allocator;
}

Result<std::shared_ptr<void>> allocate_shared(OrtAllocator* allocator, size_t bytes) {
  void* memory = allocator->Alloc(allocator, std::max<size_t>(bytes, 1));
  if (memory == nullptr) return fail(Code::kFail, "the allocator cannot give {} bytes", bytes);
  return std::shared_ptr<void>(memory,
                               [allocator](void* freed) { allocator->Free(allocator, freed); });
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
