// The C++ wrapper's Session: loading, questions, runs, IO binding, compiling. Part of
// onnxruntime_cxx_api.h.
#pragma once

#include <string>
#include <vector>

#include "onnxruntime_cxx_graph.h"
#include "onnxruntime_cxx_session_options.h"

namespace Ort {

struct IoBinding;

// What the model says of itself. Texts are the caller's, by the allocator given.
struct ModelMetadata : detail::Base<OrtModelMetadata> {
  using Base = detail::Base<OrtModelMetadata>;

  explicit ModelMetadata(std::nullptr_t) {}
  explicit ModelMetadata(OrtModelMetadata* metadata) : Base(metadata) {}

  AllocatedStringPtr GetProducerNameAllocated(OrtAllocator* allocator) const {
    return text(&OrtApi::ModelMetadataGetProducerName, allocator);
  }
  AllocatedStringPtr GetGraphNameAllocated(OrtAllocator* allocator) const {
    return text(&OrtApi::ModelMetadataGetGraphName, allocator);
  }
  AllocatedStringPtr GetDomainAllocated(OrtAllocator* allocator) const {
    return text(&OrtApi::ModelMetadataGetDomain, allocator);
  }
  AllocatedStringPtr GetDescriptionAllocated(OrtAllocator* allocator) const {
    return text(&OrtApi::ModelMetadataGetDescription, allocator);
  }
  AllocatedStringPtr GetGraphDescriptionAllocated(OrtAllocator* allocator) const {
    return text(&OrtApi::ModelMetadataGetGraphDescription, allocator);
  }
  std::vector<AllocatedStringPtr> GetCustomMetadataMapKeysAllocated(OrtAllocator* allocator) const {
    char** keys = nullptr;
    int64_t count = 0;
    ThrowOnError(GetApi().ModelMetadataGetCustomMetadataMapKeys(p_, allocator, &keys, &count));
    const detail::AllocatedFree free(allocator);
    const std::unique_ptr<char*, detail::AllocatedFree> array(keys, free);
    std::vector<AllocatedStringPtr> texts;
    for (int64_t i = 0; i < count; ++i) texts.emplace_back(keys[i], free);
    return texts;
  }
  // Null when there is no such key.
  AllocatedStringPtr LookupCustomMetadataMapAllocated(const char* key,
                                                      OrtAllocator* allocator) const {
    char* value = nullptr;
    ThrowOnError(GetApi().ModelMetadataLookupCustomMetadataMap(p_, allocator, key, &value));
    return AllocatedStringPtr(value, detail::AllocatedFree(allocator));
  }
  int64_t GetVersion() const {
    int64_t version = 0;
    ThrowOnError(GetApi().ModelMetadataGetVersion(p_, &version));
    return version;
  }

 private:
  template <class Entry>
  AllocatedStringPtr text(Entry entry, OrtAllocator* allocator) const {
    char* text = nullptr;
    ThrowOnError((GetApi().*entry)(p_, allocator, &text));
    return AllocatedStringPtr(text, detail::AllocatedFree(allocator));
  }
};

namespace detail {

template <class T>
struct ConstSessionImpl : Base<T> {
  using Base<T>::Base;

