// Custom operators out of functions and structs, over onnxruntime_lite_custom_op.h alone:
// tests/clients/cpp compiles this same file with ONNX Runtime's own header, and runs it on ONNX
// Runtime's own library.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnxruntime_lite_custom_op.h>

#include "wire_model.h"

namespace {

using Ort::Custom::OrtLiteCustomOp;
using Ort::Custom::Span;
using Ort::Custom::Tensor;
using testing::ElementsAre;
using testing::HasSubstr;
using wire::field;

Ort::Env& env() {
  static Ort::Env env(ORT_LOGGING_LEVEL_FATAL, "cxx_lite_op");
  return env;
}

void add(const Tensor<float>& a, const Tensor<float>& b, Tensor<float>& sum) {
  EXPECT_EQ(a.SizeInBytes(), 8u);
  EXPECT_TRUE(a.IsCpuTensor());
  float* to = sum.Allocate(a.Shape());
  for (int64_t i = 0; i < a.NumberOfElement(); ++i) to[i] = a.Data()[i] + b.Data()[i];
}

Ort::Status refuse(const Tensor<float>& x, Tensor<float>&) {
  if (x.Data()[0] > 0) return Ort::Status("x is positive", ORT_INVALID_ARGUMENT);
  return Ort::Status(nullptr);
}

void add_lists(OrtKernelContext* context, const Span<float>& a,
               std::optional<const Tensor<float>*> b, std::optional<const Tensor<float>*> missing,
               Tensor<float>* sum) {
  EXPECT_NE(context, nullptr);
  EXPECT_EQ(a.size(), 2u);
  ASSERT_TRUE(b.has_value());
  EXPECT_FALSE(missing.has_value());
  float* to = sum->Allocate({2});
  for (size_t i = 0; i < 2; ++i) to[i] = a[i] + (*b)->Data()[i];
}

void shout(const Tensor<std::string>& words, Tensor<std::string>& loud) {
  std::vector<std::string> changed;
  for (std::string word : words.Data()) {
    for (char& letter : word) letter = static_cast<char>(std::toupper(letter));
    changed.push_back(word + "!");
  }
  loud.SetStringOutput(changed, words.Shape());
}

void pass_all(const Ort::Custom::Variadic& inputs, Ort::Custom::Variadic& outputs) {
  ASSERT_EQ(inputs.Size(), 2u);
  const Ort::Custom::TensorPtr& last = inputs[1];
  float* to = outputs.AllocateOutput<float>(0, last->Shape());
  std::memcpy(to, last->DataRaw(), last->SizeInBytes());
}

// y = x * factor.
struct Scale {
  Scale(const OrtApi*, const OrtKernelInfo* info)
      : factor(Ort::ConstKernelInfo(info).GetAttribute<float>("factor")) {}
  void Compute(const Tensor<float>& x, Tensor<float>& y) {
    float* to = y.Allocate(x.Shape());
    for (int64_t i = 0; i < x.NumberOfElement(); ++i) to[i] = x.Data()[i] * factor;
  }
  static Ort::Status InferOutputShape(Ort::ShapeInferContext& context) {
    return context.SetOutputShape(0, context.GetInputShape(0));
  }
  float factor;
};

Ort::Session load(const OrtCustomOp* op, const std::string& node, const std::string& type) {
  Ort::CustomOpDomain domain("test.cxx");
  domain.Add(op);
  Ort::SessionOptions options;
  options.Add(domain);
  const std::string model = wire::model(node, wire::value("x", type), wire::value("y", type));
  return Ort::Session(env(), model.data(), model.size(), options);
}

// What a model of one node, from x to y, gives for {1, 2}.
std::vector<float> run(const OrtCustomOp* op, const std::string& node) {
  Ort::Session session = load(op, node, wire::floats({2}));
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  std::vector<float> x{1, 2};
  const int64_t shape[] = {2};
  const auto input = Ort::Value::CreateTensor<float>(memory, x.data(), 2, shape, 1);
  const char* input_name = "x";
  const char* output_name = "y";
  const auto results =
      session.Run(Ort::RunOptions{nullptr}, &input_name, &input, 1, &output_name, 1);
  const float* data = results[0].GetTensorData<float>();
  return {data, data + 2};
}

std::string ends(std::initializer_list<const char*> inputs) {
  std::string fields;
  for (const char* name : inputs) fields += field(1, std::string(name));
  return fields + field(2, std::string("y"));
}

std::string node(const char* op_type, std::initializer_list<const char*> inputs,
                 const std::string& attributes = "") {
  return wire::node(op_type, "test.cxx", "node", ends(inputs), attributes);
}

TEST(CxxLiteOp, CallsFunctions) {
  const std::unique_ptr<OrtLiteCustomOp> op{
      Ort::Custom::CreateLiteCustomOp("Add", "CPUExecutionProvider", add)};
  EXPECT_THAT(run(op.get(), node("Add", {"x", "x"})), ElementsAre(2, 4));
}

TEST(CxxLiteOp, TakesListsAndOptionalInputs) {
  const std::unique_ptr<OrtLiteCustomOp> op{
      Ort::Custom::CreateLiteCustomOp("AddLists", "CPUExecutionProvider", add_lists)};
  EXPECT_THAT(run(op.get(), node("AddLists", {"x", "x"})), ElementsAre(2, 4));
}

TEST(CxxLiteOp, TakesAnyNumber) {
  const std::unique_ptr<OrtLiteCustomOp> op{
      Ort::Custom::CreateLiteCustomOp("PassAll", "CPUExecutionProvider", pass_all)};
  EXPECT_THAT(run(op.get(), node("PassAll", {"x", "x"})), ElementsAre(1, 2));
}

TEST(CxxLiteOp, CallsStructs) {
  const std::unique_ptr<OrtLiteCustomOp> op{
      Ort::Custom::CreateLiteCustomOp<Scale>("Scale", "CPUExecutionProvider")};
  const std::string factor = wire::attribute("factor", 1, field(2, 3.f));
  EXPECT_THAT(run(op.get(), node("Scale", {"x"}, factor)), ElementsAre(3, 6));
}

TEST(CxxLiteOp, ReportsErrors) {
  const std::unique_ptr<OrtLiteCustomOp> op{
      Ort::Custom::CreateLiteCustomOp("Refuse", "CPUExecutionProvider", refuse)};
  try {
    run(op.get(), node("Refuse", {"x"}));
    ADD_FAILURE() << "no error";
  } catch (const Ort::Exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("x is positive"));
  }
}

TEST(CxxLiteOp, PassesStrings) {
  const std::unique_ptr<OrtLiteCustomOp> op{
      Ort::Custom::CreateLiteCustomOp("Shout", "CPUExecutionProvider", shout)};
  const std::string type =
      field(1, field(1, uint64_t{8}) + field(2, field(1, field(1, uint64_t{2}))));
  Ort::Session session = load(op.get(), node("Shout", {"x"}), type);
  Ort::AllocatorWithDefaultOptions allocator;
  const int64_t shape[] = {2};
  Ort::Value words =
      Ort::Value::CreateTensor(allocator, shape, 1, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
  const char* texts[] = {"one", "two"};
  words.FillStringTensor(texts, 2);
  const char* input_name = "x";
  const char* output_name = "y";
  const auto results =
      session.Run(Ort::RunOptions{nullptr}, &input_name, &words, 1, &output_name, 1);
  EXPECT_EQ(results[0].GetStringTensorElement(0), "ONE!");
  EXPECT_EQ(results[0].GetStringTensorElement(1), "TWO!");
}

}  // namespace
