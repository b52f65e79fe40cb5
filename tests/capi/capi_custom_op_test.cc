// Custom operators through the table: in a library of their own, and in the program, with
// everything that a kernel may ask.
#include "tests/capi/client.h"

namespace sardonyx::capi_tests {
namespace {

using ::testing::ElementsAre;

constexpr char kScale[] = R"(<ir_version: 8, opset_import: ["" : 17, "tests" : 1]>
  g (float[N,2] x) => (float[N,2] y) { s = tests.Scale<by = 3.0>(x)  y = Neg(s) })";

TEST(CApiCustomOps, ComeFromLibraries) {
  const Env env = make_env();
  const SessionOptions options = make_options();
  EXPECT_OK(api().RegisterCustomOpsLibrary_V2(options.get(), CUSTOM_OP_LIBRARY));
  const Session session = load(env, kScale, options.get());
  const auto type = made<TypeInfo>(api().SessionGetOutputTypeInfo, session.get(), size_t{0});
  std::vector<float> data = {1, 2, 3, 4};
  Value output;
  EXPECT_EQ(run(session, "x", tensor(data, {2, 2}), "y", output).message, "");
  EXPECT_THAT(elements(output.get()), ElementsAre(-3, -6, -9, -12));
}

TEST(CApiCustomOps, LibrariesMustHaveTheSymbol) {
  const SessionOptions options = make_options();
  EXPECT_FAILS(api().RegisterCustomOpsLibrary_V2(options.get(), "libm.so.6"), ORT_FAIL,
               "Failed to get symbol RegisterCustomOps");
  EXPECT_FAILS(api().RegisterCustomOpsLibrary_V2(options.get(), "/nowhere/lib.so"), ORT_FAIL,
               "Failed to load library /nowhere/lib.so");
  EXPECT_FAILS(api().RegisterCustomOpsUsingFunction(options.get(), "no_such_function"), ORT_FAIL,
               "no_such_function");
}

// Probe(x, w) = InvokeOp(Add, x, w): asks for everything that there is to ask.
struct Probe : OrtCustomOp {
  std::string seen;
  ONNXTensorElementDataType type;

  explicit Probe(ONNXTensorElementDataType element) : OrtCustomOp(), type(element) {
    version = ORT_API_VERSION;
    GetName = [](const OrtCustomOp*) { return "Probe"; };
    GetExecutionProviderType = [](const OrtCustomOp*) -> const char* {
      return "CPUExecutionProvider";
    };
    GetInputType = [](const OrtCustomOp* op, size_t) { return self(op).type; };
    GetInputTypeCount = [](const OrtCustomOp*) { return size_t{2}; };
    GetOutputType = [](const OrtCustomOp* op, size_t) { return self(op).type; };
    GetOutputTypeCount = [](const OrtCustomOp*) { return size_t{1}; };
    GetInputCharacteristic = [](const OrtCustomOp*, size_t index) {
      return index == 0 ? INPUT_OUTPUT_REQUIRED : INPUT_OUTPUT_OPTIONAL;
    };
    CreateKernelV2 = &create;
    KernelComputeV2 = &compute;
    KernelDestroy = [](void* kernel) { delete static_cast<Kernel*>(kernel); };
  }

  struct Kernel {
    OrtOp* add = nullptr;
    ~Kernel() { api().ReleaseOp(add); }
  };

  static Probe& self(const OrtCustomOp* op) {
    return *const_cast<Probe*>(static_cast<const Probe*>(op));
  }

  template <class Fn, class... Args>
  static std::string text(Fn function, Args... args) {
    size_t size = 0;
    EXPECT_OK(function(args..., nullptr, &size));
    std::string result(size, ' ');
    EXPECT_OK(function(args..., result.data(), &size));
    result.resize(size - 1);
    return result;
  }

