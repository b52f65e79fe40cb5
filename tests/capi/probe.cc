// Calls every entry of the table with arguments that fit, and then with each of its pointers NULL
// in turn, each call in a process of its own, and prints what came of it: a line "entry <tab> what
// is NULL <tab> outcome". tests/capi/compare.py holds the lines of two libraries to each other.
#include <cstdio>
#include <map>
#include <tuple>

#include "tests/capi/outcome.h"

namespace sardonyx::capi_tests {
namespace {

// What handles an entry is called with, by type; NULL where this library makes none.
std::map<std::string, const void*>& handles() {
  static std::map<std::string, const void*> all;
  return all;
}
template <class T>
void give(const char* name, T* handle) {
  handles()[name] = handle;
}

alignas(64) char scratch[1 << 16];
float floats[4] = {1, 2, 3, 4};

// Names of handle types as the table has them.
template <class T>
constexpr const char* kHandle = nullptr;
#define HANDLE_NAME(name) \
  template <>             \
  inline constexpr const char* kHandle<Ort##name> = #name
HANDLE_NAME(Env);
HANDLE_NAME(Status);
HANDLE_NAME(SessionOptions);
HANDLE_NAME(Session);
HANDLE_NAME(RunOptions);
HANDLE_NAME(Value);
HANDLE_NAME(MemoryInfo);
HANDLE_NAME(TypeInfo);
HANDLE_NAME(TensorTypeAndShapeInfo);
HANDLE_NAME(MapTypeInfo);
HANDLE_NAME(SequenceTypeInfo);
HANDLE_NAME(OptionalTypeInfo);
HANDLE_NAME(ModelMetadata);
HANDLE_NAME(IoBinding);
HANDLE_NAME(CustomOpDomain);
HANDLE_NAME(KeyValuePairs);
HANDLE_NAME(OpAttr);
HANDLE_NAME(Op);
HANDLE_NAME(Allocator);
HANDLE_NAME(ThreadingOptions);
HANDLE_NAME(ArenaCfg);
HANDLE_NAME(PrepackedWeightsContainer);
HANDLE_NAME(LoraAdapter);
HANDLE_NAME(KernelInfo);
HANDLE_NAME(KernelContext);
HANDLE_NAME(ShapeInferContext);
HANDLE_NAME(Logger);
HANDLE_NAME(CustomOp);
HANDLE_NAME(ValueInfo);
HANDLE_NAME(Node);
HANDLE_NAME(Graph);
HANDLE_NAME(Model);
HANDLE_NAME(EpDevice);
HANDLE_NAME(HardwareDevice);
HANDLE_NAME(ExternalInitializerInfo);
HANDLE_NAME(EpAssignedSubgraph);
HANDLE_NAME(EpAssignedNode);
HANDLE_NAME(DeviceEpIncompatibilityDetails);
HANDLE_NAME(SyncStream);
#undef HANDLE_NAME

template <class T>
bool has_argument() {
  using Pointed = std::remove_cv_t<std::remove_pointer_t<T>>;
  if constexpr (std::is_pointer_v<T> && std::is_class_v<Pointed>) {
    if constexpr (kHandle<Pointed> == nullptr) return false;
    // NOLINTNEXTLINE(bugprone-string-constructor): looked at where there is none, too
    return handles()[kHandle<Pointed>] != nullptr;
  } else {
    return true;
  }
}

// An argument that fits: handles, "x", one element, memory to write to.
template <class T>
T argument(size_t position) {
  using Pointed = std::remove_pointer_t<T>;
  using Plain = std::remove_cv_t<Pointed>;
  if constexpr (!std::is_pointer_v<T>) {
    return static_cast<T>(1);
  } else if constexpr (std::is_class_v<Plain>) {
    if constexpr (kHandle<Plain> == nullptr) return nullptr;
    // NOLINTNEXTLINE(bugprone-string-constructor): the same
    return static_cast<T>(const_cast<void*>(handles()[kHandle<Plain>]));
  } else if constexpr (std::is_function_v<Pointed>) {
    static constexpr auto ignore = [] {};
    return reinterpret_cast<T>(+ignore);
  } else if constexpr (std::is_same_v<T, const char*>) {
    return "x";
  } else if constexpr (std::is_same_v<T, const char* const*>) {
    static const char* const names[] = {"x", "x"};
    return names;
  } else if constexpr (std::is_same_v<T, const OrtValue* const*> ||
                       std::is_same_v<T, OrtValue* const*>) {
    static OrtValue* values[2];
    values[0] = values[1] = static_cast<OrtValue*>(const_cast<void*>(handles()["Value"]));
    return values;
  } else if constexpr (std::is_same_v<T, const OrtEpDevice* const*>) {
    static const OrtEpDevice* devices[1];
    devices[0] = static_cast<const OrtEpDevice*>(handles()["EpDevice"]);
    return devices;
  } else if constexpr (std::is_same_v<T, const int64_t*> || std::is_same_v<T, const int32_t*>) {
    static const int64_t ones[] = {1, 1, 1, 1};
    return reinterpret_cast<T>(ones);
  } else if constexpr (std::is_same_v<T, const size_t*>) {
    static const size_t ones[] = {1, 1};
    return ones;
  } else if constexpr (std::is_same_v<T, const void*>) {
    return floats;
  } else {
    // Memory of its own for each argument, zeros but for sizes, which say how much room there is.
    char* place = scratch + position * 4096;
    if constexpr (std::is_same_v<T, size_t*>) *reinterpret_cast<size_t*>(place) = 1024;
    return reinterpret_cast<T>(place);
  }
}

template <class... Args, size_t... kPositions>
std::tuple<Args...> arguments(std::index_sequence<kPositions...>) {
  return {argument<Args>(kPositions)...};
}

template <class Returned, class... Args>
void call_without(int file, Returned (*entry)(Args...), size_t absent) {
  auto args = arguments<Args...>(std::index_sequence_for<Args...>());
  size_t index = 0;
  const auto clear = [&](auto& arg) {
    if (index++ == absent) arg = std::remove_reference_t<decltype(arg)>{};
  };
  std::apply([&](auto&... each) { (clear(each), ...); }, args);
  if constexpr (std::is_same_v<Returned, OrtStatus*>) {
    print_status(file, std::apply(entry, args));
  } else {
    std::apply(entry, args);
    if (write(file, "returned", 8) < 0) _exit(3);
  }
}

template <class Returned, class... Args>
void probe(const char* name, Returned (*entry)(Args...)) {
  const bool fits = (has_argument<Args>() && ...);
  if (fits) {
    const std::string text = outcome([&](int file) { call_without(file, entry, SIZE_MAX); });
    std::printf("%s\tnothing\t%s\n", name, text.c_str());
  }
  constexpr bool is_pointer[] = {std::is_pointer_v<Args>..., false};
  const bool has[] = {has_argument<Args>()..., true};
  for (size_t i = 0; i < sizeof...(Args); ++i) {
    if (!is_pointer[i]) continue;
    bool others_fit = true;
    for (size_t k = 0; k < sizeof...(Args); ++k) others_fit &= k == i || has[k];
    if (!others_fit) continue;
    const std::string text = outcome([&](int file) { call_without(file, entry, i); });
    std::printf("%s\targument %zu\t%s\n", name, i, text.c_str());
  }
}

template <class Fn>
void probe_entry(const char* name, Fn entry) {
  probe(name, entry);
}

void probe_table() {
#define TABLE_ENTRY(name) probe_entry(#name, api().name);
#include "onnxruntime/table_entries.inc"
#undef TABLE_ENTRY
}

// An operator whose kernel calls the table while it computes, so that there are contexts to give.
struct ProbingOp : OrtCustomOp {
  ProbingOp() : OrtCustomOp() {
    version = ORT_API_VERSION;
    GetName = [](const OrtCustomOp*) { return "Probe"; };
    GetExecutionProviderType = [](const OrtCustomOp*) { return "CPUExecutionProvider"; };
    GetInputTypeCount = [](const OrtCustomOp*) { return size_t{1}; };
    GetOutputTypeCount = [](const OrtCustomOp*) { return size_t{1}; };
    GetInputType = [](const OrtCustomOp*, size_t) { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; };
    GetOutputType = [](const OrtCustomOp*, size_t) { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; };
    GetInputCharacteristic = [](const OrtCustomOp*, size_t) { return INPUT_OUTPUT_REQUIRED; };
    GetOutputCharacteristic = [](const OrtCustomOp*, size_t) { return INPUT_OUTPUT_REQUIRED; };
    GetInputMemoryType = [](const OrtCustomOp*, size_t) { return OrtMemTypeDefault; };
    GetStartVersion = [](const OrtCustomOp*) { return 1; };
    GetEndVersion = [](const OrtCustomOp*) { return 100; };
    CreateKernelV2 = [](const OrtCustomOp*, const OrtApi*, const OrtKernelInfo* info,
                        void** kernel) -> OrtStatus* {
      OrtKernelInfo* copy = nullptr;  // which outlives the call
      if (OrtStatus* status = api().CopyKernelInfo(info, &copy)) return status;
      give("KernelInfo", copy);
      const OrtLogger* logger = nullptr;
      if (OrtStatus* status = api().KernelInfo_GetLogger(info, &logger)) return status;
      give("Logger", logger);
      *kernel = scratch;
      return nullptr;
    };
    KernelComputeV2 = [](void*, OrtKernelContext* context) -> OrtStatus* {
      give("KernelContext", context);
      probe_table();
      const int64_t two[] = {2};
      OrtValue* out = nullptr;
      return api().KernelContext_GetOutput(context, 0, two, 1, &out);
    };
    KernelDestroy = [](void*) {};
    InferOutputShapeFn = [](const OrtCustomOp*, OrtShapeInferContext*) -> OrtStatus* {
      return nullptr;
    };
  }
};

template <class Fn, class... Args>
void make_handle(const char* name, Fn function, Args... args) {
  void* handle = nullptr;
  const Failure failed = failure(reinterpret_cast<OrtStatus* (*)(Args..., void**)>(
      reinterpret_cast<void*>(function))(args..., &handle));
  if (failed.code != ORT_OK) std::fprintf(stderr, "%s: %s\n", name, failed.message.c_str());
  give(name, handle);
}

void make_editor_handles() {
  const OrtModelEditorApi& editor = *api().GetModelEditorApi();
  const auto* info =
      static_cast<const OrtTensorTypeAndShapeInfo*>(handles()["TensorTypeAndShapeInfo"]);
  OrtTypeInfo* type = nullptr;
  EXPECT_OK(editor.CreateTensorTypeInfo(info, &type));
  make_handle("ValueInfo", editor.CreateValueInfo, "x", static_cast<const OrtTypeInfo*>(type));
  static const char* const x[] = {"x"};
  static const char* const y[] = {"y"};
  make_handle("Node", editor.CreateNode, "Neg", "", "node", x, size_t{1}, y, size_t{1},
              static_cast<OrtOpAttr**>(nullptr), size_t{0});
  make_handle("Graph", editor.CreateGraph);
  static const int version = 17;
  static const char* const domain[] = {""};
  make_handle("Model", editor.CreateModel, domain, &version, size_t{1});
}

void make_device_handles(OrtEnv* env) {
  const OrtEpDevice* const* devices = nullptr;
  size_t count = 0;
  EXPECT_OK(api().GetEpDevices(env, &devices, &count));
  if (count == 0) return;
  give("EpDevice", devices[0]);
  give("HardwareDevice", api().EpDevice_Device(devices[0]));
}

int run_probe() {
  const Env env = make_env();
  const SessionOptions options = make_options();
  EXPECT_OK(api().SetIntraOpNumThreads(options.get(), 1));  // threads do not outlive a fork
  EXPECT_OK(api().SetInterOpNumThreads(options.get(), 1));
  EXPECT_OK(
      api().AddSessionConfigEntry(options.get(), "session.record_ep_graph_assignment_info", "1"));
  static const ProbingOp op;
  const auto domain = made<CustomOpDomain>(api().CreateCustomOpDomain, "probe");
  EXPECT_OK(api().CustomOpDomain_Add(domain.get(), &op));
  EXPECT_OK(api().AddCustomOpDomain(options.get(), domain.get()));
  const Session session = load(env, R"(<ir_version: 8, opset_import: ["" : 17, "probe" : 1]>
    g (float[2] x) => (float[2] y) { y = probe.Probe <a = 1.0, i = 3> (x) })",
                               options.get());
  if (session == nullptr) return 1;

