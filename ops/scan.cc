// Scan: runs its body once per index along the scan axes, carrying states and stacking outputs.
// Specification: Operators.md, Scan.
#include <algorithm>

#include "ops/bodies.h"
#include "ops/infer.h"
#include "ops/op.h"

namespace sardonyx {
namespace {

// The attribute lists with their defaults filled in: one entry per scan input or output.
struct ScanShape {
  size_t states = 0;
  size_t scan_inputs = 0;
  size_t scan_outputs = 0;
  std::vector<int64_t> input_axes, input_directions, output_axes, output_directions;
};

std::vector<int64_t> filled(const std::vector<int64_t>& list, size_t count) {
  std::vector<int64_t> full = list;
  full.resize(count, 0);
  return full;
}

Result<ScanShape> scan_shape(const Node& node) {
  const Graph& body = *node.attrs.get_subgraph("body")->body;
  const int64_t scanned = node.attrs.get_int("num_scan_inputs");
  const size_t inputs = node.inputs.size();
  if (scanned < 1 || scanned > static_cast<int64_t>(inputs)) {
    return fail(Code::kInvalidGraph, "num_scan_inputs is {}, the node has {} inputs", scanned,
                inputs);
  }
  ScanShape shape;
  shape.scan_inputs = static_cast<size_t>(scanned);
  shape.states = inputs - shape.scan_inputs;
  if (body.inputs().size() != inputs || body.outputs().size() < shape.states ||
      body.outputs().size() < node.outputs.size()) {
    return fail(Code::kInvalidGraph,
                "the body takes {} and gives {} values for {} inputs and {} "
                "outputs",
                body.inputs().size(), body.outputs().size(), inputs, node.outputs.size());
  }
  shape.scan_outputs = body.outputs().size() - shape.states;
  shape.input_axes = filled(node.attrs.get_ints("scan_input_axes"), shape.scan_inputs);
  shape.input_directions = filled(node.attrs.get_ints("scan_input_directions"), shape.scan_inputs);
  shape.output_axes = filled(node.attrs.get_ints("scan_output_axes"), shape.scan_outputs);
  shape.output_directions =
      filled(node.attrs.get_ints("scan_output_directions"), shape.scan_outputs);
  return shape;
}

Result<void> infer_scan_inputs(InferContext& context, ScanShape& shape, Dim& length) {
  for (size_t i = 0; i < shape.scan_inputs; ++i) {
    const size_t input = shape.states + i;
    if (!context.has_rank(input)) continue;
    shape.input_axes[i] =
        TRY(context.axis(shape.input_axes[i], context.rank(input), "scan_input_axes"));
    const Dim& dim = context.dims(input)[static_cast<size_t>(shape.input_axes[i])];
    if (length.is_constant() && dim.is_constant() && !(length == dim)) {
      return fail(Code::kInvalidArgument, "{} has {} steps along its scan axis, another one {}",
                  context.describe(input), dim.value(), length.value());
    }
    if (!length.is_constant()) length = dim;
  }
  return {};
}

Result<void> infer_scan(InferContext& context) {
  ScanShape shape = TRY(scan_shape(context.node()));
  Graph& body = *context.attrs().get_subgraph("body")->body;
  Dim length = Dim::unknown();
  TRY(infer_scan_inputs(context, shape, length));
  if (context.at_load()) {
    for (size_t i = 0; i < context.input_count(); ++i) {
      ValueType type = context.input(i);
      if (i >= shape.states && type.has_rank()) {
        type.dims->erase(type.dims->begin() + shape.input_axes[i - shape.states]);
      }
      GraphValue& input = body.value(body.inputs()[i]);
      input.type = merge_types(type, input.type);
    }
    TRY(infer_body(body));
  }
  for (size_t i = 0; i < context.output_count(); ++i) {
    ValueType type = body.outputs()[i].type;
    if (i < shape.states) {
      context.set_output(i, either_type(type, context.input(i)));
      continue;
    }
    if (type.has_rank()) {
      const int64_t axis =
          TRY(context.axis(shape.output_axes[i - shape.states],
                           static_cast<int64_t>(type.dims->size()) + 1, "scan_output_axes"));
      type.dims->insert(type.dims->begin() + axis, length);
    }
    context.set_output(i, type);
  }
  return {};
}

// The index-th slice of a tensor along an axis, copied.
Result<Value> slice_at(const TensorView& tensor, size_t axis, int64_t index) {
  Shape shape = tensor.shape;
  shape.erase(axis);
  Tensor slice = TRY(Tensor::allocate(tensor.dtype, shape));
  const int64_t rows = tensor.shape.count(0, axis);
  const int64_t run = tensor.shape.count(axis + 1, tensor.shape.rank());
  for (int64_t row = 0; row < rows; ++row) {
    copy_run(tensor, (row * tensor.shape[axis] + index) * run, slice.view(), row * run, run);
  }
  return Value(std::move(slice));
}

class ScanKernel final : public Kernel {
 public:
  ScanKernel(const KernelRequest& request, ScanShape shape)
      : body_(body_of(request, "body")), shape_(std::move(shape)) {
    for (const Operand& output : request.outputs) output_types_.push_back(output.type);
  }

