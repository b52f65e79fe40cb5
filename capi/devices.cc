// Devices and their providers: one of each. Plugins of other providers are not loaded.
#include "capi/devices.h"

#include <dlfcn.h>

#include "api/inspect.h"
#include "capi/door.h"
#include "capi/tables.h"
#include "capi/values.h"

namespace sardonyx::capi {
namespace {

OrtHardwareDevice make_hardware() {
  OrtHardwareDevice device;
  const DoctorReport report = examine_machine();
  const std::string& model = report.cpu_model;
  if (model.find("AMD") != std::string::npos) {
    device.vendor_id = 0x1022;
    device.vendor = "AMD";
  } else if (model.find("Intel") != std::string::npos) {
    device.vendor_id = 0x8086;
    device.vendor = "Intel";
  }
  device.metadata.set("Description", model);
  return device;
}

Result<void> GetEpDevices(const OrtEnv* env, const OrtEpDevice* const** out, size_t* count) {
  REQUIRE(env, out, count);
  static const OrtEpDevice* const devices[] = {&cpu_device()};
  *out = devices;
  *count = 1;
  return {};
}

Result<void> GetNumHardwareDevices(const OrtEnv* env, size_t* out) {
  REQUIRE(env, out);
  *out = 1;
  return {};
}

Result<void> GetHardwareDevices(const OrtEnv* env, const OrtHardwareDevice** out, size_t count) {
  REQUIRE(env, out);
  if (count != 1) return fail(Code::kInvalidArgument, "there is 1 device, but room for {}", count);
  *out = &cpu_hardware();
  return {};
}

Result<void> SessionOptionsAppendExecutionProvider_V2(OrtSessionOptions* options, OrtEnv* env,
                                                      const OrtEpDevice* const* devices,
                                                      size_t count, const char* const* keys,
                                                      const char* const* values, size_t pairs) {
  REQUIRE(options, env, devices);
  if (count == 0) return fail(Code::kInvalidArgument, "At least one EP device is required");
  if (pairs != 0) REQUIRE(keys, values);
  for (size_t i = 0; i < count; ++i) {
    REQUIRE(devices[i]);
    options->providers.push_back(devices[i]->provider);
  }
  return {};
}

// Every policy chooses the one device.
Result<void> SessionOptionsSetEpSelectionPolicy(OrtSessionOptions* options,
                                                OrtExecutionProviderDevicePolicy) {
  REQUIRE(options);
  return {};
}

Result<void> fill_devices(size_t expected, const OrtEpDevice** out, size_t count) {
  if (count != expected) {
    return fail(Code::kInvalidArgument, "there is room for {} devices, but there are {} values",
                count, expected);
  }
  std::fill_n(out, count, &cpu_device());
  return {};
}

Result<void> SessionGetEpDeviceForInputs(const OrtSession* session, const OrtEpDevice** out,
                                         size_t count) {
  REQUIRE(session, out);
  return fill_devices(session->loaded->session.inputs().size(), out, count);
}

Result<void> SessionGetEpDeviceForOutputs(const OrtSession* session, const OrtEpDevice** out,
                                          size_t count) {
  REQUIRE(session, out);
  return fill_devices(session->loaded->session.outputs().size(), out, count);
}

// Memory of one device: there is only the CPU's.
Result<void> CopyTensors(const OrtEnv* env, const OrtValue* const* sources,
                         OrtValue* const* targets, OrtSyncStream* stream, size_t count) {
  REQUIRE(env);
  if (count == 0) return fail(Code::kInvalidArgument, "CopyTensors: no tensors were given");
  REQUIRE(sources, targets);
  if (stream != nullptr) return fail(Code::kInvalidArgument, "CopyTensors: the CPU has no streams");
  for (size_t i = 0; i < count; ++i) {
    REQUIRE(sources[i], targets[i]);
    const Tensor& source = *TRY(tensor_in(sources[i], __func__));
    const Tensor& target = *TRY(tensor_in(targets[i], __func__));
    if (source.dtype() != target.dtype() || source.shape() != target.shape()) {
      return fail(Code::kInvalidArgument, "CopyTensors: tensor {} is {} {}, its target {} {}", i,
                  dtype_name(source.dtype()), source.shape().to_string(),
                  dtype_name(target.dtype()), target.shape().to_string());
    }
    copy_elements(source.view(), target.view());
  }
  return {};
}

template <auto Member>
auto ORT_API_CALL
get_text(const std::conditional_t<std::is_same_v<decltype(Member), std::string OrtEpDevice::*>,
                                  OrtEpDevice, OrtHardwareDevice>* device) noexcept -> const char* {
  return device != nullptr ? (device->*Member).c_str() : nullptr;
}

template <auto Member, class Owner>
const OrtKeyValuePairs* ORT_API_CALL get_pairs(const Owner* device) noexcept {
  return device != nullptr ? &(device->*Member) : nullptr;
}

OrtHardwareDeviceType ORT_API_CALL HardwareDevice_Type(const OrtHardwareDevice* device) noexcept {
  return device != nullptr ? device->type : OrtHardwareDeviceType_CPU;
}
uint32_t ORT_API_CALL HardwareDevice_VendorId(const OrtHardwareDevice* device) noexcept {
  return device != nullptr ? device->vendor_id : 0;
}
uint32_t ORT_API_CALL HardwareDevice_DeviceId(const OrtHardwareDevice* device) noexcept {
  return device != nullptr ? device->device_id : 0;
}
const OrtHardwareDevice* ORT_API_CALL EpDevice_Device(const OrtEpDevice* device) noexcept {
  return device != nullptr ? device->device : nullptr;
}
const OrtMemoryInfo* ORT_API_CALL EpDevice_MemoryInfo(const OrtEpDevice* device,
                                                      OrtDeviceMemoryType type) noexcept {
  return device != nullptr && type == OrtDeviceMemoryType_DEFAULT ? &device->memory : nullptr;
}

void add_device_members(OrtApi& api) {
  PLAIN(HardwareDevice_Type);
  PLAIN(HardwareDevice_VendorId);
  PLAIN(HardwareDevice_DeviceId);
  api.HardwareDevice_Vendor = &get_text<&OrtHardwareDevice::vendor>;
  api.HardwareDevice_Metadata = &get_pairs<&OrtHardwareDevice::metadata, OrtHardwareDevice>;
  api.EpDevice_EpName = &get_text<&OrtEpDevice::provider>;
  api.EpDevice_EpVendor = &get_text<&OrtEpDevice::vendor>;
  api.EpDevice_EpMetadata = &get_pairs<&OrtEpDevice::metadata, OrtEpDevice>;
  api.EpDevice_EpOptions = &get_pairs<&OrtEpDevice::options, OrtEpDevice>;
  PLAIN(EpDevice_Device);
  PLAIN(EpDevice_MemoryInfo);
}

// Plugins of other providers are not loaded; a file that is none is told apart.
Result<void> RegisterExecutionProviderLibrary(OrtEnv* env, const char* name,
                                              const ORTCHAR_T* path) {
  REQUIRE(env, name, path);
  void* library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) {
    return fail(Code::kFail, "Failed to load library {} with error: {}", path, dlerror());
  }
  const bool is_plugin = dlsym(library, "CreateEpFactories") != nullptr;
  dlclose(library);
  if (!is_plugin) {
    return fail(Code::kFail, "Failed to get symbol CreateEpFactories of {}", path);
  }
  return fail(Code::kNotImplemented,
              "RegisterExecutionProviderLibrary: plugins of execution providers are not "
              "implemented by Sardonyx, which runs on the CPU");
}

Result<void> UnregisterExecutionProviderLibrary(OrtEnv* env, const char* name) {
  REQUIRE(env, name);
  return fail(Code::kFail, "Execution provider library: {} was not registered.", name);
}

// The CPU has no streams: none can be made, and none needs to be released.
Result<void> CreateSyncStreamForEpDevice(const OrtEpDevice* device, const OrtKeyValuePairs*,
                                         OrtSyncStream** out) {
  REQUIRE(device, out);
  return fail(Code::kInvalidArgument,
              "CreateSyncStreamForEpDevice: ep_device does not use DEFAULT memory of a non-CPU "
              "device.");
}
void* ORT_API_CALL SyncStream_GetHandle(OrtSyncStream*) noexcept { return nullptr; }
void ORT_API_CALL ReleaseSyncStream(OrtSyncStream*) noexcept {}

Result<void> SessionOptionsSetEpSelectionPolicyDelegate(OrtSessionOptions* options,
                                                        EpSelectionDelegate select, void* state) {
  REQUIRE(options);
  options->select_devices = select;
  options->select_state = state;
  return {};
}

void add_plugins_and_streams(OrtApi& api) {
  DOOR(RegisterExecutionProviderLibrary);
  DOOR(UnregisterExecutionProviderLibrary);
  DOOR(SessionOptionsSetEpSelectionPolicyDelegate);
  DOOR(CreateSyncStreamForEpDevice);
  PLAIN(SyncStream_GetHandle);
  PLAIN(ReleaseSyncStream);
}

}  // namespace