  const Value value =
      made<Value>(api().CreateTensorWithDataAsOrtValue, cpu_memory().get(),
                  static_cast<void*>(floats), sizeof(float) * 2, argument<const int64_t*>(0),
                  size_t{1}, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
  std::vector<float> data = {1, 2};
  const Value input = tensor(data, {2});
  const MemoryInfo memory = cpu_memory();
  give("Env", env.get());
  give("Session", session.get());
  give("SessionOptions", options.get());
  give("CustomOpDomain", domain.get());
  give("CustomOp", static_cast<const OrtCustomOp*>(&op));
  give("Value", input.get());
  give("MemoryInfo", memory.get());
  give("Allocator", allocator());
  give("Status", api().CreateStatus(ORT_FAIL, "x"));
  const auto type = made<TypeInfo>(api().SessionGetInputTypeInfo, session.get(), size_t{0});
  give("TypeInfo", type.get());
  make_handle("TensorTypeAndShapeInfo", api().GetTensorTypeAndShape,
              static_cast<const OrtValue*>(input.get()));
  make_handle("RunOptions", api().CreateRunOptions);
  make_handle("ModelMetadata", api().SessionGetModelMetadata,
              static_cast<const OrtSession*>(session.get()));
  make_handle("IoBinding", api().CreateIoBinding, session.get());
  OrtKeyValuePairs* pairs = nullptr;
  api().CreateKeyValuePairs(&pairs);
  give("KeyValuePairs", pairs);
  make_handle("OpAttr", api().CreateOpAttr, "x", static_cast<const void*>(floats), 1,
              ORT_OP_ATTR_FLOAT);
  make_handle("ThreadingOptions", api().CreateThreadingOptions);
  make_handle("ArenaCfg", api().CreateArenaCfg, size_t{0}, -1, -1, -1);
  make_handle("PrepackedWeightsContainer", api().CreatePrepackedWeightsContainer);
  make_handle("ExternalInitializerInfo", api().CreateExternalInitializerInfo, "x", int64_t{1},
              size_t{1});
  make_editor_handles();
  make_device_handles(env.get());
  Value output;
  const Failure failed = run(session, "x", input, "y", output);
  if (failed.code != ORT_OK) std::fprintf(stderr, "run: %s\n", failed.message.c_str());
  return failed.code == ORT_OK ? 0 : 1;
}

}  // namespace
}  // namespace sardonyx::capi_tests

int main() {  // NOLINT(bugprone-exception-escape): it may end so
  const int code = sardonyx::capi_tests::run_probe();
  std::fflush(stdout);
  _exit(code);
}
