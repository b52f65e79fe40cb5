// Operators that the kernel of a custom operator calls: each is a model of one node.
#include <atomic>

#include "capi/custom_ops.h"
#include "capi/door.h"
#include "capi/tables.h"
#include "model/write_model.h"

struct OrtOp {
  sardonyx::NodeDef node;
  int version = 0;
  std::shared_ptr<sardonyx::ThreadPool> pool;  // of the session that makes it
  std::mutex mutex;
  // Sessions by the input types of their first call.
  std::map<std::vector<sardonyx::DType>, std::shared_ptr<sardonyx::Session>> sessions;
};

namespace sardonyx::capi {
namespace {

// Written before IR 12 by everybody, and enough for every operator's types.
constexpr int64_t kIrVersion = 10;

Result<void> CreateOp(const OrtKernelInfo* info, const char* name, const char* domain, int version,
                      const char** /*constraint_names*/,
                      const ONNXTensorElementDataType* /*constraints*/, int /*constraint_count*/,
                      const OrtOpAttr* const* attrs, int attr_count, int input_count,
                      int output_count, OrtOp** out) {
  REQUIRE(info, name, domain, out);
  if (attr_count < 0 || input_count < 0 || output_count <= 0) {
    return fail(Code::kInvalidArgument, "CreateOp: {} attributes, {} inputs and {} outputs",
                attr_count, input_count, output_count);
  }
  if (attr_count != 0) REQUIRE(attrs);
  auto op = std::make_unique<OrtOp>();
  op->node.op_type = name;
  op->node.domain = std::string_view(domain) == "ai.onnx" ? "" : domain;
  op->version = version;
  op->pool = info->pool;
  for (int i = 0; i < attr_count; ++i) {
    REQUIRE(attrs[i]);
    op->node.attrs.push_back(attrs[i]->attr);
  }
  for (int i = 0; i < input_count; ++i) op->node.inputs.push_back("x" + std::to_string(i));
  for (int i = 0; i < output_count; ++i) op->node.outputs.push_back("y" + std::to_string(i));
  *out = op.release();
  return {};
}

Result<std::shared_ptr<Session>> make_session(const OrtOp& op, const std::vector<DType>& types) {
  Model model;
  model.ir_version = kIrVersion;
  model.opset_imports.push_back({op.node.domain, op.version});
  model.graph.name = op.node.op_type;
  model.graph.nodes.push_back(op.node);
  for (size_t i = 0; i < op.node.inputs.size(); ++i) {
    ValueDef input;
    input.name = op.node.inputs[i];
    input.type.kind = TypeDef::Kind::kTensor;
    input.type.dtype = types[i];
    model.graph.inputs.push_back(std::move(input));
  }
  for (const std::string& name : op.node.outputs) model.graph.outputs.emplace_back().name = name;
  const auto bytes = std::make_shared<std::string>(TRY(write_model(model)));
  SessionOptions options;
  options.pool = op.pool;
  const auto* data = reinterpret_cast<const std::byte*>(bytes->data());
  return std::make_shared<Session>(
      TRY(Session::load(std::span(data, bytes->size()), bytes, options)));
}

Result<std::shared_ptr<Session>> session_for(OrtOp& op, const std::vector<DType>& types) {
  const std::lock_guard lock(op.mutex);
  std::shared_ptr<Session>& session = op.sessions[types];
  if (session == nullptr) session = TRY(make_session(op, types));
  return session;
}

// The outputs are the caller's tensors.
Result<void> InvokeOp(const OrtKernelContext* context, const OrtOp* op,
                      const OrtValue* const* inputs, int input_count, OrtValue* const* outputs,
                      int output_count) {
  REQUIRE(context, op, outputs);
  if (input_count != 0) REQUIRE(inputs);
  const NodeDef& node = op->node;
  if (static_cast<size_t>(input_count) != node.inputs.size() ||
      static_cast<size_t>(output_count) != node.outputs.size()) {
    return fail(Code::kInvalidArgument,
                "InvokeOp: {} takes {} inputs and {} outputs, got {} and {}", node.op_type,
                node.inputs.size(), node.outputs.size(), input_count, output_count);
  }
  std::vector<NamedValue> feeds;
  std::vector<DType> types;
  for (int i = 0; i < input_count; ++i) {
    REQUIRE(inputs[i]);
    const Value& value = inputs[i]->value;
    feeds.push_back({node.inputs[static_cast<size_t>(i)], value});
    types.push_back(value.is_tensor() ? value.tensor().dtype() : DType::kUndefined);
  }
  std::vector<Value> results;
  for (int i = 0; i < output_count; ++i) {
    REQUIRE(outputs[i]);
    results.push_back(outputs[i]->value);
  }
  const auto session = TRY(session_for(*const_cast<OrtOp*>(op), types));
  TRY(session->run_into(feeds, node.outputs, results));
  for (int i = 0; i < output_count; ++i) {
    outputs[i]->value = std::move(results[static_cast<size_t>(i)]);
  }
  return {};
}

}  // namespace

void add_op_calls(OrtApi& api) {
  DOOR(CreateOp);
  DOOR(InvokeOp);
  api.ReleaseOp = &release<OrtOp>;
}

}  // namespace sardonyx::capi
