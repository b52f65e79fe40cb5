// Custom operators in C++, over onnxruntime_cxx_api.h alone: tests/clients/cpp compiles this same
// file with ONNX Runtime's own header, and runs it on ONNX Runtime's own library.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnxruntime_cxx_api.h>

#include "wire_model.h"

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Shape = std::vector<int64_t>;

Ort::Env& env() {
  static Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "cxx_custom_op");
  return env;
}

// y = x * factor, by threads of the library's; notes what it was told of its node.
struct ScaleKernel {
  explicit ScaleKernel(const OrtKernelInfo* handle) {
    const Ort::ConstKernelInfo info(handle);
    factor = info.GetAttribute<float>("factor");
    weights = info.GetAttributes<float>("weights");
    label = info.GetAttribute<std::string>("label");
    EXPECT_EQ(info.GetAttributes<int64_t>("numbers"), (std::vector<int64_t>{4, 5}));
    EXPECT_EQ(info.GetInputCount(), 1u);
    EXPECT_EQ(info.GetOutputCount(), 1u);
    EXPECT_EQ(info.GetInputName(0), "x");
    EXPECT_EQ(info.GetOutputName(0), "y");
    EXPECT_EQ(info.GetNodeName(), "scaling");
    EXPECT_EQ(info.GetInputTypeInfo(0).GetTensorTypeAndShapeInfo().GetElementType(),
              ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
    EXPECT_THROW(info.GetAttribute<float>("none"), Ort::Exception);
    int is_constant = 1;
    info.GetTensorConstantInput(0, &is_constant);
    EXPECT_EQ(is_constant, 0);
    EXPECT_EQ(info.Copy().GetNodeName(), "scaling");
  }

  void Compute(OrtKernelContext* handle) {
    const Ort::KernelContext context(handle);
    ASSERT_EQ(context.GetInputCount(), 1u);
    ASSERT_EQ(context.GetOutputCount(), 1u);
    const Ort::ConstValue x = context.GetInput(0);
    const auto info = x.GetTensorTypeAndShapeInfo();
    Ort::UnownedValue y = context.GetOutput(0, info.GetShape());
    struct Work {
      const float* from;
      float* to;
      float factor;
    } work{x.GetTensorData<float>(), y.GetTensorMutableData<float>(), factor};
    const auto scale = [](void* data, size_t i) {
      const Work& each = *static_cast<Work*>(data);
      each.to[i] = each.from[i] * each.factor;
    };
    context.ParallelFor(scale, info.GetElementCount(), 0, &work);
    ORT_CXX_LOG(context.GetLogger(), ORT_LOGGING_LEVEL_ERROR, (label + " is done").c_str());
    ORT_CXX_LOGF_NOEXCEPT(context.GetLogger(), ORT_LOGGING_LEVEL_ERROR, "%d of %s", 2, "two");
    ORT_CXX_LOG_NOEXCEPT(context.GetLogger(), ORT_LOGGING_LEVEL_VERBOSE, "is not kept");
  }

  float factor;
  std::vector<float> weights;
  std::string label;
};

struct ScaleOp : Ort::CustomOpBase<ScaleOp, ScaleKernel> {
  void* CreateKernel(const OrtApi&, const OrtKernelInfo* info) const {
    return new ScaleKernel(info);
  }
  const char* GetName() const { return "Scale"; }
  size_t GetInputTypeCount() const { return 1; }
  ONNXTensorElementDataType GetInputType(size_t) const {
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  }
  size_t GetOutputTypeCount() const { return 1; }
  ONNXTensorElementDataType GetOutputType(size_t) const {
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  }
  static Ort::Status InferOutputShape(Ort::ShapeInferContext& context) {
    EXPECT_EQ(context.GetInputCount(), 1u);
    EXPECT_EQ(context.GetAttrFloat("factor"), 3.f);
    EXPECT_EQ(context.GetAttrString("label"), "scaler");
    EXPECT_THAT(context.GetAttrInts("numbers"), ElementsAre(4, 5));
    EXPECT_THAT(context.GetAttrFloats("weights"), ElementsAre(0.5f, 0.25f));
    return context.SetOutputShape(0, context.GetInputShape(0));
  }
};

// Any number of inputs, the first of which it returns, or an error where that is negative.
struct FirstKernel {
  OrtStatusPtr ComputeV2(OrtKernelContext* handle) {
    const Ort::KernelContext context(handle);
    const Ort::ConstValue first = context.GetInput(0);
    const auto info = first.GetTensorTypeAndShapeInfo();
    const auto* from = first.GetTensorData<float>();
    if (from[0] < 0) return Ort::Status("the first is negative", ORT_INVALID_ARGUMENT).release();
    auto result = context.GetOutput(0, info.GetShape());
    std::copy(from, from + info.GetElementCount(), result.GetTensorMutableData<float>());
    return nullptr;
  }
};

struct FirstOp : Ort::CustomOpBase<FirstOp, FirstKernel, true> {
  OrtStatusPtr CreateKernelV2(const OrtApi&, const OrtKernelInfo*, void** kernel) const {
    *kernel = new FirstKernel;
    return nullptr;
  }
  const char* GetName() const { return "First"; }
  size_t GetInputTypeCount() const { return 1; }
  ONNXTensorElementDataType GetInputType(size_t) const {
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  }
  OrtCustomOpInputOutputCharacteristic GetInputCharacteristic(size_t) const {
    return INPUT_OUTPUT_VARIADIC;
  }
  size_t GetOutputTypeCount() const { return 1; }
  ONNXTensorElementDataType GetOutputType(size_t) const {
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  }
};

// y = x + x, by the library's Add.
struct TwiceKernel {
  explicit TwiceKernel(const OrtKernelInfo* info) {
    const char* names[] = {"T"};
    const ONNXTensorElementDataType types[] = {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT};
    add = Ort::Op::Create(info, "Add", "", 14, names, types, 1, nullptr, 0, 2, 1);
  }
  void Compute(OrtKernelContext* handle) {
    const Ort::KernelContext context(handle);
    const Ort::ConstValue x = context.GetInput(0);
    Ort::UnownedValue y = context.GetOutput(0, x.GetTensorTypeAndShapeInfo().GetShape());
    const OrtValue* inputs[] = {x, x};
    OrtValue* outputs[] = {y};
    add.Invoke(handle, inputs, 2, outputs, 1);
  }
  Ort::Op add{nullptr};
};

struct TwiceOp : Ort::CustomOpBase<TwiceOp, TwiceKernel> {
  void* CreateKernel(const OrtApi&, const OrtKernelInfo* info) const {
    return new TwiceKernel(info);
  }
  const char* GetName() const { return "Twice"; }
  size_t GetInputTypeCount() const { return 1; }
  ONNXTensorElementDataType GetInputType(size_t) const {
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  }
  size_t GetOutputTypeCount() const { return 1; }
  ONNXTensorElementDataType GetOutputType(size_t) const {
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  }
};

const std::string kEnds = wire::field(1, std::string("x")) + wire::field(2, std::string("y"));

// What a model of one node, from x to y, gives for {1, 2}, or for `x`.
std::vector<float> run(const OrtCustomOp* op, const std::string& node,
                       std::vector<float> x = {1, 2}) {
  Ort::CustomOpDomain domain("test.cxx");
  domain.Add(op);
  Ort::SessionOptions options;
  options.Add(domain);
  const std::string floats = wire::floats({2});
  const std::string model = wire::model(node, wire::value("x", floats), wire::value("y", floats));
  Ort::Session session(env(), model.data(), model.size(), options);

  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  const Shape shape{2};
  const auto input = Ort::Value::CreateTensor<float>(memory, x.data(), 2, shape.data(), 1);
  const char* input_name = "x";
  const char* output_name = "y";
  const auto results =
      session.Run(Ort::RunOptions{nullptr}, &input_name, &input, 1, &output_name, 1);
  const float* data = results[0].GetTensorData<float>();
  return {data, data + 2};
}

std::vector<Ort::OpAttr> scale_attributes() {
  const float factor = 3, weights[] = {0.5f, 0.25f};
  const int64_t numbers[] = {4, 5};
  const std::string label = "scaler";
  std::vector<Ort::OpAttr> attributes;
  attributes.emplace_back("factor", &factor, 1, ORT_OP_ATTR_FLOAT);
  attributes.emplace_back("weights", weights, 2, ORT_OP_ATTR_FLOATS);
  attributes.emplace_back("numbers", numbers, 2, ORT_OP_ATTR_INTS);
  attributes.emplace_back("label", label.data(), static_cast<int>(label.size()),
                          ORT_OP_ATTR_STRING);
  return attributes;
}

TEST(CxxCustomOp, RunsWithAttributes) {
  using wire::field;
  static const ScaleOp op;
  const std::string attributes =
      wire::attribute("factor", 1, field(2, 3.f)) +
      wire::attribute("weights", 6, field(7, 0.5f) + field(7, 0.25f)) +
      wire::attribute("numbers", 7, field(8, uint64_t{4}) + field(8, uint64_t{5})) +
      wire::attribute("label", 3, field(4, std::string("scaler")));
  EXPECT_THAT(run(&op, wire::node("Scale", "test.cxx", "scaling", kEnds, attributes)),
              ElementsAre(3, 6));
}

TEST(CxxCustomOp, ReportsErrors) {
  static const FirstOp op;
  const std::string ends = wire::field(1, std::string("x")) + kEnds;
  const std::string node = wire::node("First", "test.cxx", "first", ends);
  EXPECT_THAT(run(&op, node), ElementsAre(1, 2));
  try {
    run(&op, node, {-1, 2});
    ADD_FAILURE() << "no error";
  } catch (const Ort::Exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("the first is negative"));
  }
}

