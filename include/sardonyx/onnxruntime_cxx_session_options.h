// The C++ wrapper's SessionOptions, and the domains of custom operators that they take. Part of
// onnxruntime_cxx_api.h.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "onnxruntime_cxx_env.h"

namespace Ort {

struct SessionOptions;

// Operators of the program's own under one domain; it and they outlive the sessions that use them.
struct CustomOpDomain : detail::Base<OrtCustomOpDomain> {
  using Base = detail::Base<OrtCustomOpDomain>;

  explicit CustomOpDomain(std::nullptr_t) {}
  explicit CustomOpDomain(OrtCustomOpDomain* domain) : Base(domain) {}
  explicit CustomOpDomain(const char* domain) {
    ThrowOnError(GetApi().CreateCustomOpDomain(domain, &p_));
  }
  void Add(const OrtCustomOp* op) { ThrowOnError(GetApi().CustomOpDomain_Add(p_, op)); }
};

namespace detail {

inline std::string MakeCustomOpConfigEntryKey(const char* op_name, const char* key) {
  return std::string("custom_op.") + op_name + "." + key;
}

}  // namespace detail

// Session config entries for custom operators: `custom_op.<operator>.<key>`.
struct CustomOpConfigs {
  CustomOpConfigs& AddConfig(const char* op_name, const char* key, const char* value) {
    entries_[detail::MakeCustomOpConfigEntryKey(op_name, key)] = value;
    return *this;
  }
  const std::unordered_map<std::string, std::string>& GetFlattenedConfigs() const {
    return entries_;
  }

 private:
  std::unordered_map<std::string, std::string> entries_;
};

namespace detail {

template <class T>
struct ConstSessionOptionsImpl : Base<T> {
  using Base<T>::Base;

  SessionOptions Clone() const;
  bool HasConfigEntry(const char* key) const {
    int found = 0;
    ThrowOnError(GetApi().HasSessionConfigEntry(this->p_, key, &found));
    return found != 0;
  }
  std::string GetConfigEntry(const char* key) const {
    size_t size = 0;
    ThrowOnError(GetApi().GetSessionConfigEntry(this->p_, key, nullptr, &size));
    std::string value(size, '\0');
    ThrowOnError(GetApi().GetSessionConfigEntry(this->p_, key, value.data(), &size));
    value.resize(size - 1);  // the terminator counts
    return value;
  }
  std::string GetConfigEntryOrDefault(const char* key, const std::string& otherwise) const {
    return HasConfigEntry(key) ? GetConfigEntry(key) : otherwise;
  }
  bool GetMemPatternEnabled() const {
    int enabled = 0;
    ThrowOnError(GetApi().GetMemPatternEnabled(this->p_, &enabled));
    return enabled != 0;
  }
  ExecutionMode GetExecutionMode() const {
    ExecutionMode mode;
    ThrowOnError(GetApi().GetSessionExecutionMode(this->p_, &mode));
    return mode;
  }
};

template <class T>
struct SessionOptionsImpl : ConstSessionOptionsImpl<T> {
  using ConstSessionOptionsImpl<T>::ConstSessionOptionsImpl;
  using Self = SessionOptionsImpl;
  using Settings = std::unordered_map<std::string, std::string>;

  Self& SetIntraOpNumThreads(int count) { return set(&OrtApi::SetIntraOpNumThreads, count); }
  Self& SetInterOpNumThreads(int count) { return set(&OrtApi::SetInterOpNumThreads, count); }
  Self& SetGraphOptimizationLevel(GraphOptimizationLevel level) {
    return set(&OrtApi::SetSessionGraphOptimizationLevel, level);
  }
  Self& SetDeterministicCompute(bool value) { return set(&OrtApi::SetDeterministicCompute, value); }
  Self& EnableCpuMemArena() { return set(&OrtApi::EnableCpuMemArena); }
  Self& DisableCpuMemArena() { return set(&OrtApi::DisableCpuMemArena); }
  Self& EnableMemPattern() { return set(&OrtApi::EnableMemPattern); }
  Self& DisableMemPattern() { return set(&OrtApi::DisableMemPattern); }
  Self& SetOptimizedModelFilePath(const ORTCHAR_T* path) {
    return set(&OrtApi::SetOptimizedModelFilePath, path);
  }
  Self& EnableProfiling(const ORTCHAR_T* file_prefix) {
    return set(&OrtApi::EnableProfiling, file_prefix);
  }
  Self& DisableProfiling() { return set(&OrtApi::DisableProfiling); }
  Self& SetExecutionMode(ExecutionMode mode) { return set(&OrtApi::SetSessionExecutionMode, mode); }
  // From another thread, while a session is made: it is given up.
  Self& SetLoadCancellationFlag(bool value) {
    return set(&OrtApi::SessionOptionsSetLoadCancellationFlag, value);
  }
  Self& SetLogId(const char* logid) { return set(&OrtApi::SetSessionLogId, logid); }
  Self& SetLogSeverityLevel(int level) { return set(&OrtApi::SetSessionLogSeverityLevel, level); }
  Self& SetLogVerbosityLevel(int level) { return set(&OrtApi::SetSessionLogVerbosityLevel, level); }
  Self& SetUserLoggingFunction(OrtLoggingFunction log, void* param) {
    return set(&OrtApi::SetUserLoggingFunction, log, param);
  }
  Self& DisablePerSessionThreads() { return set(&OrtApi::DisablePerSessionThreads); }
  Self& AddConfigEntry(const char* key, const char* value) {
    return set(&OrtApi::AddSessionConfigEntry, key, value);
  }
  Self& AddFreeDimensionOverride(const char* denotation, int64_t dim) {
    return set(&OrtApi::AddFreeDimensionOverride, denotation, dim);
  }
  Self& AddFreeDimensionOverrideByName(const char* name, int64_t dim) {
    return set(&OrtApi::AddFreeDimensionOverrideByName, name, dim);
  }

