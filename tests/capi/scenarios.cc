// What a client may get wrong, and what it relies on: each scenario in a process of its own, a line
// "scenario <tab> outcome" for each, where the outcome is "ok" or a status. A name that ends with
// "=" says that its message is the same in ONNX Runtime, one with "begins=" that ours goes on after
// it. tests/capi/compare.py holds the lines of
// two libraries to each other.
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "tests/capi/scenario.h"

namespace sardonyx::capi_tests {
namespace {

OrtStatus* make_tensor(std::vector<int64_t> dims, size_t bytes, int type, void* data) {
  OrtValue* value = nullptr;
  return api().CreateTensorWithDataAsOrtValue(cpu_memory().release(), data, bytes, dims.data(),
                                              dims.size(),
                                              static_cast<ONNXTensorElementDataType>(type), &value);
}
OrtStatus* allocate_tensor(std::vector<int64_t> dims, int type) {
  OrtValue* value = nullptr;
  return api().CreateTensorAsOrtValue(allocator(), dims.data(), dims.size(),
                                      static_cast<ONNXTensorElementDataType>(type), &value);
}

// Options, set and then tried.
template <class Set>
Do with_options(Set set, const char* text = kAdd) {
  return [set, text]() -> OrtStatus* {
    if (OrtStatus* status = set(world().options.get())) return status;
    return world().opening(text);
  };
}
Do with_entry(const char* key, const char* value, int threads = 1) {
  return with_options([=](OrtSessionOptions* options) -> OrtStatus* {
    if (OrtStatus* status = api().SetIntraOpNumThreads(options, threads)) return status;
    return api().AddSessionConfigEntry(options, key, value);
  });
}

OrtCustomThreadHandle create_thread(void*, OrtThreadWorkerFn work, void* argument) {
  return reinterpret_cast<OrtCustomThreadHandle>(new std::thread(work, argument));
}
void join_thread(OrtCustomThreadHandle handle) {
  auto* thread = reinterpret_cast<std::thread*>(const_cast<OrtCustomHandleType*>(handle));
  thread->join();
  delete thread;
}

std::vector<Scenario> thread_options() {
  const auto hooks = [](OrtCustomCreateThreadFn create, OrtCustomJoinThreadFn join) {
    return with_options([=](OrtSessionOptions* options) -> OrtStatus* {
      EXPECT_OK(api().SetIntraOpNumThreads(options, 3));
      EXPECT_OK(api().SessionOptionsSetCustomCreateThreadFn(options, create));
      return api().SessionOptionsSetCustomJoinThreadFn(options, join);
    });
  };
  return {
      {"threads: of the program", hooks(&create_thread, &join_thread)},
      {"threads: of the program, without join", hooks(&create_thread, nullptr)},
      {"threads: join without create", hooks(nullptr, &join_thread)},
      {"threads: of the program, refused",
       hooks([](void*, OrtThreadWorkerFn, void*) -> OrtCustomThreadHandle { return nullptr; },
             &join_thread)},
      {"threads: global ones that are not there", with_options(api().DisablePerSessionThreads)},
      {"threads: affinity", with_entry("session.intra_op_thread_affinities", "1;2", 3)},
      {"threads: affinity of ranges", with_entry("session.intra_op_thread_affinities", "1-2;1", 3)},
      {"threads: too few affinities", with_entry("session.intra_op_thread_affinities", "1", 3)},
      {"threads: too many", with_entry("session.intra_op_thread_affinities", "1;2;1", 3)},
      {"threads: affinity that is no number",
       with_entry("session.intra_op_thread_affinities", "a;b", 3)},
      {"threads: affinity from 0", with_entry("session.intra_op_thread_affinities", "0;1", 3)},
      {"threads: affinity backwards", with_entry("session.intra_op_thread_affinities", "2-1;1", 3)},
      {"threads: no spinning", with_entry("session.intra_op.allow_spinning", "0", 3)},
      {"threads: denormals as zero", with_entry("session.set_denormal_as_zero", "1", 3)},
      {"threads: negative", [] { return api().SetIntraOpNumThreads(world().options.get(), -1); }},
      {"threads: spin control of 2=",
       [] {
         OrtThreadingOptions* options = nullptr;
         EXPECT_OK(api().CreateThreadingOptions(&options));
         return api().SetGlobalSpinControl(options, 2);
       }},
      {"threads: an empty affinity",
       [] {
         OrtThreadingOptions* options = nullptr;
         EXPECT_OK(api().CreateThreadingOptions(&options));
         return api().SetGlobalIntraOpThreadAffinity(options, "");
       }},
  };
}

const std::string& long_key() {
  static const std::string key(1025, 'k');
  return key;
}

std::vector<Scenario> session_options() {
  return {
      {"options: an empty key=", with_entry("", "x")},
      {"options: a long key", with_entry(long_key().c_str(), "x")},
      {"options: an unknown key", with_entry("nobody.knows", "this")},
      {"options: a key that is not there=",
       [] {
         size_t size = 0;
         return api().GetSessionConfigEntry(world().options.get(), "nothing", nullptr, &size);
       }},
      {"options: a value and too little room",
       [] {
         EXPECT_OK(api().AddSessionConfigEntry(world().options.get(), "key", "value"));
         char place[2];
         size_t size = 2;
         return api().GetSessionConfigEntry(world().options.get(), "key", place, &size);
       }},
      {"options: execution mode 7=",
       [] {
         return api().SetSessionExecutionMode(world().options.get(), static_cast<ExecutionMode>(7));
       }},
      {"options: optimization level 7=",
       [] {
         return api().SetSessionGraphOptimizationLevel(world().options.get(),
                                                       static_cast<GraphOptimizationLevel>(7));
       }},
      {"options: no such provider",
       [] {
         return api().SessionOptionsAppendExecutionProvider(world().options.get(), "Nonsense",
                                                            nullptr, nullptr, 0);
       }},
      {"options: a library of operators that is not there",
       [] {
         void* library = nullptr;
         return api().RegisterCustomOpsLibrary(world().options.get(), "/nowhere.so", &library);
       }},
      {"options: a library without operators",
       [] {
         void* library = nullptr;
         return api().RegisterCustomOpsLibrary(world().options.get(), "libm.so.6", &library);
       }},
      {"options: a function that is not there",
       [] { return api().RegisterCustomOpsUsingFunction(world().options.get(), "no_such_fn"); }},
      {"options: load canceled", with_options([](OrtSessionOptions* options) {
         return api().SessionOptionsSetLoadCancellationFlag(options, true);
       })},
      {"options: an initializer", with_options([](OrtSessionOptions* options) {
         return api().AddInitializer(options, "w", floats({2}));
       })},
      {"options: an initializer twice",
       [] {
         EXPECT_OK(api().AddInitializer(world().options.get(), "w", floats({2})));
         return api().AddInitializer(world().options.get(), "w", floats({2}));
       }},
      {"options: an initializer that the model has not",
       with_options([](OrtSessionOptions* options) {
         return api().AddInitializer(options, "nothing", floats({2}));
       })},
      {"options: an external initializer that the model has not",
       with_options([](OrtSessionOptions* options) {
         const char* name = "nothing";
         const OrtValue* value = floats({2});
         return api().AddExternalInitializers(options, &name, &value, 1);
       })},
      {"options: a dim", with_options([](OrtSessionOptions* options) {
         return api().AddFreeDimensionOverrideByName(options, "N", 3);
       })},
      {"options: a dim that the model has not", with_options([](OrtSessionOptions* options) {
         return api().AddFreeDimensionOverrideByName(options, "Q", 3);
       })},
      {"options: no fallback to the CPU begins=",
       with_entry("session.disable_cpu_ep_fallback", "1")},
      {"options: a layout of values that nobody knows=",
       with_entry("session.gqa_value_layout", "nonsense")},
      {"options: a negative dim",
       [] { return api().AddFreeDimensionOverrideByName(world().options.get(), "N", -1); }},
  };
}

// Compiles a model to memory with options that `choose` completes; `tell` says of what comes out.
OrtStatus* compile(const std::function<void(OrtModelCompilationOptions*)>& choose,
                   const std::function<const char*(std::string_view compiled)>& tell) {
  const OrtCompileApi& compiler = *api().GetCompileApi();
  const std::string bytes = model_bytes(kAdd);
  OrtModelCompilationOptions* options = nullptr;
  EXPECT_OK(compiler.CreateModelCompilationOptionsFromSessionOptions(
      world().env.get(), world().options.get(), &options));
  EXPECT_OK(compiler.ModelCompilationOptions_SetInputModelFromBuffer(options, bytes.data(),
                                                                     bytes.size()));
  void* buffer = nullptr;
  size_t size = 0;
  EXPECT_OK(
      compiler.ModelCompilationOptions_SetOutputModelBuffer(options, allocator(), &buffer, &size));
  choose(options);
  OrtStatus* status = compiler.CompileModel(world().env.get(), options);
  if (status == nullptr) {
    status = api().CreateStatus(ORT_FAIL, tell({static_cast<const char*>(buffer), size}));
    EXPECT_OK(api().AllocatorFree(allocator(), buffer));
  }
  compiler.ReleaseModelCompilationOptions(options);
  return status;
}

// With `locate` to say where the initializers go.
Do compiling(OrtGetInitializerLocationFunc locate) {
  return [locate] {
    return compile(
        [locate](OrtModelCompilationOptions* options) {
          EXPECT_OK(api()
                        .GetCompileApi()
                        ->ModelCompilationOptions_SetOutputModelGetInitializerLocationFunc(
                            options, locate, nullptr));
        },
        [](std::string_view compiled) {
          return compiled.find("mine.bin") != std::string_view::npos ? "outside" : "inside";
        });
  };
}

// With a file for the initializers, which tells whether it is there.
OrtStatus* compiling_beside(const char* file, size_t threshold) {
  return compile(
      [=](OrtModelCompilationOptions* options) {
        EXPECT_OK(
            api().GetCompileApi()->ModelCompilationOptions_SetOutputModelExternalInitializersFile(
                options, file, threshold));
      },
      [=](std::string_view) { return std::filesystem::remove(file) ? "beside" : "inside"; });
}

std::vector<Scenario> compilations() {
  return {
      {"compile: initializers beside=", [] { return compiling_beside("capi_beside.bin", 1); }},
      {"compile: small initializers=", [] { return compiling_beside("capi_beside.bin", 1000); }},
      {"compile: an initializer outside=",
       compiling([](void*, const char*, const OrtValue* value, const OrtExternalInitializerInfo*,
                    OrtExternalInitializerInfo** out) {
         size_t bytes = 0;
         EXPECT_OK(api().GetTensorSizeInBytes(value, &bytes));
         return api().CreateExternalInitializerInfo("mine.bin", 64, bytes, out);
       })},
      {"compile: an initializer inside=",
       compiling([](void*, const char*, const OrtValue*, const OrtExternalInitializerInfo* from,
                    OrtExternalInitializerInfo** out) -> OrtStatus* {
         *out = nullptr;
         return from == nullptr ? nullptr : api().CreateStatus(ORT_FAIL, "it was inside");
       })},
      {"compile: the name of an initializer",
       compiling([](void*, const char* name, const OrtValue*, const OrtExternalInitializerInfo*,
                    OrtExternalInitializerInfo**) {
         return api().CreateStatus(ORT_INVALID_ARGUMENT, name);
       })},
  };
}

std::vector<Scenario> models() {
  const auto file = [](const char* path) {
    return [path] {
      OrtSession* session = nullptr;
      return api().CreateSession(world().env.get(), path, world().options.get(), &session);
    };
  };
  const auto bytes = [](const void* data, size_t size) {
    return [data, size] {
      OrtSession* session = nullptr;
      return api().CreateSessionFromArray(world().env.get(), data, size, world().options.get(),
                                          &session);
    };
  };
  return {
      {"model: a file that is not there", file("/nowhere/model.onnx")},
      {"model: a folder", file("/tmp")},
      {"model: no bytes at all=", bytes(nullptr, 0)},
      {"model: empty", bytes("", 0)},
      {"model: not a model", bytes("this is not a model", 19)},
      {"model: an operator that nobody knows",
       [] {
         return world().opening(R"(<ir_version: 8, opset_import: ["" : 17]>
           g (float[2] x) => (float[2] y) { y = NoSuchOperator(x) })");
       }},
      {"model: an opset of the future",
       [] {
         return world().opening(R"(<ir_version: 8, opset_import: ["" : 9999]>
           g (float[2] x) => (float[2] y) { y = Neg(x) })");
       }},
      {"model: shapes that contradict",
       [] {
         return world().opening(R"(<ir_version: 8, opset_import: ["" : 17]>
           g (float[2] x, float[3] z) => (float[2] y) { y = Add(x, z) })");
       }},
      {"model: a type that no operator takes",
       [] {
         return world().opening(R"(<ir_version: 8, opset_import: ["" : 17]>
           g (string[2] x) => (string[2] y) { y = Neg(x) })");
       }},
      {"model: a name that nobody gives",
       [] {
         return world().opening(R"(<ir_version: 8, opset_import: ["" : 17]>
           g (float[2] x) => (float[2] y) { y = Neg(q) })");
       }},
      {"model: a cycle",
       [] {
         return world().opening(R"(<ir_version: 8, opset_import: ["" : 17]>
           g (float[2] x) => (float[2] y) { y = Add(x, z)  z = Neg(y) })");
       }},
      {"model: an attribute that is not there",
       [] {
         return world().opening(R"(<ir_version: 8, opset_import: ["" : 17]>
           g (float[2] x) => (float[2] y) { y = Neg <bad = 1> (x) })");
       }},
      {"model: index of an input",
       [] {
         static Session session;
         session = world().session(kAdd);
         char* name = nullptr;
         return api().SessionGetInputName(session.get(), 7, allocator(), &name);
       }},
      {"model: type of an output",
       [] {
         static Session session;
         session = world().session(kAdd);
         OrtTypeInfo* info = nullptr;
         return api().SessionGetOutputTypeInfo(session.get(), 7, &info);
       }},
  };
}

std::vector<Scenario> tensors() {  // NOLINT(readability-function-size): a table
  static float data[4] = {1, 2, 3, 4};
  return {
      {"tensor: too little memory=",
       [] {
         return make_tensor({2, 2}, 15, 1, data);
       }},
      {"tensor: more memory than needed", [] { return make_tensor({2}, 16, 1, data); }},
      {"tensor: a negative dim", [] { return make_tensor({-1}, 16, 1, data); }},
      {"tensor: huge dims",
       [] {
         return make_tensor({INT64_MAX, INT64_MAX}, 16, 1, data);
       }},
      {"tensor: strings in the client's memory",
       [] { return make_tensor({1}, 64, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, data); }},
      {"tensor: element type 0", [] { return make_tensor({1}, 16, 0, data); }},
      {"tensor: element type 99", [] { return make_tensor({1}, 16, 99, data); }},
      {"tensor: complex",
       [] { return make_tensor({1}, 16, ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX64, data); }},
      {"tensor: allocated",
       [] {
         return allocate_tensor({2, 3}, 1);
       }},
      {"tensor: allocated with a negative dim",
       [] {
         return allocate_tensor({2, -3}, 1);
       }},
      {"tensor: allocated huge",
       [] {
         return allocate_tensor({INT64_MAX / 2, 4}, 1);
       }},
      {"tensor: allocated beyond memory", [] { return allocate_tensor({int64_t{1} << 48}, 1); }},
      {"tensor: allocated of type 0", [] { return allocate_tensor({1}, 0); }},
      {"tensor: on a device that nobody knows=",
       [] {
         OrtMemoryInfo* info = nullptr;
         return api().CreateMemoryInfo("Nowhere", OrtDeviceAllocator, 0, OrtMemTypeDefault, &info);
       }},
      {"tensor: at a place beyond it",
       [] {
         const int64_t place[] = {2, 0};
         void* out = nullptr;
         return api().TensorAt(floats({2, 2}), place, 2, &out);
       }},
      {"tensor: at a negative place",
       [] {
         const int64_t place[] = {-1, 0};
         void* out = nullptr;
         return api().TensorAt(floats({2, 2}), place, 2, &out);
       }},
      {"tensor: at a place of another rank=",
       [] {
         const int64_t place[] = {1};
         void* out = nullptr;
         return api().TensorAt(floats({2, 2}), place, 1, &out);
       }},
      {"tensor: at a place of strings=",
       [] {
         const int64_t place[] = {1};
         void* out = nullptr;
         return api().TensorAt(strings(2), place, 1, &out);
       }},
      {"tensor: size of strings=",
       [] {
         size_t bytes = 0;
         return api().GetTensorSizeInBytes(strings(2), &bytes);
       }},
      {"tensor: data of strings",
       [] {
         void* out = nullptr;
         return api().GetTensorMutableData(strings(2), &out);
       }},
      {"tensor: data of a sequence",
       [] {
         void* out = nullptr;
         return api().GetTensorMutableData(sequence({floats({2})}), &out);
       }},
      {"tensor: shape of a sequence",
       [] {
         OrtTensorTypeAndShapeInfo* info = nullptr;
         return api().GetTensorTypeAndShape(sequence({floats({2})}), &info);
       }},
  };
}

std::vector<Scenario> texts_and_containers() {  // NOLINT(readability-function-size): a table
  return {
      {"strings: fewer than the tensor has",
       [] {
         const char* texts[] = {"a"};
         return api().FillStringTensor(strings(2), texts, 1);
       }},
      {"strings: more than the tensor has",
       [] {
         const char* texts[] = {"a", "b", "c"};
         return api().FillStringTensor(strings(2), texts, 3);
       }},
      {"strings: into floats",
       [] {
         const char* texts[] = {"a", "b"};
         return api().FillStringTensor(floats({2}), texts, 2);
       }},
      {"strings: an element beyond",
       [] { return api().FillStringTensorElement(strings(2), "x", 2); }},
      {"strings: the length of one beyond",
       [] {
         size_t length = 0;
         return api().GetStringTensorElementLength(strings(2), 2, &length);
       }},
      {"strings: content with too little room",
       [] {
         OrtValue* value = strings(2);
         const char* texts[] = {"abc", "def"};
         EXPECT_OK(api().FillStringTensor(value, texts, 2));
         char place[8];
         size_t offsets[2];
         return api().GetStringTensorContent(value, place, 4, offsets, 2);
       }},
      {"strings: content with too few offsets",
       [] {
         OrtValue* value = strings(2);
         char place[8];
         size_t offsets[2];
         return api().GetStringTensorContent(value, place, 8, offsets, 1);
       }},
      {"sequence: empty",
       [] {
         OrtValue* value = nullptr;
         return api().CreateValue(nullptr, 0, ONNX_TYPE_SEQUENCE, &value);
       }},
      {"sequence: of two types",
       [] {
         const OrtValue* items[] = {floats({2}), doubles({2})};
         OrtValue* value = nullptr;
         return api().CreateValue(items, 2, ONNX_TYPE_SEQUENCE, &value);
       }},
      {"sequence: an item beyond",
       [] {
         OrtValue* item = nullptr;
         return api().GetValue(sequence({floats({2})}), 1, allocator(), &item);
       }},
      {"sequence: a negative item",
       [] {
         OrtValue* item = nullptr;
         return api().GetValue(sequence({floats({2})}), -1, allocator(), &item);
       }},
      {"map: of one part",
       [] {
         const OrtValue* parts[] = {ints({2})};
         OrtValue* value = nullptr;
         return api().CreateValue(parts, 1, ONNX_TYPE_MAP, &value);
       }},
      {"map: of parts of other lengths",
       [] {
         const OrtValue* parts[] = {ints({2}), floats({3})};
         OrtValue* value = nullptr;
         return api().CreateValue(parts, 2, ONNX_TYPE_MAP, &value);
       }},
      {"map: with floats as keys",
       [] {
         const OrtValue* parts[] = {floats({2}), floats({2})};
         OrtValue* value = nullptr;
         return api().CreateValue(parts, 2, ONNX_TYPE_MAP, &value);
       }},
      {"map: a third part",
       [] {
         const OrtValue* parts[] = {ints({2}), floats({2})};
         OrtValue* map = nullptr;
         EXPECT_OK(api().CreateValue(parts, 2, ONNX_TYPE_MAP, &map));
         OrtValue* part = nullptr;
         return api().GetValue(map, 2, allocator(), &part);
       }},
      {"items of a tensor",
       [] {
         size_t count = 0;
         return api().GetValueCount(floats({2}), &count);
       }},
      {"a value of type tensor",
       [] {
         const OrtValue* items[] = {floats({2})};
         OrtValue* value = nullptr;
         return api().CreateValue(items, 1, ONNX_TYPE_TENSOR, &value);
       }},
  };
}

std::vector<Scenario> environments() {
  return {
      {"env: an arena registered as an allocator=",
       [] {
         static OrtAllocator mine;
         mine.version = ORT_API_VERSION;
         mine.Info = [](const OrtAllocator*) -> const OrtMemoryInfo* {
           return cpu_memory().release();
         };
         return api().RegisterAllocator(world().env.get(), &mine);
       }},
      {"env: an allocator that is not registered=",
       [] { return api().UnregisterAllocator(world().env.get(), cpu_memory().get()); }},
      {"env: an allocator twice",
       [] {
         EXPECT_OK(
             api().CreateAndRegisterAllocator(world().env.get(), cpu_memory().get(), nullptr));
         return api().CreateAndRegisterAllocator(world().env.get(), cpu_memory().get(), nullptr);
       }},
      {"env: an arena with a key that nobody knows=",
       [] {
         const char* key = "nobody";
         const size_t value = 1;
         OrtArenaCfg* arena = nullptr;
         return api().CreateArenaCfgV2(&key, &value, 1, &arena);
       }},
      {"env: log level 9",
       [] {
         OrtEnv* env = nullptr;
         return api().CreateEnv(static_cast<OrtLoggingLevel>(9), "x", &env);
       }},
      {"env: a plugin that is not there",
       [] {
         return api().RegisterExecutionProviderLibrary(world().env.get(), "x", "/nowhere.so");
       }},
      {"env: a plugin that was not registered=",
       [] { return api().UnregisterExecutionProviderLibrary(world().env.get(), "x"); }},
  };
}

void report(const std::vector<Scenario>& scenarios) {
  for (const Scenario& scenario : scenarios) {
    const std::string text = outcome([&](int file) { print_status(file, scenario.run()); });
    std::printf("%s\t%s\n", scenario.name, text.c_str());
  }
}

}  // namespace
}  // namespace sardonyx::capi_tests

int main() {
  using namespace sardonyx::capi_tests;
  for (const auto& part : {runs, thread_options, session_options, models, compilations, tensors,
                           texts_and_containers, environments, bindings}) {
    report(part());
  }
  std::fflush(stdout);
  _exit(0);
}
