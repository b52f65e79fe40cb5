// Random programs, by seed: calls in any order, with arguments that fit, that do not, and that are
// not there. Every call gives a status or a result; what is made is released in any order. Under
// the sanitizers this says that nothing is read or written that should not be, and that nothing
// leaks.
#include <random>

#include "tests/capi/client.h"

namespace sardonyx::capi_tests {
namespace {

constexpr const char* kModels[] = {
    R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[N,2] x) => (float[N,2] y) <float[2] w = {1, 2}> { y = Add(x, w) })",
    R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[N] x, int64[K] s) => (float[M] y) { z = Neg(x)  y = Reshape(z, s) })",
    R"(<ir_version: 8, opset_import: ["" : 17]>
      g (string[N] x) => (string[N] y) { y = Identity(x) })",
    R"(<ir_version: 8, opset_import: ["" : 17]>
      g (seq(float[N]) x, int64 s) => (float[N] y) { y = SequenceAt(x, s) })",
    R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[N] x) => (int64[1,M] y) { y = NonZero(x) })"};
constexpr const char* kNames[] = {"x",
                                  "y",
                                  "s",
                                  "w",
                                  "N",
                                  "",
                                  "session.use_env_allocators",
                                  "1",
                                  "no such name",
                                  "CPUExecutionProvider"};

class Program {
 public:
  explicit Program(unsigned seed) : random_(seed) {
    for (const char* model : kModels) bytes_.push_back(model_bytes(model));
  }
  ~Program() {
    while (!sessions_.empty()) release(sessions_, api().ReleaseSession);
    while (!values_.empty()) release(values_, api().ReleaseValue);
    while (!bindings_.empty()) release(bindings_, api().ReleaseIoBinding);
    while (!options_.empty()) release(options_, api().ReleaseSessionOptions);
    while (!run_options_.empty()) release(run_options_, api().ReleaseRunOptions);
    while (!types_.empty()) release(types_, api().ReleaseTypeInfo);
    while (!shapes_.empty()) release(shapes_, api().ReleaseTensorTypeAndShapeInfo);
  }

  void step() {
    using Call = void (Program::*)();
    constexpr Call kCalls[] = {&Program::open,
                               &Program::open,
                               &Program::make_options,
                               &Program::set_options,
                               &Program::run_it,
                               &Program::run_it,
                               &Program::run_it,
                               &Program::make_tensor,
                               &Program::make_tensor,
                               &Program::make_strings,
                               &Program::make_container,
                               &Program::take_apart,
                               &Program::ask_tensor,
                               &Program::ask_strings,
                               &Program::ask_session,
                               &Program::ask_types,
                               &Program::bind,
                               &Program::run_bound,
                               &Program::set_run_options,
                               &Program::release_some};
    (this->*kCalls[below(std::size(kCalls))])();
  }

 private:
  size_t below(size_t count) {
    return std::uniform_int_distribution<size_t>(0, count - 1)(random_);
  }
  bool once_in(size_t times) { return below(times) == 0; }
  int64_t number() {
    constexpr int64_t kNumbers[] = {0, 1, 1, 2, 2, 3, 4, -1, 1000, INT64_MAX, INT64_MIN};
    return kNumbers[below(std::size(kNumbers))];
  }
  const char* name() { return once_in(12) ? nullptr : kNames[below(std::size(kNames))]; }

  // One of what there is, or NULL.
  template <class T>
  T* any(const std::vector<T*>& all) {
    return all.empty() || once_in(12) ? nullptr : all[below(all.size())];
  }
  template <class T>
  void keep(std::vector<T*>& all, T* made) {
    if (made != nullptr) all.push_back(made);
  }
  template <class T, class Fn>
  void release(std::vector<T*>& all, Fn function) {
    if (all.empty()) return;
    const size_t index = below(all.size());
    function(all[index]);
    all.erase(all.begin() + static_cast<ptrdiff_t>(index));
  }
  // A call gives a status with a code and a text, or none.
  bool ok(OrtStatus* status) {
    if (status == nullptr) return true;
    EXPECT_NE(api().GetErrorCode(status), ORT_OK);
    EXPECT_STRNE(api().GetErrorMessage(status), "");
    api().ReleaseStatus(status);
    return false;
  }