  Self& AddInitializer(const char* name, const OrtValue* value) {
    return set(&OrtApi::AddInitializer, name, value);
  }
  Self& AddExternalInitializers(const std::vector<std::string>& names,
                                const std::vector<Value>& values) {
    std::vector<const char*> texts;
    texts.reserve(names.size());
    for (const std::string& name : names) texts.push_back(name.c_str());
    const std::vector<const OrtValue*> handles(values.begin(), values.end());
    return set(&OrtApi::AddExternalInitializers, texts.data(), handles.data(), names.size());
  }
  Self& AddExternalInitializersFromFilesInMemory(
      const std::vector<std::basic_string<ORTCHAR_T>>& names, const std::vector<char*>& buffers,
      const std::vector<size_t>& sizes) {
    std::vector<const ORTCHAR_T*> texts;
    texts.reserve(names.size());
    for (const auto& name : names) texts.push_back(name.c_str());
    return set(&OrtApi::AddExternalInitializersFromFilesInMemory, texts.data(), buffers.data(),
               sizes.data(), names.size());
  }

  Self& Add(OrtCustomOpDomain* domain) { return set(&OrtApi::AddCustomOpDomain, domain); }
  Self& EnableOrtCustomOps() { return set(&OrtApi::EnableOrtCustomOps); }
  Self& RegisterCustomOpsLibrary(const ORTCHAR_T* path, const CustomOpConfigs& configs = {}) {
    for (const auto& [key, value] : configs.GetFlattenedConfigs()) {
      AddConfigEntry(key.c_str(), value.c_str());
    }
    return set(&OrtApi::RegisterCustomOpsLibrary_V2, path);
  }
  Self& RegisterCustomOpsUsingFunction(const char* function) {
    return set(&OrtApi::RegisterCustomOpsUsingFunction, function);
  }

  Self& SetCustomCreateThreadFn(OrtCustomCreateThreadFn create) {
    return set(&OrtApi::SessionOptionsSetCustomCreateThreadFn, create);
  }
  Self& SetCustomThreadCreationOptions(void* options) {
    return set(&OrtApi::SessionOptionsSetCustomThreadCreationOptions, options);
  }
  Self& SetCustomJoinThreadFn(OrtCustomJoinThreadFn join) {
    return set(&OrtApi::SessionOptionsSetCustomJoinThreadFn, join);
  }

