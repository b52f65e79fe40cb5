// OrtMemoryInfo: where memory is. Anything can be named; only the CPU's can be used.
#include "capi/memory.h"

#include <array>

#include "capi/door.h"
#include "capi/tables.h"

namespace sardonyx::capi {
namespace {

struct KnownMemory {
  const char* name;
  OrtMemoryInfoDeviceType device;
  uint32_t vendor;
  OrtDeviceMemoryType type;
};

constexpr uint32_t kNvidia = 0x10de;
constexpr uint32_t kAmd = 0x1002;
constexpr uint32_t kIntel = 0x8086;
constexpr uint32_t kMicrosoft = 0x1414;
constexpr uint32_t kQualcomm = 0x5143;

// The names that CreateMemoryInfo takes.
constexpr std::array<KnownMemory, 14> kKnownMemories = {{
    {"Cpu", OrtMemoryInfoDeviceType_CPU, 0, OrtDeviceMemoryType_DEFAULT},
    {"CpuAligned4K", OrtMemoryInfoDeviceType_CPU, 0, OrtDeviceMemoryType_DEFAULT},
    {"Cuda", OrtMemoryInfoDeviceType_GPU, kNvidia, OrtDeviceMemoryType_DEFAULT},
    {"CudaPinned", OrtMemoryInfoDeviceType_GPU, kNvidia, OrtDeviceMemoryType_HOST_ACCESSIBLE},
    {"Hip", OrtMemoryInfoDeviceType_GPU, kAmd, OrtDeviceMemoryType_DEFAULT},
    {"HipPinned", OrtMemoryInfoDeviceType_GPU, kAmd, OrtDeviceMemoryType_HOST_ACCESSIBLE},
    {"OpenVINO_GPU", OrtMemoryInfoDeviceType_GPU, kIntel, OrtDeviceMemoryType_DEFAULT},
    {"OpenVINO_RT_NPU", OrtMemoryInfoDeviceType_NPU, kIntel, OrtDeviceMemoryType_DEFAULT},
    {"DML", OrtMemoryInfoDeviceType_GPU, kMicrosoft, OrtDeviceMemoryType_DEFAULT},
    {"WebGPU_Buf", OrtMemoryInfoDeviceType_GPU, 0, OrtDeviceMemoryType_DEFAULT},
    {"WebGPU_Buffer", OrtMemoryInfoDeviceType_GPU, 0, OrtDeviceMemoryType_DEFAULT},
    {"WebNN_Ten", OrtMemoryInfoDeviceType_GPU, 0, OrtDeviceMemoryType_DEFAULT},
    {"WebNN_Tensor", OrtMemoryInfoDeviceType_GPU, 0, OrtDeviceMemoryType_DEFAULT},
    {"QnnHtpShared", OrtMemoryInfoDeviceType_CPU, kQualcomm, OrtDeviceMemoryType_HOST_ACCESSIBLE},
}};

Result<void> CreateMemoryInfo(const char* name, OrtAllocatorType allocator, int id,
                              OrtMemType mem_type, OrtMemoryInfo** out) {
  REQUIRE(name, out);
  for (const KnownMemory& known : kKnownMemories) {
    if (std::string_view(known.name) != name) continue;
    const bool is_cpu = known.device == OrtMemoryInfoDeviceType_CPU;
    *out = new OrtMemoryInfo{name,
                             allocator,
                             is_cpu && known.vendor == 0 ? 0 : id,
                             mem_type,
                             known.device,
                             known.vendor,
                             known.type,
                             0};
    return {};
  }
  return fail(Code::kInvalidArgument,
              "Specified device is not supported. Try CreateMemoryInfo_V2.");
}

Result<void> CreateCpuMemoryInfo(OrtAllocatorType allocator, OrtMemType mem_type,
                                 OrtMemoryInfo** out) {
  REQUIRE(out);
  auto info = std::make_unique<OrtMemoryInfo>();
  info->allocator = allocator;
  info->mem_type = mem_type;
  *out = info.release();
  return {};
}

Result<void> CreateMemoryInfo_V2(const char* name, OrtMemoryInfoDeviceType device, uint32_t vendor,
                                 int32_t id, OrtDeviceMemoryType type, size_t alignment,
                                 OrtAllocatorType allocator, OrtMemoryInfo** out) {
  REQUIRE(name, out);
  *out = new OrtMemoryInfo{name, allocator, id, OrtMemTypeDefault, device, vendor, type, alignment};
  return {};
}

Result<void> CompareMemoryInfo(const OrtMemoryInfo* a, const OrtMemoryInfo* b, int* out) {
  REQUIRE(a, b, out);
  *out = *a == *b ? 0 : -1;
  return {};
}

Result<void> MemoryInfoGetName(const OrtMemoryInfo* info, const char** out) {
  REQUIRE(info, out);
  *out = info->name.c_str();
  return {};
}

template <auto Member, class T>
Result<void> get_member(const OrtMemoryInfo* info, T* out) {
  REQUIRE(info, out);
  *out = info->*Member;
  return {};
}

void ORT_API_CALL MemoryInfoGetDeviceType(const OrtMemoryInfo* info,
                                          OrtMemoryInfoDeviceType* out) noexcept {
  if (info != nullptr && out != nullptr) *out = info->device;
}

OrtDeviceMemoryType ORT_API_CALL MemoryInfoGetDeviceMemType(const OrtMemoryInfo* info) noexcept {
  return info != nullptr ? info->device_mem_type : OrtDeviceMemoryType_DEFAULT;
}

uint32_t ORT_API_CALL MemoryInfoGetVendorId(const OrtMemoryInfo* info) noexcept {
  return info != nullptr ? info->vendor : 0;
}

}  // namespace

Result<void> check_cpu(const OrtMemoryInfo& info, const char* what) {
  if (info.device == OrtMemoryInfoDeviceType_CPU ||
      info.device_mem_type == OrtDeviceMemoryType_HOST_ACCESSIBLE) {
    return {};
  }
  return fail(Code::kInvalidArgument,
              "{}: memory of '{}' cannot be used by this library, which "
              "runs on the CPU; expected memory of 'Cpu'",
              what, info.name);
}

void add_memory(OrtApi& api) {
  DOOR(CreateMemoryInfo);
  DOOR(CreateCpuMemoryInfo);
  DOOR(CreateMemoryInfo_V2);
  DOOR(CompareMemoryInfo);
  api.ReleaseMemoryInfo = &release<OrtMemoryInfo>;
  DOOR(MemoryInfoGetName);
  api.MemoryInfoGetId = door<&get_member<&OrtMemoryInfo::id, int>>;
  api.MemoryInfoGetMemType = door<&get_member<&OrtMemoryInfo::mem_type, OrtMemType>>;
  api.MemoryInfoGetType = door<&get_member<&OrtMemoryInfo::allocator, OrtAllocatorType>>;
  PLAIN(MemoryInfoGetDeviceType);
  PLAIN(MemoryInfoGetDeviceMemType);
  PLAIN(MemoryInfoGetVendorId);
}

}  // namespace sardonyx::capi
