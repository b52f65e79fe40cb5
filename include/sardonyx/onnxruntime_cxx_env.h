// The C++ wrapper's environment: Env with devices and threads, provider options, LoRA adapters, and
// the options of runs. Part of onnxruntime_cxx_api.h.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "onnxruntime_cxx_memory.h"
#include "onnxruntime_cxx_value.h"

namespace Ort {

struct ThreadingOptions : detail::Base<OrtThreadingOptions> {
  ThreadingOptions() { ThrowOnError(GetApi().CreateThreadingOptions(&p_)); }

  ThreadingOptions& SetGlobalIntraOpNumThreads(int count) {
    ThrowOnError(GetApi().SetGlobalIntraOpNumThreads(p_, count));
    return *this;
  }
  ThreadingOptions& SetGlobalInterOpNumThreads(int count) {
    ThrowOnError(GetApi().SetGlobalInterOpNumThreads(p_, count));
    return *this;
  }
  ThreadingOptions& SetGlobalSpinControl(int allow_spinning) {
    ThrowOnError(GetApi().SetGlobalSpinControl(p_, allow_spinning));
    return *this;
  }
  ThreadingOptions& SetGlobalDenormalAsZero() {
    ThrowOnError(GetApi().SetGlobalDenormalAsZero(p_));
    return *this;
  }
  ThreadingOptions& SetGlobalCustomCreateThreadFn(OrtCustomCreateThreadFn create) {
    ThrowOnError(GetApi().SetGlobalCustomCreateThreadFn(p_, create));
    return *this;
  }
  ThreadingOptions& SetGlobalCustomThreadCreationOptions(void* options) {
    ThrowOnError(GetApi().SetGlobalCustomThreadCreationOptions(p_, options));
    return *this;
  }
  ThreadingOptions& SetGlobalCustomJoinThreadFn(OrtCustomJoinThreadFn join) {
    ThrowOnError(GetApi().SetGlobalCustomJoinThreadFn(p_, join));
    return *this;
  }
};

// Options of providers that this library does not have; where it says so is the call that would
// make them.
struct CUDAProviderOptions : detail::Base<OrtCUDAProviderOptionsV2> {
  explicit CUDAProviderOptions(std::nullptr_t) {}
  CUDAProviderOptions() { ThrowOnError(GetApi().CreateCUDAProviderOptions(&p_)); }
  void Update(const std::unordered_map<std::string, std::string>& options) {
    const detail::StringArrays arrays(options);
    ThrowOnError(GetApi().UpdateCUDAProviderOptions(p_, arrays.keys.data(), arrays.values.data(),
                                                    arrays.keys.size()));
  }
  void UpdateWithValue(const char* key, void* value) {
    ThrowOnError(GetApi().UpdateCUDAProviderOptionsWithValue(p_, key, value));
  }
  void* GetOptionByName(const char* name) const {
    void* value = nullptr;
    ThrowOnError(GetApi().GetCUDAProviderOptionsByName(p_, name, &value));
    return value;
  }
  std::string GetCUDAProviderOptionsAsString() const {
    AllocatorWithDefaultOptions allocator;
    char* text = nullptr;
    ThrowOnError(GetApi().GetCUDAProviderOptionsAsString(p_, allocator, &text));
    return AllocatedStringPtr(text, detail::AllocatedFree(allocator)).get();
  }
};

struct TensorRTProviderOptions : detail::Base<OrtTensorRTProviderOptionsV2> {
  explicit TensorRTProviderOptions(std::nullptr_t) {}
  TensorRTProviderOptions() { ThrowOnError(GetApi().CreateTensorRTProviderOptions(&p_)); }
  void Update(const std::unordered_map<std::string, std::string>& options) {
    const detail::StringArrays arrays(options);
    ThrowOnError(GetApi().UpdateTensorRTProviderOptions(p_, arrays.keys.data(),
                                                        arrays.values.data(), arrays.keys.size()));
  }
  void UpdateWithValue(const char* key, void* value) {
    ThrowOnError(GetApi().UpdateTensorRTProviderOptionsWithValue(p_, key, value));
  }
  void* GetOptionByName(const char* name) const {
    void* value = nullptr;
    ThrowOnError(GetApi().GetTensorRTProviderOptionsByName(p_, name, &value));
    return value;
  }
  std::string GetTensorRTProviderOptionsAsString() const {
    AllocatorWithDefaultOptions allocator;
    char* text = nullptr;
    ThrowOnError(GetApi().GetTensorRTProviderOptionsAsString(p_, allocator, &text));
    return AllocatedStringPtr(text, detail::AllocatedFree(allocator)).get();
  }
};

namespace detail {

template <class T>
struct HardwareDeviceImpl : Base<T> {
  using Base<T>::Base;
  OrtHardwareDeviceType Type() const { return GetApi().HardwareDevice_Type(this->p_); }
  uint32_t VendorId() const { return GetApi().HardwareDevice_VendorId(this->p_); }
  uint32_t DeviceId() const { return GetApi().HardwareDevice_DeviceId(this->p_); }
  const char* Vendor() const { return GetApi().HardwareDevice_Vendor(this->p_); }
  ConstKeyValuePairs Metadata() const {
    return ConstKeyValuePairs(GetApi().HardwareDevice_Metadata(this->p_));
  }
};

}  // namespace detail

using ConstHardwareDevice = detail::HardwareDeviceImpl<detail::Unowned<const OrtHardwareDevice>>;

namespace detail {

template <class T>
struct SyncStreamImpl : Base<T> {
  using Base<T>::Base;
  void* GetHandle() { return GetApi().SyncStream_GetHandle(this->p_); }
};

}  // namespace detail

using UnownedSyncStream = detail::SyncStreamImpl<detail::Unowned<OrtSyncStream>>;
struct SyncStream : detail::SyncStreamImpl<OrtSyncStream> {
  explicit SyncStream(std::nullptr_t) {}
  explicit SyncStream(OrtSyncStream* stream) : SyncStreamImpl(stream) {}
};

namespace detail {

template <class T>
struct EpDeviceImpl : Base<T> {
  using Base<T>::Base;
  const char* EpName() const { return GetApi().EpDevice_EpName(this->p_); }
  const char* EpVendor() const { return GetApi().EpDevice_EpVendor(this->p_); }
  ConstKeyValuePairs EpMetadata() const {
    return ConstKeyValuePairs(GetApi().EpDevice_EpMetadata(this->p_));
  }
  ConstKeyValuePairs EpOptions() const {
    return ConstKeyValuePairs(GetApi().EpDevice_EpOptions(this->p_));
  }
  ConstHardwareDevice Device() const {
    return ConstHardwareDevice(GetApi().EpDevice_Device(this->p_));
  }
  ConstMemoryInfo GetMemoryInfo(OrtDeviceMemoryType type) const {
    return ConstMemoryInfo(GetApi().EpDevice_MemoryInfo(this->p_, type));
  }
  SyncStream CreateSyncStream(ConstKeyValuePairs options = {}) const {
    OrtSyncStream* stream = nullptr;
    ThrowOnError(GetApi().CreateSyncStreamForEpDevice(this->p_, options, &stream));
    return SyncStream(stream);
  }
};

}  // namespace detail

using ConstEpDevice = detail::EpDeviceImpl<detail::Unowned<const OrtEpDevice>>;

struct Env : detail::Base<OrtEnv> {
  using Base = detail::Base<OrtEnv>;