  size_t GetInputCount() const { return count(&OrtApi::SessionGetInputCount); }
  size_t GetOutputCount() const { return count(&OrtApi::SessionGetOutputCount); }
  size_t GetOverridableInitializerCount() const {
    return count(&OrtApi::SessionGetOverridableInitializerCount);
  }
  AllocatedStringPtr GetInputNameAllocated(size_t index, OrtAllocator* allocator) const {
    return name(&OrtApi::SessionGetInputName, index, allocator);
  }
  AllocatedStringPtr GetOutputNameAllocated(size_t index, OrtAllocator* allocator) const {
    return name(&OrtApi::SessionGetOutputName, index, allocator);
  }
  AllocatedStringPtr GetOverridableInitializerNameAllocated(size_t index,
                                                            OrtAllocator* allocator) const {
    return name(&OrtApi::SessionGetOverridableInitializerName, index, allocator);
  }
  // As programs for versions before 1.13 call it: the caller frees, by the allocator.
  char* GetInputName(size_t index, OrtAllocator* allocator) const {
    return GetInputNameAllocated(index, allocator).release();
  }
  char* GetOutputName(size_t index, OrtAllocator* allocator) const {
    return GetOutputNameAllocated(index, allocator).release();
  }
  std::vector<std::string> GetInputNames() const {
    return names(&OrtApi::SessionGetInputName, GetInputCount());
  }
  std::vector<std::string> GetOutputNames() const {
    return names(&OrtApi::SessionGetOutputName, GetOutputCount());
  }
  std::vector<std::string> GetOverridableInitializerNames() const {
    return names(&OrtApi::SessionGetOverridableInitializerName, GetOverridableInitializerCount());
  }
  TypeInfo GetInputTypeInfo(size_t index) const {
    return type(&OrtApi::SessionGetInputTypeInfo, index);
  }
  TypeInfo GetOutputTypeInfo(size_t index) const {
    return type(&OrtApi::SessionGetOutputTypeInfo, index);
  }
  TypeInfo GetOverridableInitializerTypeInfo(size_t index) const {
    return type(&OrtApi::SessionGetOverridableInitializerTypeInfo, index);
  }
  std::vector<ValueInfo> GetInputs() const {
    return value_infos(GetInputNames(), &OrtApi::SessionGetInputTypeInfo);
  }
  std::vector<ValueInfo> GetOutputs() const {
    return value_infos(GetOutputNames(), &OrtApi::SessionGetOutputTypeInfo);
  }

  ModelMetadata GetModelMetadata() const {
    OrtModelMetadata* metadata = nullptr;
    ThrowOnError(GetApi().SessionGetModelMetadata(this->p_, &metadata));
    return ModelMetadata(metadata);
  }
  uint64_t GetProfilingStartTimeNs() const {
    uint64_t start = 0;
    ThrowOnError(GetApi().SessionGetProfilingStartTimeNs(this->p_, &start));
    return start;
  }
  int GetOpset(const std::string& domain) const {
    int opset = 0;
    ThrowOnError(GetModelEditorApi().SessionGetOpsetForDomain(this->p_, domain.c_str(), &opset));
    return opset;
  }
  std::vector<ConstMemoryInfo> GetMemoryInfoForInputs() const {
    return handles<ConstMemoryInfo, OrtMemoryInfo>(&OrtApi::SessionGetMemoryInfoForInputs,
                                                   GetInputCount());
  }
  std::vector<ConstMemoryInfo> GetMemoryInfoForOutputs() const {
    return handles<ConstMemoryInfo, OrtMemoryInfo>(&OrtApi::SessionGetMemoryInfoForOutputs,
                                                   GetOutputCount());
  }
  std::vector<ConstEpDevice> GetEpDeviceForInputs() const {
    return handles<ConstEpDevice, OrtEpDevice>(&OrtApi::SessionGetEpDeviceForInputs,
                                               GetInputCount());
  }
  std::vector<ConstEpDevice> GetEpDeviceForOutputs() const {
    return handles<ConstEpDevice, OrtEpDevice>(&OrtApi::SessionGetEpDeviceForOutputs,
                                               GetOutputCount());
  }

 private:
  template <class Entry>
  size_t count(Entry entry) const {
    size_t count = 0;
    ThrowOnError((GetApi().*entry)(this->p_, &count));
    return count;
  }
  template <class Entry>
  AllocatedStringPtr name(Entry entry, size_t index, OrtAllocator* allocator) const {
    char* name = nullptr;
    ThrowOnError((GetApi().*entry)(this->p_, index, allocator, &name));
    return AllocatedStringPtr(name, AllocatedFree(allocator));
  }
  template <class Entry>
  std::vector<std::string> names(Entry entry, size_t count) const {
    AllocatorWithDefaultOptions allocator;
    std::vector<std::string> names;
    for (size_t i = 0; i < count; ++i) names.emplace_back(name(entry, i, allocator).get());
    return names;
  }
  template <class Entry>
  TypeInfo type(Entry entry, size_t index) const {
    OrtTypeInfo* info = nullptr;
    ThrowOnError((GetApi().*entry)(this->p_, index, &info));
    return TypeInfo(info);
  }
  template <class Entry>
  std::vector<ValueInfo> value_infos(const std::vector<std::string>& names, Entry entry) const {
    std::vector<ValueInfo> infos;
    for (size_t i = 0; i < names.size(); ++i) {
      infos.emplace_back(names[i], type(entry, i).GetConst());
    }
    return infos;
  }
  template <class View, class Handle, class Entry>
  std::vector<View> handles(Entry entry, size_t count) const {
    std::vector<const Handle*> found(count);
    ThrowOnError((GetApi().*entry)(this->p_, found.data(), count));
    return std::vector<View>(found.begin(), found.end());
  }
};

// Values are wrapped handles and nothing else, so an array of them is one of handles.
static_assert(sizeof(Value) == sizeof(OrtValue*));
inline const OrtValue* const* handles_of(const Value* values) {
  return reinterpret_cast<const OrtValue* const*>(values);
}
inline OrtValue** handles_of(Value* values) { return reinterpret_cast<OrtValue**>(values); }

template <class T>
struct SessionImpl : ConstSessionImpl<T> {
  using ConstSessionImpl<T>::ConstSessionImpl;

