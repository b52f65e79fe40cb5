// SequenceMap: runs its body once for each item of its first input, a sequence, and collects the
// results in sequences. Other sequences are walked along, tensors are given to every run.
#include "ops/bodies.h"
#include "ops/infer.h"
#include "ops/op.h"

namespace sardonyx {
namespace {

Result<void> infer_sequence_map(InferContext& context) {
  Graph& body = *context.attrs().get_subgraph("body")->body;
  if (body.inputs().size() != context.input_count() ||
      body.outputs().size() != context.output_count()) {
    return fail(
        Code::kInvalidGraph, "the body takes {} and gives {} values for {} inputs and {} outputs",
        body.inputs().size(), body.outputs().size(), context.input_count(), context.output_count());
  }
  const ValueType& first = context.input(0);
  if (first.kind != ValueType::Kind::kSequence && first.kind != ValueType::Kind::kUnknown) {
    return fail(Code::kInvalidArgument, "{} must be a sequence", context.describe(0));
  }
  if (context.at_load()) {
    for (size_t i = 0; i < context.input_count(); ++i) {
      ValueType type = context.input(i);
      if (type.kind == ValueType::Kind::kSequence) {
        type = type.element ? *type.element : ValueType();
        type.dims.reset();  // items may differ in shape
      }
      GraphValue& input = body.value(body.inputs()[i]);
      input.type = merge_types(input.type, type);
    }
    TRY(infer_body(body));
  }
  for (size_t i = 0; i < context.output_count(); ++i) {
    context.set_output(i, ValueType::sequence(body.outputs()[i].type));
  }
  return {};
}

class SequenceMapKernel final : public Kernel {
 public:
  explicit SequenceMapKernel(const KernelRequest& request) : body_(body_of(request, "body")) {
    for (const Operand& output : request.outputs) {
      const auto& element = output.type.element;
      dtypes_.push_back(element ? element->dtype : DType::kUndefined);
    }
  }

  void run(RunArgs& args) const override {
    auto done = map(args);
    if (!done) report_error(args, std::move(done.error()));
  }

 private:
  Result<void> map(RunArgs& args) const {
    std::vector<Value> operands;
    for (size_t i = 0; i < args.inputs.size() && i < body_.first_capture; ++i) {
      operands.push_back(args.input_value(i));
    }
    const size_t length = operands[0].items().size();
    for (size_t i = 1; i < operands.size(); ++i) {
      if (is_sequence(operands[i]) && operands[i].items().size() != length) {
        return fail(Code::kInvalidArgument, "input {} has {} items, the first sequence {}", i,
                    operands[i].items().size(), length);
      }
    }
    std::vector<std::vector<Value>> results(args.outputs.size());
    for (size_t at = 0; at < length; ++at) {
      std::vector<Value> inputs;
      inputs.reserve(operands.size());
      for (const Value& operand : operands) {
        inputs.push_back(is_sequence(operand) ? operand.items()[at] : operand);
      }
      auto given = TRY_AT(fmt::format("item {}", at), body_.run(args, inputs));
      for (size_t i = 0; i < results.size(); ++i) {
        results[i].push_back(TRY(own_value(given[i])));
      }
    }
    for (size_t i = 0; i < results.size(); ++i) {
      if (args.output_values[i] == nullptr) continue;
      args.set_value(i, Value::sequence(std::move(results[i]), dtypes_[i]));
    }
    return {};
  }

  static bool is_sequence(const Value& value) { return value.kind() == Value::Kind::kSequence; }

  Body body_;
  std::vector<DType> dtypes_;  // of the items of each output
};

Result<std::unique_ptr<Kernel>> make_sequence_map(const KernelRequest& request) {
  return std::make_unique<SequenceMapKernel>(request);
}

}  // namespace

OpDef op_SequenceMap() {
  OpDef op;
  op.versions = {17};
  op.inputs = {{"input_sequence", "", kAnyValue},
               {"additional_inputs", "", kAnyValue, Form::kVariadic}};
  op.outputs = {{"out_sequence", "", kAnyValue, Form::kVariadic}};
  op.attrs = {required_attr("body", FormalAttr::Kind::kGraph)};
  op.infer = infer_sequence_map;
  op.kernels = {{"iterate", make_sequence_map}};
  return op;
}

}  // namespace sardonyx