  void open() {
    OrtSession* made = nullptr;
    std::string bytes = bytes_[below(bytes_.size())];
    if (once_in(4)) bytes.resize(below(bytes.size() + 1));
    if (once_in(8))
      bytes[below(std::max<size_t>(bytes.size(), 1)) % std::max<size_t>(bytes.size(), 1)] ^= 1;
    const OrtEnv* env = once_in(20) ? nullptr : env_.get();
    ok(api().CreateSessionFromArray(env, bytes.data(), bytes.size(), any(options_), &made));
    keep(sessions_, made);
  }
  void make_options() {
    OrtSessionOptions* made = nullptr;
    const OrtSessionOptions* other = any(options_);
    if (other != nullptr && once_in(2)) {
      ok(api().CloneSessionOptions(other, &made));
    } else if (ok(api().CreateSessionOptions(&made))) {
      ok(api().SetIntraOpNumThreads(made, static_cast<int>(below(3))));
    }
    keep(options_, made);
  }
  void set_options() {
    OrtSessionOptions* options = any(options_);
    ok(api().AddSessionConfigEntry(options, name(), name()));
    ok(api().AddFreeDimensionOverrideByName(options, name(), number()));
    ok(api().SetSessionGraphOptimizationLevel(options,
                                              static_cast<GraphOptimizationLevel>(below(101))));
    if (once_in(3)) ok(api().AddInitializer(options, name(), tensor_that_stays()));
    int has = 0;
    ok(api().HasSessionConfigEntry(options, name(), &has));
    char text[4];
    size_t size = below(5);
    ok(api().GetSessionConfigEntry(options, name(), once_in(2) ? text : nullptr, &size));
  }
  // Initializers stay with the program while sessions have them.
  const OrtValue* tensor_that_stays() {
    static std::vector<float>& data = *new std::vector<float>{5, 6};
    static const Value& value = *new Value(tensor(data, {2}));
    return once_in(8) ? nullptr : value.get();
  }

  void run_it() {
    const char* inputs[2] = {name(), name()};
    const char* outputs[2] = {name(), name()};
    if (!once_in(4)) {
      inputs[0] = "x";
      inputs[1] = "s";
      outputs[0] = "y";
    }
    const OrtValue* values[2] = {any(values_), any(values_)};
    OrtValue* given = once_in(4) ? any(values_) : nullptr;
    OrtValue* results[2] = {given, nullptr};
    const size_t input_count = below(3);
    const size_t output_count = once_in(4) ? below(3) : 1;
    if (ok(api().Run(any(sessions_), any(run_options_), inputs, values, input_count, outputs,
                     output_count, results))) {
      for (OrtValue* result : results) {
        if (result != given) keep(values_, result);
      }
    }
  }