  // The outputs, in the order of their names. Options may be Ort::RunOptions{nullptr}.
  std::vector<Value> Run(const RunOptions& options, const char* const* input_names,
                         const Value* inputs, size_t input_count, const char* const* output_names,
                         size_t output_count) {
    std::vector<Value> outputs(output_count);
    Run(options, input_names, inputs, input_count, output_names, outputs.data(), output_count);
    return outputs;
  }
  // Into outputs that are given; one that is null is allocated.
  void Run(const RunOptions& options, const char* const* input_names, const Value* inputs,
           size_t input_count, const char* const* output_names, Value* outputs,
           size_t output_count) {
    ThrowOnError(GetApi().Run(this->p_, options, input_names, handles_of(inputs), input_count,
                              output_names, output_count, handles_of(outputs)));
  }
  void Run(const RunOptions& options, const IoBinding& binding);
  // Returns at once; `callback` gets the outputs, or a status, in a thread of the library's. All
  // that is given here stays until then.
  void RunAsync(const RunOptions& options, const char* const* input_names, const Value* inputs,
                size_t input_count, const char* const* output_names, Value* outputs,
                size_t output_count, RunAsyncCallbackFn callback, void* user_data) {
    ThrowOnError(GetApi().RunAsync(this->p_, options, input_names, handles_of(inputs), input_count,
                                   output_names, output_count, handles_of(outputs), callback,
                                   user_data));
  }
  // Ends the profile and returns the name of its file.
  AllocatedStringPtr EndProfilingAllocated(OrtAllocator* allocator) {
    char* name = nullptr;
    ThrowOnError(GetApi().SessionEndProfiling(this->p_, allocator, &name));
    return AllocatedStringPtr(name, AllocatedFree(allocator));
  }
  void SetEpDynamicOptions(const char* const* keys, const char* const* values, size_t count) {
    ThrowOnError(GetApi().SetEpDynamicOptions(this->p_, keys, values, count));
  }
  void FinalizeModelEditorSession(const Model& model, const SessionOptions& options,
                                  OrtPrepackedWeightsContainer* container = nullptr) {
    ThrowOnError(GetModelEditorApi().ApplyModelToModelEditorSession(this->p_, model));
    ThrowOnError(GetModelEditorApi().FinalizeModelEditorSession(this->p_, options, container));
  }
  void ReleaseCapturedGraph(int annotation_id) {
    ThrowOnError(GetApi().SessionReleaseCapturedGraph(this->p_, annotation_id));
  }
};

}  // namespace detail

using ConstSession = detail::ConstSessionImpl<detail::Unowned<const OrtSession>>;
using UnownedSession = detail::SessionImpl<detail::Unowned<OrtSession>>;

// A loaded model. Env outlives it.
struct Session : detail::SessionImpl<OrtSession> {
  explicit Session(std::nullptr_t) {}
  explicit Session(OrtSession* session) : SessionImpl(session) {}
  Session(const Env& env, const ORTCHAR_T* path, const SessionOptions& options) {
    ThrowOnError(GetApi().CreateSession(env, path, options, &p_));
  }
  Session(const Env& env, const ORTCHAR_T* path, const SessionOptions& options,
          OrtPrepackedWeightsContainer* container) {
    ThrowOnError(
        GetApi().CreateSessionWithPrepackedWeightsContainer(env, path, options, container, &p_));
  }
  Session(const Env& env, const void* bytes, size_t count, const SessionOptions& options) {
    ThrowOnError(GetApi().CreateSessionFromArray(env, bytes, count, options, &p_));
  }
  Session(const Env& env, const void* bytes, size_t count, const SessionOptions& options,
          OrtPrepackedWeightsContainer* container) {
    ThrowOnError(GetApi().CreateSessionFromArrayWithPrepackedWeightsContainer(
        env, bytes, count, options, container, &p_));
  }
  // A model of the editor's, which is the session's from here on.
  Session(const Env& env, const Model& model, const SessionOptions& options) {
    ThrowOnError(GetModelEditorApi().CreateSessionFromModel(env, model, options, &p_));
  }
  static Session CreateModelEditorSession(const Env& env, const ORTCHAR_T* path,
                                          const SessionOptions& options) {
    OrtSession* made = nullptr;
    ThrowOnError(GetModelEditorApi().CreateModelEditorSession(env, path, options, &made));
    return Session(made);
  }
  static Session CreateModelEditorSession(const Env& env, const void* bytes, size_t count,
                                          const SessionOptions& options) {
    OrtSession* made = nullptr;
    ThrowOnError(
        GetModelEditorApi().CreateModelEditorSessionFromArray(env, bytes, count, options, &made));
    return Session(made);
  }
  ConstSession GetConst() const { return ConstSession(p_); }
  UnownedSession GetUnowned() const { return UnownedSession(p_); }
};

inline Allocator::Allocator(const Session& session, const OrtMemoryInfo* info) {
  ThrowOnError(GetApi().CreateAllocator(session, info, &p_));
}

namespace detail {

template <class T>
struct ConstIoBindingImpl : Base<T> {
  using Base<T>::Base;

