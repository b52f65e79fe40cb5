// See api/custom_ops.h.
#include "api/custom_ops.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "api/args.h"
#include "base/float_state.h"
#include "base/rebuilt.h"
#include "ops/custom_op.h"

namespace sardonyx {
namespace {

Result<CustomAttr> custom_attr(const Attr& attr) {
  if (const auto* i = std::get_if<int64_t>(&attr)) return *i;
  if (const auto* f = std::get_if<float>(&attr)) return *f;
  if (const auto* s = std::get_if<std::string>(&attr)) return *s;
  if (const auto* tensor = std::get_if<Tensor>(&attr)) return *tensor;
  if (const auto* ints = std::get_if<std::vector<int64_t>>(&attr)) return *ints;
  if (const auto* floats = std::get_if<std::vector<float>>(&attr)) return *floats;
  if (const auto* strings = std::get_if<std::vector<std::string>>(&attr)) return *strings;
  if (const auto* tensors = std::get_if<std::vector<Tensor>>(&attr)) return *tensors;
  return fail(Code::kNotImplemented,
              "graphs, types and sparse tensors cannot be attributes of a custom operator");
}

ValueType::Kind kind_of(ArgInfo::Kind kind) {
  switch (kind) {
    case ArgInfo::Kind::kTensor:
      return ValueType::Kind::kTensor;
    case ArgInfo::Kind::kSparse:
      return ValueType::Kind::kSparse;
    case ArgInfo::Kind::kSequence:
      return ValueType::Kind::kSequence;
    case ArgInfo::Kind::kMap:
      return ValueType::Kind::kMap;
    case ArgInfo::Kind::kOptional:
      return ValueType::Kind::kOptional;
    case ArgInfo::Kind::kOpaque:
      return ValueType::Kind::kOpaque;
    case ArgInfo::Kind::kUnknown:
      break;
  }
  return ValueType::Kind::kUnknown;
}

// A symbol that an input shows may stand for an expression ("2*N"), which is taken over as it is.
Dim dim_of(const ArgInfo::Dim& dim, const InferContext& context) {
  if (dim.value >= 0) return Dim(dim.value);
  for (size_t i = 0; i < context.input_count(); ++i) {
    if (!context.has_rank(i)) continue;
    for (const Dim& known : context.dims(i)) {
      if (!known.is_constant() && !known.is_unknown() && known.to_string() == dim.symbol) {
        return known;
      }
    }
  }
  return Dim::symbol(dim.symbol);
}

ValueType type_of(const ArgInfo& arg, const InferContext& context) {
  ValueType type;
  type.kind = kind_of(arg.kind);
  type.dtype = arg.dtype;
  if (arg.has_rank) {
    Dims dims;
    for (const ArgInfo::Dim& dim : arg.dims) dims.push_back(dim_of(dim, context));
    type.dims = std::move(dims);
  }
  if (arg.element != nullptr) {
    type.element = std::make_shared<const ValueType>(type_of(*arg.element, context));
  }
  return type;
}

// One node's operator: the registration, and what it made for this node.
class BoundOperator final : public CustomOperator {
 public:
  BoundOperator(std::shared_ptr<const CustomOp> op, const Graph& graph, const Node& node,
                std::map<std::string, CustomAttr> attrs)
      : op_(std::move(op)), def_(custom_op_def(op_->domain, op_->name, op_->since_version)) {
    node_.name = node.name;
    node_.op_type = node.op_type;
    node_.domain = node.domain;
    node_.attrs = std::move(attrs);
    node_.output_count = node.outputs.size();
    for (const ValueId id : node.inputs) node_.input_names.push_back(name_of(graph, id));
    for (const ValueId id : node.outputs) node_.output_names.push_back(name_of(graph, id));
  }

  const OpDef& def() const override { return def_; }