  // Providers. One that the library does not have is an error.
  Self& AppendExecutionProvider(const std::string& name, const Settings& options = {}) {
    const StringArrays arrays(options);
    return set(&OrtApi::SessionOptionsAppendExecutionProvider, name.c_str(), arrays.keys.data(),
               arrays.values.data(), arrays.keys.size());
  }
  Self& AppendExecutionProvider_V2(Env& env, const std::vector<ConstEpDevice>& devices,
                                   const KeyValuePairs& options) {
    std::vector<const char*> keys, values;
    options.GetKeyValuePairs(keys, values);
    return append_devices(env, devices, keys, values);
  }
  Self& AppendExecutionProvider_V2(Env& env, const std::vector<ConstEpDevice>& devices,
                                   const Settings& options) {
    const StringArrays arrays(options);
    return append_devices(env, devices, arrays.keys, arrays.values);
  }
  Self& SetEpSelectionPolicy(OrtExecutionProviderDevicePolicy policy) {
    return set(&OrtApi::SessionOptionsSetEpSelectionPolicy, policy);
  }
  Self& SetEpSelectionPolicy(EpSelectionDelegate choose, void* state = nullptr) {
    return set(&OrtApi::SessionOptionsSetEpSelectionPolicyDelegate, choose, state);
  }
  Self& AppendExecutionProvider_CUDA(const OrtCUDAProviderOptions& options) {
    return set(&OrtApi::SessionOptionsAppendExecutionProvider_CUDA, &options);
  }
  Self& AppendExecutionProvider_CUDA_V2(const OrtCUDAProviderOptionsV2& options) {
    return set(&OrtApi::SessionOptionsAppendExecutionProvider_CUDA_V2, &options);
  }
  Self& AppendExecutionProvider_ROCM(const OrtROCMProviderOptions& options) {
    return set(&OrtApi::SessionOptionsAppendExecutionProvider_ROCM, &options);
  }
  Self& AppendExecutionProvider_TensorRT(const OrtTensorRTProviderOptions& options) {
    return set(&OrtApi::SessionOptionsAppendExecutionProvider_TensorRT, &options);
  }
  Self& AppendExecutionProvider_TensorRT_V2(const OrtTensorRTProviderOptionsV2& options) {
    return set(&OrtApi::SessionOptionsAppendExecutionProvider_TensorRT_V2, &options);
  }
  Self& AppendExecutionProvider_OpenVINO(const OrtOpenVINOProviderOptions& options) {
    return set(&OrtApi::SessionOptionsAppendExecutionProvider_OpenVINO, &options);
  }
  Self& AppendExecutionProvider_OpenVINO_V2(const Settings& options = {}) {
    const StringArrays arrays(options);
    return set(&OrtApi::SessionOptionsAppendExecutionProvider_OpenVINO_V2, arrays.keys.data(),
               arrays.values.data(), arrays.keys.size());
  }
  Self& AppendExecutionProvider_VitisAI(const Settings& options = {}) {
    const StringArrays arrays(options);
    return set(&OrtApi::SessionOptionsAppendExecutionProvider_VitisAI, arrays.keys.data(),
               arrays.values.data(), arrays.keys.size());
  }
  Self& AppendExecutionProvider_MIGraphX(const OrtMIGraphXProviderOptions& options) {
    return set(&OrtApi::SessionOptionsAppendExecutionProvider_MIGraphX, &options);
  }
  Self& AppendExecutionProvider_CANN(const OrtCANNProviderOptions& options) {
    return set(&OrtApi::SessionOptionsAppendExecutionProvider_CANN, &options);
  }
  Self& AppendExecutionProvider_Dnnl(const OrtDnnlProviderOptions& options) {
    return set(&OrtApi::SessionOptionsAppendExecutionProvider_Dnnl, &options);
  }

 private:
  template <class Entry, class... Arguments>
  Self& set(Entry entry, Arguments... arguments) {
    ThrowOnError((GetApi().*entry)(this->p_, arguments...));
    return *this;
  }
  Self& append_devices(Env& env, const std::vector<ConstEpDevice>& devices,
                       const std::vector<const char*>& keys,
                       const std::vector<const char*>& values) {
    const std::vector<const OrtEpDevice*> handles(devices.begin(), devices.end());
    return set(&OrtApi::SessionOptionsAppendExecutionProvider_V2, static_cast<OrtEnv*>(env),
               handles.data(), handles.size(), keys.data(), values.data(), keys.size());
  }
};

}  // namespace detail

using ConstSessionOptions =
    detail::ConstSessionOptionsImpl<detail::Unowned<const OrtSessionOptions>>;
using UnownedSessionOptions = detail::SessionOptionsImpl<detail::Unowned<OrtSessionOptions>>;

struct SessionOptions : detail::SessionOptionsImpl<OrtSessionOptions> {
  explicit SessionOptions(std::nullptr_t) {}
  explicit SessionOptions(OrtSessionOptions* options) : SessionOptionsImpl(options) {}
  SessionOptions() { ThrowOnError(GetApi().CreateSessionOptions(&p_)); }
  UnownedSessionOptions GetUnowned() const { return UnownedSessionOptions(p_); }
  ConstSessionOptions GetConst() const { return ConstSessionOptions(p_); }
};

template <class T>
SessionOptions detail::ConstSessionOptionsImpl<T>::Clone() const {
  OrtSessionOptions* clone = nullptr;
  ThrowOnError(GetApi().CloneSessionOptions(this->p_, &clone));
  return SessionOptions(clone);
}

}  // namespace Ort