  std::vector<std::string> GetOutputNames() const {
    AllocatorWithDefaultOptions allocator;
    return GetOutputNames(allocator);
  }
  std::vector<std::string> GetOutputNames(OrtAllocator* allocator) const {
    char* texts = nullptr;
    size_t* lengths = nullptr;
    size_t count = 0;
    ThrowOnError(GetApi().GetBoundOutputNames(this->p_, allocator, &texts, &lengths, &count));
    if (count == 0) return {};
    const AllocatedFree free(allocator);
    const AllocatedStringPtr kept_texts(texts, free);
    const std::unique_ptr<size_t, AllocatedFree> kept_lengths(lengths, free);
    std::vector<std::string> names;
    const char* next = texts;
    for (size_t i = 0; i < count; next += lengths[i++]) names.emplace_back(next, lengths[i]);
    return names;
  }
  std::vector<Value> GetOutputValues() const {
    AllocatorWithDefaultOptions allocator;
    return GetOutputValues(allocator);
  }
  std::vector<Value> GetOutputValues(OrtAllocator* allocator) const {
    OrtValue** found = nullptr;
    size_t count = 0;
    ThrowOnError(GetApi().GetBoundOutputValues(this->p_, allocator, &found, &count));
    if (count == 0) return {};
    const std::unique_ptr<OrtValue*, AllocatedFree> kept(found, AllocatedFree(allocator));
    std::vector<Value> values;
    values.reserve(count);
    for (size_t i = 0; i < count; ++i) values.emplace_back(found[i]);
    return values;
  }
};

template <class T>
struct IoBindingImpl : ConstIoBindingImpl<T> {
  using ConstIoBindingImpl<T>::ConstIoBindingImpl;