  Result<void> infer(InferContext& context) const override {
    const size_t inputs = context.input_count();
    if (inputs < op_->min_inputs || inputs > op_->max_inputs) {
      return fail(Code::kInvalidGraph, "has {} inputs, but takes at least {} and at most {}",
                  inputs, op_->min_inputs, op_->max_inputs);
    }
    std::vector<ArgInfo> infos;
    std::vector<Tensor> constants;
    for (size_t i = 0; i < inputs; ++i) {
      const Tensor* constant = context.has_input(i) ? context.constant(i) : nullptr;
      if (constant != nullptr) keep_bytes(*constant);
      constants.push_back(constant != nullptr ? *constant : Tensor());
      infos.push_back(context.has_input(i) ? arg_info(input_name(context, i), context.input(i))
                                           : ArgInfo());
    }
    const std::vector<ArgInfo> outputs = TRY(output_types(std::move(infos), std::move(constants)));
    if (outputs.size() < node_.output_count) {
      return fail(Code::kInvalidGraph, "has {} outputs, but its operator gives the types of {}",
                  node_.output_count, outputs.size());
    }
    for (size_t i = 0; i < node_.output_count; ++i) {
      context.set_output(i, type_of(outputs[i], context));
    }
    return {};
  }

  Result<std::unique_ptr<Kernel>> make_kernel(const KernelRequest& request) const override {
    const CustomOp::Compute& compute = TRY(made(request));
    std::vector<ValueType> announced;
    for (const Operand& output : request.outputs) announced.push_back(output.type);
    return sardonyx::make_kernel([&compute, announced = std::move(announced)](RunArgs& args) {
      run(compute, announced, args);
    });
  }

 private:
  static std::string name_of(const Graph& graph, ValueId id) {
    return id == kNoValue ? std::string() : graph.value(id).name;
  }

  static std::string input_name(const InferContext& context, size_t index) {
    return context.graph().value(context.node().inputs[index]).name;
  }

  Result<std::vector<ArgInfo>> output_types(std::vector<ArgInfo> inputs,
                                            std::vector<Tensor> constants) const {
    if (op_->infer) {
      CustomNode node = node_;
      node.inputs = std::move(inputs);
      node.constants = std::move(constants);
      const CallersFloatState callers;
      return op_->infer(node);
    }
    std::vector<ArgInfo> outputs;
    for (const DType dtype : op_->output_types) {
      outputs.push_back(arg_info("", ValueType::tensor(dtype)));
    }
    return outputs;
  }

  Result<std::reference_wrapper<const CustomOp::Compute>> made(const KernelRequest& request) const {
    const std::lock_guard lock(mutex_);
    if (compute_) return std::cref(compute_);
    CustomNode node = node_;
    for (const Operand& operand : request.inputs) {
      node.inputs.push_back(operand.present() ? arg_info("", operand.type) : ArgInfo());
      if (operand.constant != nullptr) keep_bytes(*operand.constant);
      node.constants.push_back(operand.constant != nullptr ? *operand.constant : Tensor());
    }
    const CallersFloatState callers;
    compute_ = TRY(op_->make(node));
    if (compute_) return std::cref(compute_);
    return fail(Code::kInvalidArgument, "CustomOp::make gave no function");
  }

  static void run(const CustomOp::Compute& compute, const std::vector<ValueType>& announced,
                  RunArgs& args) {
    std::vector<Value> inputs;
    for (size_t i = 0; i < args.inputs.size(); ++i) inputs.push_back(args.input_value(i));
    Result<std::vector<Value>> results = called(compute, inputs);
    if (!results) return args.report(results.error().code, results.error().message);
    if (results->size() < announced.size()) {
      return args.report(Code::kInvalidArgument,
                         fmt::format("computed {} outputs, but the node has {}", results->size(),
                                     announced.size()));
    }
    for (size_t i = 0; i < announced.size() && !args.failed(); ++i) {
      if (announced[i].kind == ValueType::Kind::kUnknown) continue;  // nobody asks
      const Value& value = (*results)[i];
      if (const Result<void> fits = check_value(announced[i], value); !fits) {
        return args.report(fits.error().code, fmt::format("output {} {}", i, fits.error().message));
      }
      store(value, i, args);
    }
  }

  static Result<std::vector<Value>> called(const CustomOp::Compute& compute,
                                           std::span<const Value> inputs) {
    const CallersFloatState callers;
    return compute(inputs);
  }