  void make_tensor() {
    int64_t dims[3] = {number(), number(), number()};
    OrtValue* made = nullptr;
    const auto type = static_cast<ONNXTensorElementDataType>(
        once_in(2) ? size_t{ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT} : below(28));
    const size_t rank = below(4);
    if (once_in(2)) {
      ok(api().CreateTensorAsOrtValue(once_in(20) ? nullptr : allocator(), dims, rank, type,
                                      &made));
      void* data = nullptr;
      size_t bytes = 0;
      if (made != nullptr && ok(api().GetTensorSizeInBytes(made, &bytes)) &&
          ok(api().GetTensorMutableData(made, &data)) && bytes != 0) {
        std::memset(data, 1, bytes);
      }
    } else {
      const auto memory = cpu_memory();
      ok(api().CreateTensorWithDataAsOrtValue(memory.get(), once_in(12) ? nullptr : place_,
                                              once_in(4) ? below(64) : sizeof(place_), dims, rank,
                                              type, &made));
    }
    keep(values_, made);
  }
  void make_strings() {
    const int64_t count = static_cast<int64_t>(below(4));
    OrtValue* made = nullptr;
    if (!ok(api().CreateTensorAsOrtValue(allocator(), &count, 1,
                                         ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, &made))) {
      return;
    }
    const char* texts[4] = {name(), "one", "a longer text that is not in place", ""};
    ok(api().FillStringTensor(made, texts, below(5)));
    ok(api().FillStringTensorElement(made, name(), below(5)));
    char* place = nullptr;
    if (ok(api().GetResizedStringTensorElementBuffer(made, below(5), 40, &place))) {
      std::memset(place, 'a', 40);
    }
    keep(values_, made);
  }
  void make_container() {
    const OrtValue* items[3] = {any(values_), any(values_), any(values_)};
    OrtValue* made = nullptr;
    ok(api().CreateValue(items, below(4), static_cast<ONNXType>(below(7)), &made));
    keep(values_, made);
  }
  void take_apart() {
    const OrtValue* value = any(values_);
    size_t count = 0;
    ok(api().GetValueCount(value, &count));
    OrtValue* made = nullptr;
    ok(api().GetValue(value, static_cast<int>(number() % 5), allocator(), &made));
    keep(values_, made);
  }
  void ask_tensor() {
    OrtValue* value = any(values_);
    OrtTensorTypeAndShapeInfo* shape = nullptr;
    ok(api().GetTensorTypeAndShape(value, &shape));
    keep(shapes_, shape);
    OrtTypeInfo* type = nullptr;
    ok(api().GetTypeInfo(value, &type));
    keep(types_, type);
    ONNXType kind = ONNX_TYPE_UNKNOWN;
    ok(api().GetValueType(value, &kind));
    const int64_t location[3] = {number(), number(), number()};
    void* element = nullptr;
    ok(api().TensorAt(value, location, below(4), &element));
    int answer = 0;
    ok(api().IsTensor(value, &answer));
    ok(api().HasValue(value, &answer));
    ok(api().IsSparseTensor(value, &answer));
    const OrtMemoryInfo* memory = nullptr;
    ok(api().GetTensorMemoryInfo(value, &memory));
  }
  void ask_strings() {
    const OrtValue* value = any(values_);
    size_t length = 0;
    ok(api().GetStringTensorDataLength(value, &length));
    std::string place(std::min<size_t>(length + below(3), 4096), ' ');
    size_t offsets[4] = {};
    ok(api().GetStringTensorContent(value, place.data(), place.size(), offsets, below(5)));
    ok(api().GetStringTensorElementLength(value, below(5), &length));
    char few[8];
    ok(api().GetStringTensorElement(value, below(9), below(5), few));
  }
  void ask_session() {
    const OrtSession* session = any(sessions_);
    size_t count = 0;
    ok(api().SessionGetInputCount(session, &count));
    char* text = nullptr;
    if (ok(api().SessionGetInputName(session, below(3), allocator(), &text))) {
      ok(api().AllocatorFree(allocator(), text));
    }
    OrtTypeInfo* type = nullptr;
    ok(api().SessionGetOutputTypeInfo(session, below(3), &type));
    keep(types_, type);
    OrtModelMetadata* metadata = nullptr;
    if (ok(api().SessionGetModelMetadata(session, &metadata))) {
      int64_t version = 0;
      ok(api().ModelMetadataGetVersion(metadata, &version));
      api().ReleaseModelMetadata(metadata);
    }
  }
  void ask_types() {
    const OrtTypeInfo* type = any(types_);
    const OrtTensorTypeAndShapeInfo* tensor_info = nullptr;
    ok(api().CastTypeInfoToTensorInfo(type, &tensor_info));
    const OrtSequenceTypeInfo* sequence = nullptr;
    if (ok(api().CastTypeInfoToSequenceTypeInfo(type, &sequence))) {
      OrtTypeInfo* element = nullptr;
      ok(api().GetSequenceElementType(sequence, &element));
      keep(types_, element);
    }
    if (once_in(2)) tensor_info = any(shapes_);
    int64_t dims[3];
    const char* symbols[3];
    ok(api().GetDimensions(tensor_info, dims, below(4)));
    ok(api().GetSymbolicDimensions(tensor_info, symbols, below(4)));
    size_t count = 0;
    ok(api().GetTensorShapeElementCount(tensor_info, &count));
  }
  void bind() {
    if (bindings_.size() < 4) {
      OrtIoBinding* made = nullptr;
      ok(api().CreateIoBinding(any(sessions_), &made));
      keep(bindings_, made);
    }
    OrtIoBinding* binding = any(bindings_);
    ok(api().BindInput(binding, once_in(2) ? "x" : name(), any(values_)));
    ok(api().BindOutput(binding, once_in(2) ? "y" : name(), any(values_)));
    const auto memory = cpu_memory();
    ok(api().BindOutputToDevice(binding, once_in(2) ? "y" : name(), memory.get()));
    if (once_in(6)) api().ClearBoundInputs(binding);
    if (once_in(6)) api().ClearBoundOutputs(binding);
  }
  void run_bound() {
    OrtIoBinding* binding = any(bindings_);
    ok(api().RunWithBinding(any(sessions_), any(run_options_), binding));
    OrtValue** bound = nullptr;
    size_t count = 0;
    if (!ok(api().GetBoundOutputValues(binding, allocator(), &bound, &count))) return;
    for (size_t i = 0; i < count; ++i) keep(values_, bound[i]);
    ok(api().AllocatorFree(allocator(), bound));
  }
  void set_run_options() {
    if (run_options_.size() < 4) {
      OrtRunOptions* made = nullptr;
      ok(api().CreateRunOptions(&made));
      keep(run_options_, made);
    }
    OrtRunOptions* options = any(run_options_);
    ok(api().RunOptionsSetRunTag(options, name()));
    ok(api().AddRunConfigEntry(options, name(), name()));
    ok(once_in(4) ? api().RunOptionsSetTerminate(options)
                  : api().RunOptionsUnsetTerminate(options));
  }
  void release_some() {
    if (sessions_.size() > 6) release(sessions_, api().ReleaseSession);
    if (values_.size() > 24) release(values_, api().ReleaseValue);
    if (options_.size() > 4) release(options_, api().ReleaseSessionOptions);
    if (once_in(3)) release(bindings_, api().ReleaseIoBinding);
    if (once_in(3)) release(run_options_, api().ReleaseRunOptions);
    if (types_.size() > 8) release(types_, api().ReleaseTypeInfo);
    if (shapes_.size() > 8) release(shapes_, api().ReleaseTensorTypeAndShapeInfo);
    api().ReleaseValue(nullptr);
  }