  void BindInput(const char* name, const Value& value) {
    ThrowOnError(GetApi().BindInput(this->p_, name, value));
  }
  // Runs write into the value ...
  void BindOutput(const char* name, const Value& value) {
    ThrowOnError(GetApi().BindOutput(this->p_, name, value));
  }
  // ... or into one that they allocate there.
  void BindOutput(const char* name, const OrtMemoryInfo* info) {
    ThrowOnError(GetApi().BindOutputToDevice(this->p_, name, info));
  }
  void ClearBoundInputs() { GetApi().ClearBoundInputs(this->p_); }
  void ClearBoundOutputs() { GetApi().ClearBoundOutputs(this->p_); }
  void SynchronizeInputs() { ThrowOnError(GetApi().SynchronizeBoundInputs(this->p_)); }
  void SynchronizeOutputs() { ThrowOnError(GetApi().SynchronizeBoundOutputs(this->p_)); }
};

}  // namespace detail

using ConstIoBinding = detail::ConstIoBindingImpl<detail::Unowned<const OrtIoBinding>>;
using UnownedIoBinding = detail::IoBindingImpl<detail::Unowned<OrtIoBinding>>;

struct IoBinding : detail::IoBindingImpl<OrtIoBinding> {
  explicit IoBinding(std::nullptr_t) {}
  explicit IoBinding(Session& session) { ThrowOnError(GetApi().CreateIoBinding(session, &p_)); }
  ConstIoBinding GetConst() const { return ConstIoBinding(p_); }
  UnownedIoBinding GetUnowned() const { return UnownedIoBinding(p_); }
};

template <class T>
void detail::SessionImpl<T>::Run(const RunOptions& options, const IoBinding& binding) {
  ThrowOnError(GetApi().RunWithBinding(this->p_, options, binding));
}

// What CompileModel does with a model.
struct ModelCompilationOptions : detail::Base<OrtModelCompilationOptions> {
  using Base = detail::Base<OrtModelCompilationOptions>;
  using Self = ModelCompilationOptions;

  explicit ModelCompilationOptions(std::nullptr_t) {}
  explicit ModelCompilationOptions(OrtModelCompilationOptions* options) : Base(options) {}
  ModelCompilationOptions(const Env& env, const SessionOptions& options) {
    ThrowOnError(
        GetCompileApi().CreateModelCompilationOptionsFromSessionOptions(env, options, &p_));
  }
  ModelCompilationOptions(const Env& env, ConstSessionOptions options) {
    ThrowOnError(
        GetCompileApi().CreateModelCompilationOptionsFromSessionOptions(env, options, &p_));
  }

  Self& SetInputModelPath(const ORTCHAR_T* path) {
    return set(&OrtCompileApi::ModelCompilationOptions_SetInputModelPath, path);
  }
  Self& SetInputModelFromBuffer(const void* bytes, size_t count) {
    return set(&OrtCompileApi::ModelCompilationOptions_SetInputModelFromBuffer, bytes, count);
  }
  Self& SetOutputModelPath(const ORTCHAR_T* path) {
    return set(&OrtCompileApi::ModelCompilationOptions_SetOutputModelPath, path);
  }
  Self& SetOutputModelBuffer(OrtAllocator* allocator, void** buffer, size_t* count) {
    return set(&OrtCompileApi::ModelCompilationOptions_SetOutputModelBuffer, allocator, buffer,
               count);
  }
  Self& SetOutputModelWriteFunc(OrtWriteBufferFunc write, void* state) {
    return set(&OrtCompileApi::ModelCompilationOptions_SetOutputModelWriteFunc, write, state);
  }
  Self& SetOutputModelExternalInitializersFile(const ORTCHAR_T* path, size_t threshold) {
    return set(&OrtCompileApi::ModelCompilationOptions_SetOutputModelExternalInitializersFile, path,
               threshold);
  }
  Self& SetOutputModelGetInitializerLocationFunc(OrtGetInitializerLocationFunc locate,
                                                 void* state) {
    return set(&OrtCompileApi::ModelCompilationOptions_SetOutputModelGetInitializerLocationFunc,
               locate, state);
  }
  Self& SetEpContextEmbedMode(bool embed) {
    return set(&OrtCompileApi::ModelCompilationOptions_SetEpContextEmbedMode, embed);
  }
  Self& SetEpContextBinaryInformation(const ORTCHAR_T* folder, const ORTCHAR_T* model_name) {
    return set(&OrtCompileApi::ModelCompilationOptions_SetEpContextBinaryInformation, folder,
               model_name);
  }
  Self& SetFlags(uint32_t flags) {
    return set(&OrtCompileApi::ModelCompilationOptions_SetFlags, flags);
  }
  Self& SetGraphOptimizationLevel(GraphOptimizationLevel level) {
    return set(&OrtCompileApi::ModelCompilationOptions_SetGraphOptimizationLevel, level);
  }

 private:
  template <class Entry, class... Arguments>
  Self& set(Entry entry, Arguments... arguments) {
    ThrowOnError((GetCompileApi().*entry)(p_, arguments...));
    return *this;
  }
};

inline Status CompileModel(const Env& env, const ModelCompilationOptions& options) {
  return Status(GetCompileApi().CompileModel(env, options));
}

}  // namespace Ort