  void run(RunArgs& args) const override {
    auto done = scan(args);
    if (!done) report_error(args, std::move(done.error()));
  }

 private:
  Result<void> scan(RunArgs& args) const {
    std::vector<Value> states;
    for (size_t i = 0; i < shape_.states; ++i) states.push_back(args.input_value(i));
    std::vector<std::vector<Value>> scanned(shape_.scan_outputs);
    const TensorView& first = args.inputs[shape_.states];
    const int64_t length = first.shape[axis_of(first, 0)];
    for (int64_t step = 0; step < length; ++step) {
      std::vector<Value> inputs = states;
      for (size_t i = 0; i < shape_.scan_inputs; ++i) {
        const TensorView& input = args.inputs[shape_.states + i];
        const int64_t index = shape_.input_directions[i] == 1 ? length - 1 - step : step;
        inputs.push_back(TRY(slice_at(input, axis_of(input, i), index)));
      }
      auto results = TRY_AT(fmt::format("step {}", step), body_.run(args, inputs));
      for (size_t i = 0; i < shape_.states; ++i) states[i] = std::move(results[i]);
      for (size_t i = 0; i < scanned.size(); ++i) {
        scanned[i].push_back(std::move(results[shape_.states + i]));
      }
    }
    for (size_t i = 0; i < args.outputs.size(); ++i) {
      if (args.output_values[i] == nullptr) continue;
      if (i < shape_.states) {
        args.set_value(i, TRY(own_value(states[i])));
        continue;
      }
      const size_t output = i - shape_.states;
      auto& pieces = scanned[output];
      if (shape_.output_directions[output] == 1) std::reverse(pieces.begin(), pieces.end());
      args.set_value(i, TRY(stack(pieces, output_types_[i], shape_.output_axes[output])));
    }
    return {};
  }

  size_t axis_of(const TensorView& input, size_t index) const {
    const int64_t axis = shape_.input_axes[index];
    return static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(input.shape.rank()) : axis);
  }

  Body body_;
  ScanShape shape_;
  std::vector<ValueType> output_types_;
};

Result<std::unique_ptr<Kernel>> make_scan(const KernelRequest& request) {
  return std::make_unique<ScanKernel>(request, TRY(scan_shape(request.node)));
}

}  // namespace

OpDef op_Scan() {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.versions = {8, 9, 11, 16, 19, 21, 23, 24, 25};
  op.inputs = {{"initial_state_and_scan_inputs", "", kAnyValue, Form::kVariadic}};
  op.outputs = {{"final_state_and_scan_outputs", "", kAnyValue, Form::kVariadic}};
  op.attrs = {required_attr("body", Kind::kGraph),
              required_attr("num_scan_inputs", Kind::kInt),
              optional_attr("scan_input_axes", Kind::kInts),
              optional_attr("scan_input_directions", Kind::kInts),
              optional_attr("scan_output_axes", Kind::kInts),
              optional_attr("scan_output_directions", Kind::kInts)};
  op.infer = infer_scan;
  op.kernels = {{"iterate", make_scan}};
  return op;
}

}  // namespace sardonyx