  std::mt19937 random_;
  Env env_ = [] {  // messages of the failures that are meant would hide others
    return made<Env>(api().CreateEnv, ORT_LOGGING_LEVEL_FATAL, "misuse");
  }();
  std::vector<std::string> bytes_;
  alignas(64) float place_[64] = {1, 2, 3, 4};
  std::vector<OrtSession*> sessions_;
  std::vector<OrtSessionOptions*> options_;
  std::vector<OrtRunOptions*> run_options_;
  std::vector<OrtValue*> values_;
  std::vector<OrtIoBinding*> bindings_;
  std::vector<OrtTypeInfo*> types_;
  std::vector<OrtTensorTypeAndShapeInfo*> shapes_;
};

TEST(CApiMisuse, GivesStatusesWhateverIsCalled) {
  constexpr unsigned kPrograms = 40;
  constexpr int kSteps = 400;
  const char* first = std::getenv("CAPI_SEED");
  const unsigned seed = first != nullptr ? static_cast<unsigned>(std::atoi(first)) : 1;
  for (unsigned i = 0; i < kPrograms && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("CAPI_SEED=" + std::to_string(seed + i));
    Program program(seed + i);
    for (int step = 0; step < kSteps; ++step) program.step();
  }
}

}  // namespace
}  // namespace sardonyx::capi_tests
