// If and Loop: run the bodies of their node through runners that plan/ provides.
// Specification: Operators.md, If and Loop.
#include "ops/bodies.h"
#include "ops/infer.h"
#include "ops/op.h"

namespace sardonyx {
namespace {

bool as_bool(const TensorView& view) { return *view.as<bool>(); }

// ---- If

Result<void> infer_if(InferContext& context) {
  const Subgraph& then_branch = *context.attrs().get_subgraph("then_branch");
  const Subgraph& else_branch = *context.attrs().get_subgraph("else_branch");
  for (const Subgraph* branch : {&then_branch, &else_branch}) {
    if (branch->body->outputs().size() != context.output_count()) {
      return fail(Code::kInvalidGraph, "branch '{}' has {} outputs, the node has {}",
                  branch->body->name, branch->body->outputs().size(), context.output_count());
    }
    if (!branch->body->inputs().empty()) {
      return fail(Code::kInvalidGraph, "branch '{}' must not have inputs", branch->body->name);
    }
    if (context.at_load()) TRY(infer_body(*branch->body));
  }
  for (size_t i = 0; i < context.output_count(); ++i) {
    context.set_output(
        i, either_type(then_branch.body->outputs()[i].type, else_branch.body->outputs()[i].type));
  }
  return {};
}

Result<std::unique_ptr<Kernel>> make_if(const KernelRequest& request) {
  const Body then_branch = body_of(request, "then_branch");
  const Body else_branch = body_of(request, "else_branch");
  return make_kernel([then_branch, else_branch](RunArgs& args) {
    const Body& body = as_bool(args.inputs[0]) ? then_branch : else_branch;
    auto results = body.run(args, {});
    if (!results) return report_error(args, std::move(results.error()));
    for (size_t i = 0; i < results->size(); ++i) {
      if (args.output_values[i] != nullptr) args.set_value(i, std::move((*results)[i]));
    }
  });
}

// ---- Loop: inputs M, cond, carried values; body (iteration, cond, carried...) gives
// (cond, carried..., scan outputs...).

Result<void> infer_loop(InferContext& context) {
  Graph& body = *context.attrs().get_subgraph("body")->body;
  const size_t carried = context.input_count() < 2 ? 0 : context.input_count() - 2;
  if (body.inputs().size() != carried + 2) {
    return fail(Code::kInvalidGraph, "the body takes {} values, but the loop carries {} (plus 2)",
                body.inputs().size(), carried);
  }
  if (body.outputs().size() < carried + 1 || body.outputs().size() - 1 < context.output_count()) {
    return fail(Code::kInvalidGraph, "the body gives {} values; {} carried ones need at least {}",
                body.outputs().size(), carried, carried + 1);
  }
  if (context.at_load()) {
    body.value(body.inputs()[0]).type = ValueType::tensor(DType::kInt64, {});
    body.value(body.inputs()[1]).type = ValueType::tensor(DType::kBool, {});
    for (size_t i = 0; i < carried; ++i) {
      // Shapes may change from one iteration to the next: only what the body declares holds.
      GraphValue& input = body.value(body.inputs()[i + 2]);
      input.type = merge_types(input.type, without_dims(context.input(i + 2)));
    }
    TRY(infer_body(body));
  }
  for (size_t i = 0; i < context.output_count(); ++i) {
    const ValueType& given = body.outputs()[i + 1].type;
    if (i < carried) {
      context.set_output(i, either_type(given, context.input(i + 2)));
    } else if (given.has_rank()) {
      Dims dims = *given.dims;
      dims.insert(dims.begin(), Dim::unknown());
      context.set_output(i, given.dtype, dims);
    } else {
      context.set_output(i, given.dtype);
    }
  }
  return {};
}

class LoopKernel final : public Kernel {
 public:
  explicit LoopKernel(const KernelRequest& request)
      : body_(body_of(request, "body")),
        carried_(request.node.inputs.size() < 2 ? 0 : request.node.inputs.size() - 2) {
    for (const Operand& output : request.outputs) output_types_.push_back(output.type);
  }

  void run(RunArgs& args) const override {
    const bool counted = args.inputs[0].data != nullptr;
    const int64_t most = counted ? *args.inputs[0].as<int64_t>() : INT64_MAX;
    bool more = args.inputs.size() < 2 || args.inputs[1].data == nullptr || as_bool(args.inputs[1]);
    std::vector<Value> carried;
    for (size_t i = 0; i < carried_; ++i) carried.push_back(args.input_value(i + 2));
    std::vector<std::vector<Value>> scanned(body_.runner->output_count() - 1 - carried_);
    for (int64_t iteration = 0; iteration < most && more; ++iteration) {
      std::vector<Value> inputs = {Tensor::scalar(iteration), Tensor::scalar(more)};
      inputs.insert(inputs.end(), carried.begin(), carried.end());
      auto results = body_.run(args, inputs);
      if (!results) {
        return report_error(args,
                            std::move(results.error()).at(fmt::format("iteration {}", iteration)));
      }
      more = *(*results)[0].tensor().as<bool>();
      for (size_t i = 0; i < carried_; ++i) carried[i] = std::move((*results)[i + 1]);
      for (size_t i = 0; i < scanned.size(); ++i) {
        scanned[i].push_back(std::move((*results)[i + 1 + carried_]));
      }
    }
    give(args, carried, scanned);
  }

 private:
  void give(RunArgs& args, const std::vector<Value>& carried,
            const std::vector<std::vector<Value>>& scanned) const {
    for (size_t i = 0; i < args.outputs.size(); ++i) {
      if (args.output_values[i] == nullptr) continue;
      if (i < carried_) {
        auto owned = own_value(carried[i]);
        if (!owned) return report_error(args, std::move(owned.error()));
        args.set_value(i, std::move(*owned));
        continue;
      }
      auto stacked = stack(scanned[i - carried_], output_types_[i], 0);
      if (!stacked) return report_error(args, std::move(stacked.error()));
      args.set_value(i, std::move(*stacked));
    }
  }

  Body body_;
  size_t carried_;
  std::vector<ValueType> output_types_;
};

Result<std::unique_ptr<Kernel>> make_loop(const KernelRequest& request) {
  return std::make_unique<LoopKernel>(request);
}

}  // namespace

OpDef op_If() {
  OpDef op;
  op.versions = {1, 11, 13, 16, 19, 21, 23, 24, 25};
  op.inputs = {{"cond", "B", dtype_set(DType::kBool)}};
  op.outputs = {{"outputs", "", kAnyValue, Form::kVariadic}};
  op.attrs = {required_attr("then_branch", FormalAttr::Kind::kGraph),
              required_attr("else_branch", FormalAttr::Kind::kGraph)};
  op.infer = infer_if;
  op.kernels = {{"branch", make_if}};
  return op;
}

OpDef op_Loop() {
  OpDef op;
  op.versions = {1, 11, 13, 16, 19, 21, 23, 24, 25};
  op.inputs = {{"M", "I", dtype_set(DType::kInt64), Form::kOptional},
               {"cond", "B", dtype_set(DType::kBool), Form::kOptional},
               {"v_initial", "", kAnyValue, Form::kVariadic}};
  op.outputs = {{"v_final_and_scan_outputs", "", kAnyValue, Form::kVariadic}};
  op.attrs = {required_attr("body", FormalAttr::Kind::kGraph)};
  op.infer = infer_loop;
  op.kernels = {{"iterate", make_loop}};
  return op;
}

}  // namespace sardonyx