  explicit Env(std::nullptr_t) {}
  explicit Env(OrtEnv* env) : Base(env) {}
  Env(OrtLoggingLevel level = ORT_LOGGING_LEVEL_WARNING, const char* logid = "") {
    ThrowOnError(GetApi().CreateEnv(level, logid, &p_));
    tell_language();
  }
  Env(OrtLoggingLevel level, const char* logid, OrtLoggingFunction log, void* log_param) {
    ThrowOnError(GetApi().CreateEnvWithCustomLogger(log, log_param, level, logid, &p_));
    tell_language();
  }
  // Sessions share one set of threads, those that DisablePerSessionThreads() was called for.
  Env(const OrtThreadingOptions* threading, OrtLoggingLevel level = ORT_LOGGING_LEVEL_WARNING,
      const char* logid = "") {
    ThrowOnError(GetApi().CreateEnvWithGlobalThreadPools(level, logid, threading, &p_));
    tell_language();
  }
  Env(const OrtThreadingOptions* threading, OrtLoggingFunction log, void* log_param,
      OrtLoggingLevel level = ORT_LOGGING_LEVEL_WARNING, const char* logid = "") {
    ThrowOnError(GetApi().CreateEnvWithCustomLoggerAndGlobalThreadPools(log, log_param, level,
                                                                        logid, threading, &p_));
    tell_language();
  }
  explicit Env(const OrtEnvCreationOptions* options) {
    ThrowOnError(GetApi().CreateEnvWithOptions(options, &p_));
    tell_language();
  }

