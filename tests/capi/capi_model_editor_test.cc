// Models built node by node, and compiled models.
#include <filesystem>

#include "tests/capi/client.h"

namespace sardonyx::capi_tests {
namespace {

using ::testing::ElementsAre;

const OrtModelEditorApi& editor() { return *api().GetModelEditorApi(); }
const OrtCompileApi& compiler() { return *api().GetCompileApi(); }

struct ModelDeleter {
  void operator()(OrtModel* model) const { api().ReleaseModel(model); }
};
using BuiltModel = std::unique_ptr<OrtModel, ModelDeleter>;

OrtValueInfo* make_info(const char* name, std::vector<int64_t> dims) {
  const auto shape = made<TensorTypeAndShapeInfo>(api().CreateTensorTypeAndShapeInfo);
  EXPECT_OK(api().SetTensorElementType(shape.get(), ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT));
  EXPECT_OK(api().SetDimensions(shape.get(), dims.data(), dims.size()));
  const auto type = made<TypeInfo>(editor().CreateTensorTypeInfo, shape.get());
  OrtValueInfo* info = nullptr;
  EXPECT_OK(editor().CreateValueInfo(name, type.get(), &info));
  return info;
}

// z = Gemm(x, w, alpha = 2).
BuiltModel make_model() {
  OrtGraph* graph = nullptr;
  EXPECT_OK(editor().CreateGraph(&graph));
  OrtValueInfo* inputs[] = {make_info("x", {-1, 2})};
  OrtValueInfo* outputs[] = {make_info("z", {-1, 2})};
  EXPECT_OK(editor().SetGraphInputs(graph, inputs, 1));
  EXPECT_OK(editor().SetGraphOutputs(graph, outputs, 1));
  EXPECT_EQ(inputs[0], nullptr);

  const float alpha = 2;
  OrtOpAttr* attr = nullptr;
  EXPECT_OK(api().CreateOpAttr("alpha", &alpha, 1, ORT_OP_ATTR_FLOAT, &attr));
  const char* input_names[] = {"x", "w"};
  const char* output_names[] = {"z"};
  OrtNode* node = nullptr;
  EXPECT_OK(
      editor().CreateNode("Gemm", "", "gemm", input_names, 2, output_names, 1, &attr, 1, &node));
  EXPECT_EQ(attr, nullptr);
  EXPECT_OK(editor().AddNodeToGraph(graph, node));
  EXPECT_FAILS(editor().AddNodeToGraph(graph, node), ORT_INVALID_ARGUMENT, "already");

  const int64_t shape[] = {2, 2};
  OrtValue* weights = nullptr;
  EXPECT_OK(api().CreateTensorAsOrtValue(allocator(), shape, 2, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
                                         &weights));
  void* data = nullptr;
  EXPECT_OK(api().GetTensorMutableData(weights, &data));
  const float identity[] = {1, 0, 0, 1};
  std::memcpy(data, identity, sizeof(identity));
  EXPECT_FAILS(editor().AddInitializerToGraph(graph, "w", weights, true), ORT_INVALID_ARGUMENT,
               "128 bytes");
  EXPECT_OK(editor().AddInitializerToGraph(graph, "w", weights, false));

  const char* domain = "";
  const int version = 17;
  OrtModel* model = nullptr;
  EXPECT_OK(editor().CreateModel(&domain, &version, 1, &model));
  EXPECT_OK(editor().AddGraphToModel(model, graph));
  return BuiltModel(model);
}

void expect_doubles(const Session& session) {
  std::vector<float> data = {1, 2};
  Value output;
  EXPECT_EQ(run(session, "x", tensor(data, {1, 2}), "z", output).message, "");
  EXPECT_THAT(elements(output.get()), ElementsAre(2, 4));
}

TEST(CApiModelEditor, BuildsModelsThatRun) {
  const Env env = make_env();
  const BuiltModel model = make_model();
  const SessionOptions options = make_options();
  OrtSession* loaded = nullptr;
  EXPECT_OK(editor().CreateSessionFromModel(env.get(), model.get(), options.get(), &loaded));
  const Session session(loaded);
  expect_doubles(session);
  int opset = 0;
  EXPECT_OK(editor().SessionGetOpsetForDomain(session.get(), "", &opset));
  EXPECT_EQ(opset, 17);
  EXPECT_FAILS(editor().SessionGetOpsetForDomain(session.get(), "other", &opset),
               ORT_INVALID_ARGUMENT, "other");
}

// A graph with one node: `output` = Neg(`input`), which is the graph's output.
OrtModel* make_appendix(const char* input, const char* output, int version) {
  OrtGraph* graph = nullptr;
  EXPECT_OK(editor().CreateGraph(&graph));
  OrtNode* node = nullptr;
  EXPECT_OK(editor().CreateNode("Neg", "", "appended", &input, 1, &output, 1, nullptr, 0, &node));
  EXPECT_OK(editor().AddNodeToGraph(graph, node));
  OrtTensorTypeAndShapeInfo* info = nullptr;
  EXPECT_OK(api().CreateTensorTypeAndShapeInfo(&info));
  EXPECT_OK(api().SetTensorElementType(info, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT));
  const int64_t dims[] = {-1, 2};
  EXPECT_OK(api().SetDimensions(info, dims, 2));
  OrtTypeInfo* type = nullptr;
  EXPECT_OK(editor().CreateTensorTypeInfo(info, &type));
  api().ReleaseTensorTypeAndShapeInfo(info);
  OrtValueInfo* value = nullptr;
  EXPECT_OK(editor().CreateValueInfo(output, type, &value));
  api().ReleaseTypeInfo(type);
  EXPECT_OK(editor().SetGraphOutputs(graph, &value, 1));
  const char* domain = "";
  OrtModel* model = nullptr;
  EXPECT_OK(editor().CreateModel(&domain, &version, 1, &model));
  EXPECT_OK(editor().AddGraphToModel(model, graph));
  return model;
}

TEST(CApiModelEditor, ChangesModelsInTheirSession) {
  const Env env = make_env();
  const std::string bytes = model_bytes(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,2] x) => (float[N,2] y) <float[2] w = {1, 2}> { y = Add(x, w) })");
  OrtSession* made_session = nullptr;
  EXPECT_OK(editor().CreateModelEditorSessionFromArray(env.get(), bytes.data(), bytes.size(),
                                                       nullptr, &made_session));
  const Session session(made_session);
  const BuiltModel other(make_appendix("y", "z", 16));
  EXPECT_NE(failure(editor().ApplyModelToModelEditorSession(session.get(), other.get())).code,
            ORT_OK);
  const BuiltModel appendix(make_appendix("y", "z", 17));
  EXPECT_OK(editor().ApplyModelToModelEditorSession(session.get(), appendix.get()));
  std::vector<float> data = {1, 2};
  Value output;
  EXPECT_NE(run(session, "x", tensor(data, {1, 2}), "z", output).code, ORT_OK);
  EXPECT_OK(editor().FinalizeModelEditorSession(session.get(), nullptr, nullptr));
  EXPECT_EQ(run(session, "x", tensor(data, {1, 2}), "z", output).message, "");
  EXPECT_THAT(elements(output.get()), ElementsAre(-2, -4));
}