  // A result over the memory of an input, which is valid during this step only, becomes a copy.
  static Result<Value> detached(const Value& value, std::span<const TensorView> inputs) {
    if (value.is_tensor()) {
      const Tensor& tensor = value.tensor();
      const auto* data = static_cast<const char*>(tensor.data());
      const bool borrowed =
          std::any_of(inputs.begin(), inputs.end(), [data](const TensorView& input) {
            const auto* start = static_cast<const char*>(input.data);
            return start != nullptr && data >= start && data < start + input.bytes();
          });
      if (!borrowed) return value;
      Tensor copy = TRY(Tensor::allocate(tensor.dtype(), tensor.shape()));
      copy_elements(tensor.view(), copy.view());
      return Value(std::move(copy));
    }
    if (value.kind() != Value::Kind::kSequence) return value;
    std::vector<Value> items;
    for (const Value& item : value.items()) items.push_back(TRY(detached(item, inputs)));
    return Value::sequence(std::move(items), value.element_dtype());
  }

  // Into the planned memory where there is some.
  static void store(const Value& value, size_t index, RunArgs& args) {
    if (args.output_values[index] == nullptr) {
      return copy_elements(value.tensor().view(), args.outputs[index]);
    }
    Result<Value> own = detached(value, args.inputs);
    if (!own) return args.report(own.error().code, own.error().message);
    args.set_value(index, *std::move(own));
  }

  std::shared_ptr<const CustomOp> op_;
  OpDef def_;
  CustomNode node_;
  mutable std::mutex mutex_;
  mutable CustomOp::Compute compute_;
};

using CustomOps = std::vector<std::shared_ptr<const CustomOp>>;

Result<void> check_registration(const CustomOp* op) {
  if (op == nullptr || op->name.empty() || !op->make) {
    return fail(Code::kInvalidArgument, "a custom operator needs a name and a function `make`");
  }
  const std::string title = op->domain.empty() ? op->name : op->domain + "." + op->name;
  if (!op->infer && op->output_types.empty()) {
    return fail(Code::kInvalidArgument, "custom operator {}: needs `infer` or `output_types`",
                title);
  }
  const bool is_own = op->domain.empty() || op->domain == "ai.onnx" || op->domain == "sardonyx";
  if (is_own && find_op(op->domain, op->name) != nullptr) {
    return fail(Code::kInvalidArgument,
                "custom operator {}: there is a built-in one of this name; choose another domain",
                title);
  }
  return {};
}

int64_t imported_version(const Model& model, const std::string& domain) {
  for (const OpsetImport& import : model.opset_imports) {
    if (import.domain == domain) return import.version;
  }
  return INT64_MAX;
}

std::shared_ptr<const CustomOp> find_custom(const CustomOps& ops, const Model& model,
                                            const Node& node) {
  std::shared_ptr<const CustomOp> best;
  for (const auto& op : ops) {
    const std::string& domain = op->domain == "ai.onnx" ? "" : op->domain;
    if (op->name != node.op_type || domain != node.domain) continue;
    if (op->since_version > imported_version(model, node.domain)) continue;
    if (best == nullptr || op->since_version >= best->since_version) best = op;
  }
  return best;
}

Result<void> bind_graph(Graph& graph, const Model& model, const CustomOps& ops) {
  for (size_t id = 0; id < graph.nodes().size(); ++id) {
    Node& node = graph.node(static_cast<NodeId>(id));
    if (node.removed) continue;
    if (const auto op = find_custom(ops, model, node)) {
      std::map<std::string, CustomAttr> attrs;
      for (const auto& [name, attr] : node.attrs) {
        attrs.emplace(name, TRY_AT(node.title() + ": attribute '" + name + "'", custom_attr(attr)));
      }
      node.custom = std::make_shared<BoundOperator>(op, graph, node, std::move(attrs));
      continue;
    }
    Result<void> done;
    for_each_subgraph(node, [&](const Subgraph& subgraph) {
      if (done) done = bind_graph(*subgraph.body, model, ops);
    });
    TRY(std::move(done));
  }
  return {};
}

}  // namespace

Result<void> bind_custom_ops(Graph& graph, const Model& model, const SessionOptions& options) {
  if (options.custom_ops.empty()) return {};
  for (const auto& op : options.custom_ops) TRY(check_registration(op.get()));
  return bind_graph(graph, model, options.custom_ops);
}

}  // namespace sardonyx