  Env& EnableTelemetryEvents() {
    ThrowOnError(GetApi().EnableTelemetryEvents(p_));
    return *this;
  }
  Env& DisableTelemetryEvents() {
    ThrowOnError(GetApi().DisableTelemetryEvents(p_));
    return *this;
  }
  Env& UpdateEnvWithCustomLogLevel(OrtLoggingLevel level) {
    ThrowOnError(GetApi().UpdateEnvWithCustomLogLevel(p_, level));
    return *this;
  }
  Env& SetPerSessionThreadPoolCallbacks(const OrtThreadPoolCallbacksConfig& config) {
    ThrowOnError(GetApi().SetPerSessionThreadPoolCallbacks(p_, &config));
    return *this;
  }

  Env& CreateAndRegisterAllocator(const OrtMemoryInfo* info, const OrtArenaCfg* arena) {
    ThrowOnError(GetApi().CreateAndRegisterAllocator(p_, info, arena));
    return *this;
  }
  Env& CreateAndRegisterAllocatorV2(const std::string& provider, const OrtMemoryInfo* info,
                                    const std::unordered_map<std::string, std::string>& options,
                                    const OrtArenaCfg* arena) {
    const detail::StringArrays arrays(options);
    ThrowOnError(GetApi().CreateAndRegisterAllocatorV2(p_, provider.c_str(), info, arena,
                                                       arrays.keys.data(), arrays.values.data(),
                                                       arrays.keys.size()));
    return *this;
  }
  Env& RegisterAllocator(OrtAllocator* allocator) {
    ThrowOnError(GetApi().RegisterAllocator(p_, allocator));
    return *this;
  }
  Env& UnregisterAllocator(const OrtMemoryInfo* info) {
    ThrowOnError(GetApi().UnregisterAllocator(p_, info));
    return *this;
  }
  UnownedAllocator GetSharedAllocator(const OrtMemoryInfo* info) {
    OrtAllocator* allocator = nullptr;
    ThrowOnError(GetApi().GetSharedAllocator(p_, info, &allocator));
    return UnownedAllocator(allocator);
  }
  UnownedAllocator CreateSharedAllocator(const OrtEpDevice* device, OrtDeviceMemoryType memory,
                                         OrtAllocatorType type, const OrtKeyValuePairs* options) {
    OrtAllocator* allocator = nullptr;
    ThrowOnError(GetApi().CreateSharedAllocator(p_, device, memory, type, options, &allocator));
    return UnownedAllocator(allocator);
  }
  void ReleaseSharedAllocator(const OrtEpDevice* device, OrtDeviceMemoryType memory) {
    ThrowOnError(GetApi().ReleaseSharedAllocator(p_, device, memory));
  }

  Env& RegisterExecutionProviderLibrary(const char* name,
                                        const std::basic_string<ORTCHAR_T>& path) {
    ThrowOnError(GetApi().RegisterExecutionProviderLibrary(p_, name, path.c_str()));
    return *this;
  }
  Env& UnregisterExecutionProviderLibrary(const char* name) {
    ThrowOnError(GetApi().UnregisterExecutionProviderLibrary(p_, name));
    return *this;
  }
  std::vector<ConstEpDevice> GetEpDevices() const {
    const OrtEpDevice* const* devices = nullptr;
    size_t count = 0;
    ThrowOnError(GetApi().GetEpDevices(p_, &devices, &count));
    std::vector<ConstEpDevice> found;
    for (size_t i = 0; i < count; ++i) found.emplace_back(devices[i]);
    return found;
  }
  std::vector<ConstHardwareDevice> GetHardwareDevices() const {
    size_t count = 0;
    ThrowOnError(GetApi().GetNumHardwareDevices(p_, &count));
    std::vector<const OrtHardwareDevice*> devices(count);
    ThrowOnError(GetApi().GetHardwareDevices(p_, devices.data(), count));
    return std::vector<ConstHardwareDevice>(devices.begin(), devices.end());
  }