TEST(CxxCustomOp, CallsOperatorsOfTheLibrary) {
  static const TwiceOp op;
  EXPECT_THAT(run(&op, wire::node("Twice", "test.cxx", "twice", kEnds)), ElementsAre(2, 4));
}

TEST(CxxCustomOp, ReadsAttributesThatItMade) {
  const auto attributes = scale_attributes();
  float factor = 0;
  ASSERT_TRUE(attributes[0].GetValue(factor).IsOK());
  EXPECT_EQ(factor, 3);
  std::vector<float> weights;
  ASSERT_TRUE(attributes[1].GetValueArray(weights).IsOK());
  EXPECT_THAT(weights, ElementsAre(0.5f, 0.25f));
  std::string label;
  ASSERT_TRUE(attributes[3].GetValue(label).IsOK());
  EXPECT_EQ(label, "scaler");
  EXPECT_EQ(attributes[3].GetName(), "label");
  EXPECT_EQ(attributes[3].GetType(), ORT_OP_ATTR_STRING);
  const char* words[] = {"one", "two"};
  const Ort::OpAttr strings("words", words, 2, ORT_OP_ATTR_STRINGS);
  std::vector<std::string> read;
  ASSERT_TRUE(strings.GetValueArray(read).IsOK());
  EXPECT_THAT(read, ElementsAre("one", "two"));
}

}  // namespace