  static OrtStatus* create(const OrtCustomOp* op, const OrtApi*, const OrtKernelInfo* info,
                           void** kernel) {
    std::string& seen = self(op).seen;
    seen = text(api().KernelInfo_GetOperatorType, info) + " " +
           text(api().KernelInfo_GetNodeName, info) + " " +
           text(api().KernelInfo_GetInputName, info, size_t{0}) + " " +
           text(api().KernelInfo_GetOutputName, info, size_t{0}) + " " +
           text(api().KernelInfoGetAttribute_string, info, "text");
    int64_t ints[3] = {};
    size_t count = 3;
    EXPECT_OK(api().KernelInfoGetAttributeArray_int64(info, "ints", ints, &count));
    seen += " " + std::to_string(count) + ":" + std::to_string(ints[1]);
    int is_constant = 0;
    const OrtValue* constant = nullptr;
    EXPECT_OK(api().KernelInfoGetConstantInput_tensor(info, 1, &is_constant, &constant));
    if (is_constant != 0) seen += " constant " + std::to_string(elements(constant)[0]);
    float missing = 0;
    EXPECT_FAILS(api().KernelInfoGetAttribute_float(info, "missing", &missing), ORT_FAIL,
                 "No attribute with name:'missing'");
    auto made_kernel = std::make_unique<Kernel>();
    EXPECT_OK(api().CreateOp(info, "Add", "", 14, nullptr, nullptr, 0, nullptr, 0, 2, 1,
                             &made_kernel->add));
    *kernel = made_kernel.release();
    return nullptr;
  }

  static OrtStatus* compute(void* kernel, OrtKernelContext* context) {
    const OrtValue* inputs[2] = {};
    EXPECT_OK(api().KernelContext_GetInput(context, 0, &inputs[0]));
    EXPECT_OK(api().KernelContext_GetInput(context, 1, &inputs[1]));
    const OrtValue* none = inputs[0];
    EXPECT_OK(api().KernelContext_GetInput(context, 2, &none));
    EXPECT_EQ(none, nullptr);
    const std::vector<int64_t> shape = dims(inputs[0]);
    OrtValue* output = nullptr;
    EXPECT_OK(api().KernelContext_GetOutput(context, 0, shape.data(), shape.size(), &output));
    return api().InvokeOp(context, static_cast<Kernel*>(kernel)->add, inputs, 2, &output, 1);
  }
};

TEST(CApiCustomOps, AreShownTheirNodes) {
  Probe floats(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
  Probe doubles(ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE);
  const auto domain = made<CustomOpDomain>(api().CreateCustomOpDomain, "tests");
  EXPECT_OK(api().CustomOpDomain_Add(domain.get(), &doubles));
  EXPECT_OK(api().CustomOpDomain_Add(domain.get(), &floats));
  const SessionOptions options = make_options();
  EXPECT_OK(api().AddCustomOpDomain(options.get(), domain.get()));
  const Env env = make_env();
  const Session session = load(env, R"(<ir_version: 8, opset_import: ["" : 17, "tests" : 1]>
      g (float[2] x) => (float[2] y) <float[2] w = {10, 20}> {
        [the_node] y = tests.Probe<text = "words", ints = [4, 5]>(x, w) })",
                               options.get());
  std::vector<float> data = {1, 2};
  Value output;
  EXPECT_EQ(run(session, "x", tensor(data, {2}), "y", output).message, "");
  EXPECT_THAT(elements(output.get()), ElementsAre(11, 22));
  EXPECT_EQ(floats.seen, "Probe the_node x y words 2:5 constant 10.000000");
  EXPECT_EQ(doubles.seen, "");
}

TEST(CApiCustomOps, AttributesAreReadAsTheyWereMade) {
  const int64_t ints[] = {1, 2, 3};
  const auto attr =
      made<OpAttr>(api().CreateOpAttr, "axes", static_cast<const void*>(ints), 3, ORT_OP_ATTR_INTS);
  int64_t read[3] = {};
  size_t size = 0;
  EXPECT_FAILS(api().ReadOpAttr(attr.get(), ORT_OP_ATTR_INTS, read, 8, &size), ORT_INVALID_ARGUMENT,
               "not large enough");
  EXPECT_EQ(size, sizeof(ints));
  EXPECT_OK(api().ReadOpAttr(attr.get(), ORT_OP_ATTR_INTS, read, sizeof(read), &size));
  EXPECT_THAT(read, ElementsAre(1, 2, 3));
  EXPECT_FAILS(api().ReadOpAttr(attr.get(), ORT_OP_ATTR_FLOAT, read, sizeof(read), &size),
               ORT_INVALID_ARGUMENT, "is of type ints");
}

}  // namespace
}  // namespace sardonyx::capi_tests