  Status CopyTensors(const std::vector<Value>& from, const std::vector<Value>& to,
                     OrtSyncStream* stream) const {
    if (from.size() != to.size()) {
      return Status("CopyTensors: as many values to copy to as from", ORT_INVALID_ARGUMENT);
    }
    const std::vector<const OrtValue*> sources(from.begin(), from.end());
    const std::vector<OrtValue*> targets(to.begin(), to.end());
    return Status(GetApi().CopyTensors(p_, sources.data(), targets.data(), stream, from.size()));
  }
  Status CopyTensor(const OrtValue* from, OrtValue* to, OrtSyncStream* stream) const {
    return Status(GetApi().CopyTensors(p_, &from, &to, stream, 1));
  }

 private:
  void tell_language() {
    ThrowOnError(GetApi().SetLanguageProjection(p_, ORT_PROJECTION_CPLUSPLUS));
  }
};

struct LoraAdapter : detail::Base<OrtLoraAdapter> {
  using Base = detail::Base<OrtLoraAdapter>;

  explicit LoraAdapter(std::nullptr_t) {}
  explicit LoraAdapter(OrtLoraAdapter* adapter) : Base(adapter) {}
  static LoraAdapter CreateLoraAdapter(const std::basic_string<ORTCHAR_T>& path,
                                       OrtAllocator* allocator) {
    OrtLoraAdapter* made = nullptr;
    ThrowOnError(GetApi().CreateLoraAdapter(path.c_str(), allocator, &made));
    return LoraAdapter(made);
  }
  static LoraAdapter CreateLoraAdapterFromArray(const void* bytes, size_t count,
                                                OrtAllocator* allocator) {
    OrtLoraAdapter* made = nullptr;
    ThrowOnError(GetApi().CreateLoraAdapterFromArray(bytes, count, allocator, &made));
    return LoraAdapter(made);
  }
};

struct RunOptions : detail::Base<OrtRunOptions> {
  explicit RunOptions(std::nullptr_t) {}
  RunOptions() { ThrowOnError(GetApi().CreateRunOptions(&p_)); }

  RunOptions& SetRunLogVerbosityLevel(int level) {
    ThrowOnError(GetApi().RunOptionsSetRunLogVerbosityLevel(p_, level));
    return *this;
  }
  int GetRunLogVerbosityLevel() const {
    int level = 0;
    ThrowOnError(GetApi().RunOptionsGetRunLogVerbosityLevel(p_, &level));
    return level;
  }
  RunOptions& SetRunLogSeverityLevel(int level) {
    ThrowOnError(GetApi().RunOptionsSetRunLogSeverityLevel(p_, level));
    return *this;
  }
  int GetRunLogSeverityLevel() const {
    int level = 0;
    ThrowOnError(GetApi().RunOptionsGetRunLogSeverityLevel(p_, &level));
    return level;
  }
  RunOptions& SetRunTag(const char* tag) {
    ThrowOnError(GetApi().RunOptionsSetRunTag(p_, tag));
    return *this;
  }
  const char* GetRunTag() const {
    const char* tag = nullptr;
    ThrowOnError(GetApi().RunOptionsGetRunTag(p_, &tag));
    return tag;
  }
  RunOptions& AddConfigEntry(const char* key, const char* value) {
    ThrowOnError(GetApi().AddRunConfigEntry(p_, key, value));
    return *this;
  }
  // Null when there is none.
  const char* GetConfigEntry(const char* key) { return GetApi().GetRunConfigEntry(p_, key); }
  // Runs with these options stop, from any thread, until UnsetTerminate().
  RunOptions& SetTerminate() {
    ThrowOnError(GetApi().RunOptionsSetTerminate(p_));
    return *this;
  }
  RunOptions& UnsetTerminate() {
    ThrowOnError(GetApi().RunOptionsUnsetTerminate(p_));
    return *this;
  }
  RunOptions& AddActiveLoraAdapter(const LoraAdapter& adapter) {
    ThrowOnError(GetApi().RunOptionsAddActiveLoraAdapter(p_, adapter));
    return *this;
  }
  RunOptions& SetSyncStream(OrtSyncStream* stream) {
    GetApi().RunOptionsSetSyncStream(p_, stream);
    return *this;
  }
  RunOptions& EnableProfiling(const ORTCHAR_T* file_prefix) {
    ThrowOnError(GetApi().RunOptionsEnableProfiling(p_, file_prefix));
    return *this;
  }
  RunOptions& DisableProfiling() {
    ThrowOnError(GetApi().RunOptionsDisableProfiling(p_));
    return *this;
  }
};

}  // namespace Ort