struct CompilationDeleter {
  void operator()(OrtModelCompilationOptions* options) const {
    compiler().ReleaseModelCompilationOptions(options);
  }
};

class CApiCompile : public ::testing::Test {
 protected:
  CApiCompile() {
    OrtModelCompilationOptions* made_options = nullptr;
    EXPECT_OK(compiler().CreateModelCompilationOptionsFromSessionOptions(
        env_.get(), session_options_.get(), &made_options));
    options_.reset(made_options);
    EXPECT_OK(compiler().ModelCompilationOptions_SetInputModel(made_options, model_.get()));
  }
  Env env_ = make_env();
  SessionOptions session_options_ = make_options();
  BuiltModel model_ = make_model();
  std::unique_ptr<OrtModelCompilationOptions, CompilationDeleter> options_;
};

TEST_F(CApiCompile, PassesOnWhatTheFunctionForPlacesSays) {
  const auto locate = [](void* state, const char* name, const OrtValue*,
                         const OrtExternalInitializerInfo*, OrtExternalInitializerInfo**) {
    *static_cast<std::string*>(state) += name;
    return api().CreateStatus(ORT_NO_MODEL, "no room");
  };
  std::string asked;
  void* buffer = nullptr;
  size_t size = 0;
  EXPECT_OK(compiler().ModelCompilationOptions_SetOutputModelBuffer(options_.get(), allocator(),
                                                                    &buffer, &size));
  EXPECT_OK(compiler().ModelCompilationOptions_SetOutputModelGetInitializerLocationFunc(
      options_.get(), locate, &asked));
  EXPECT_FAILS(compiler().CompileModel(env_.get(), options_.get()), ORT_NO_MODEL, "no room");
  EXPECT_FALSE(asked.empty());
  EXPECT_EQ(buffer, nullptr);
}

TEST_F(CApiCompile, WritesToMemory) {
  void* buffer = nullptr;
  size_t size = 0;
  EXPECT_OK(compiler().ModelCompilationOptions_SetOutputModelBuffer(options_.get(), allocator(),
                                                                    &buffer, &size));
  EXPECT_OK(compiler().CompileModel(env_.get(), options_.get()));
  OrtSession* loaded = nullptr;
  EXPECT_OK(api().CreateSessionFromArray(env_.get(), buffer, size, nullptr, &loaded));
  EXPECT_OK(api().AllocatorFree(allocator(), buffer));
  expect_doubles(Session(loaded));
}

TEST_F(CApiCompile, WritesToAFileThatMustBeNew) {
  const std::string path = ::testing::TempDir() + "capi_compiled.onnx";
  std::filesystem::remove(path);
  EXPECT_OK(compiler().ModelCompilationOptions_SetOutputModelPath(options_.get(), path.c_str()));
  EXPECT_OK(compiler().ModelCompilationOptions_SetFlags(
      options_.get(), OrtCompileApiFlags_ERROR_IF_OUTPUT_FILE_EXISTS));
  EXPECT_OK(compiler().CompileModel(env_.get(), options_.get()));
  OrtSession* loaded = nullptr;
  EXPECT_OK(api().CreateSession(env_.get(), path.c_str(), nullptr, &loaded));
  expect_doubles(Session(loaded));
  EXPECT_FAILS(compiler().CompileModel(env_.get(), options_.get()), ORT_FAIL, "exists already");
  std::filesystem::remove(path);
}

TEST_F(CApiCompile, SaysWhenThereIsNothingToCompile) {
  EXPECT_OK(compiler().ModelCompilationOptions_SetFlags(
      options_.get(), OrtCompileApiFlags_ERROR_IF_NO_NODES_COMPILED));
  EXPECT_FAILS(compiler().CompileModel(env_.get(), options_.get()), ORT_FAIL,
               "Unable to compile any nodes");
}

}  // namespace
}  // namespace sardonyx::capi_tests