const OrtHardwareDevice& cpu_hardware() {
  static const OrtHardwareDevice& device = *new OrtHardwareDevice(make_hardware());
  return device;
}

const OrtEpDevice& cpu_device() {
  static const OrtEpDevice& device = *[] {
    auto* made = new OrtEpDevice;
    made->device = &cpu_hardware();
    made->metadata.set("version", version());
    return made;
  }();
  return device;
}

Result<void> let_select(const OrtSessionOptions& options) {
  if (options.select_devices == nullptr) return {};
  constexpr size_t kMost = 8;
  const OrtEpDevice* offered[] = {&cpu_device()};
  const OrtEpDevice* selected[kMost] = {};
  size_t count = 0;
  const OrtKeyValuePairs nothing;
  TRY(take_status(options.select_devices(offered, 1, &nothing, &nothing, selected, kMost, &count,
                                         options.select_state)));
  if (count == 0 || count > kMost) {
    return fail(Code::kFail,
                "the program's function for selecting execution providers selected {} of the 1 "
                "that there is",
                count);
  }
  return {};
}

void add_devices(OrtApi& api) {
  DOOR(GetEpDevices);
  DOOR(GetNumHardwareDevices);
  DOOR(GetHardwareDevices);
  DOOR(SessionOptionsAppendExecutionProvider_V2);
  DOOR(SessionOptionsSetEpSelectionPolicy);
  DOOR(SessionGetEpDeviceForInputs);
  DOOR(SessionGetEpDeviceForOutputs);
  DOOR(CopyTensors);
  add_device_members(api);
  add_plugins_and_streams(api);
}

}  // namespace sardonyx::capi
