// OrtCustomOp → CustomOp. Operators of one name are told apart by their input types, as ONNX
// Runtime does. Libraries of operators register them through the table of this library.
#include "capi/custom_ops.h"

#include <dlfcn.h>

#include "capi/door.h"
#include "capi/tables.h"
#include "capi/types.h"
#include "capi/values.h"

namespace sardonyx::capi {
namespace {

// Versions of OrtCustomOp that added entries.
constexpr uint32_t kWithCharacteristics = 8;
constexpr uint32_t kWithVariadic = 14;
constexpr uint32_t kWithStatuses = 16;
constexpr uint32_t kWithShapes = 17;

// One formal input or output of an operator for each actual one: the last may stand for many.
size_t formal_index(size_t index, size_t count) { return std::min(index, count - 1); }

OrtCustomOpInputOutputCharacteristic characteristic_of(const OrtCustomOp& op, size_t input) {
  if (op.version < kWithCharacteristics || op.GetInputCharacteristic == nullptr) {
    return INPUT_OUTPUT_REQUIRED;
  }
  return op.GetInputCharacteristic(&op, input);
}

std::pair<size_t, size_t> input_range(const OrtCustomOp& op) {
  const size_t count = op.GetInputTypeCount(&op);
  size_t least = 0;
  size_t most = count;
  for (size_t i = 0; i < count; ++i) {
    const auto characteristic = characteristic_of(op, i);
    if (characteristic == INPUT_OUTPUT_REQUIRED) least = i + 1;
    if (characteristic != INPUT_OUTPUT_VARIADIC) continue;
    most = SIZE_MAX;
    const bool has_arity = op.version >= kWithVariadic && op.GetVariadicInputMinArity != nullptr;
    const int arity = has_arity ? op.GetVariadicInputMinArity(&op) : 1;
    least = i + static_cast<size_t>(std::max(arity, 0));
  }
  return {least, most};
}

int since_version_of(const OrtCustomOp& op) {
  if (op.version < kWithShapes || op.GetStartVersion == nullptr) return 1;
  return std::max(op.GetStartVersion(&op), 1);
}

bool accepts(const OrtCustomOp& op, const CustomNode& node) {
  const auto [least, most] = input_range(op);
  if (node.inputs.size() < least || node.inputs.size() > most) return false;
  const size_t count = op.GetInputTypeCount(&op);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const DType wanted = dtype_of_element(op.GetInputType(&op, formal_index(i, count)));
    const DType given = node.inputs[i].dtype;
    if (wanted == DType::kUndefined || given == DType::kUndefined) continue;
    if (wanted != given) return false;
  }
  return true;
}

// The element type of the first input of undefined type, which an output of such a type shares.
DType free_type(const OrtCustomOp& op, const CustomNode& node) {
  const size_t count = op.GetInputTypeCount(&op);
  for (size_t i = 0; i < node.inputs.size() && count != 0; ++i) {
    const auto type = op.GetInputType(&op, formal_index(i, count));
    if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED) return node.inputs[i].dtype;
  }
  return DType::kUndefined;
}

// What the client registered under one name, and what it does to nodes.
class Registered {
 public:
  Registered(std::vector<const OrtCustomOp*> ops, OrtLogger logger,
             const OrtSessionOptions& options, std::shared_ptr<ThreadPool> pool)
      : ops_(std::move(ops)),
        logger_(std::move(logger)),
        config_(options.library.config),
        pool_(std::move(pool)) {}

  Result<std::vector<ArgInfo>> infer(const CustomNode& node) const {
    const OrtCustomOp& op = *TRY(choose(node));
    const size_t count = op.GetOutputTypeCount(&op);
    if (count == 0 && node.output_count != 0) {
      return fail(Code::kInvalidGraph, "has {} outputs, but its operator has none",
                  node.output_count);
    }
    OrtShapeInferContext context;
    context.node = &node;
    for (size_t i = 0; i < node.output_count; ++i) {
      ArgInfo output;
      output.kind = ArgInfo::Kind::kTensor;
      output.dtype = dtype_of_element(op.GetOutputType(&op, formal_index(i, count)));
      if (output.dtype == DType::kUndefined) output.dtype = free_type(op, node);
      context.outputs.push_back(std::move(output));
    }
    if (op.version >= kWithShapes && op.InferOutputShapeFn != nullptr) {
      TRY(show(node, context));
      TRY(take_status(op.InferOutputShapeFn(&op, &context)));
    }
    return std::move(context.outputs);
  }

  Result<CustomOp::Compute> make(const CustomNode& node) const {
    const OrtCustomOp& op = *TRY(choose(node));
    auto info = std::make_shared<OrtKernelInfo>();
    info->node = node;
    info->outputs = TRY(infer(node));
    for (const Tensor& constant : node.constants) {
      info->constants.emplace_back(constant.has_data() ? make_value(constant) : nullptr);
    }
    info->logger = logger_;
    info->config = config_;
    info->pool = pool_;
    info->since_version = since_version_of(op);
    std::shared_ptr<void> kernel = TRY(make_kernel(op, *info));
    return [&op, info, kernel](std::span<const Value> inputs) {
      return compute(op, *info, kernel.get(), inputs);
    };
  }

 private:
  Result<const OrtCustomOp*> choose(const CustomNode& node) const {
    for (const OrtCustomOp* op : ops_) {
      if (accepts(*op, node)) return op;
    }
    return fail(Code::kInvalidGraph,
                "none of the {} custom operators of this name takes the node's {} inputs of their "
                "types",
                ops_.size(), node.inputs.size());
  }

  static Result<void> show(const CustomNode& node, OrtShapeInferContext& context) {
    for (const ArgInfo& input : node.inputs) context.inputs.push_back(type_info(input)->tensor);
    for (const auto& [name, attr] : node.attrs) {
      context.attrs[name].attr = TRY(attr_def(name, attr));
    }
    return {};
  }

  static Result<std::shared_ptr<void>> make_kernel(const OrtCustomOp& op,
                                                   const OrtKernelInfo& info) {
    void* kernel = nullptr;
    const bool has_status = op.version >= kWithStatuses && op.CreateKernelV2 != nullptr;
    if (has_status) {
      TRY(take_status(op.CreateKernelV2(&op, &table(), &info, &kernel)));
    } else {
      kernel = op.CreateKernel(&op, &table(), &info);
    }
    return std::shared_ptr<void>(kernel, [&op](void* released) {
      if (released != nullptr && op.KernelDestroy != nullptr) op.KernelDestroy(released);
    });
  }

  static Result<std::vector<Value>> compute(const OrtCustomOp& op, const OrtKernelInfo& info,
                                            void* kernel, std::span<const Value> inputs) {
    OrtKernelContext context;
    context.info = &info;
    for (const Value& input : inputs) context.inputs.push_back(OrtValue{input, {}, nullptr});
    context.outputs.resize(info.outputs.size());
    OrtStatus* status = status_of([&]() -> Result<void> {
      if (op.version >= kWithStatuses && op.KernelComputeV2 != nullptr) {
        return take_status(op.KernelComputeV2(kernel, &context));
      }
      op.KernelCompute(kernel, &context);
      return {};
    });
    TRY(take_status(status));
    std::vector<Value> results;
    for (size_t i = 0; i < context.outputs.size(); ++i) {
      const bool is_asked = i < info.node.output_names.size() && !info.node.output_names[i].empty();
      if (context.outputs[i] == nullptr && is_asked) {
        return fail(Code::kFail, "output {} was not computed", i);
      }
      results.push_back(context.outputs[i] != nullptr ? context.outputs[i]->value : Value());
    }
    return results;
  }

  std::vector<const OrtCustomOp*> ops_;
  OrtLogger logger_;
  std::map<std::string, std::string> config_;
  std::shared_ptr<ThreadPool> pool_;
};

bool is_for_cpu(const OrtCustomOp& op) {
  const char* provider = op.GetExecutionProviderType(&op);
  return provider == nullptr || std::string_view(provider) == "CPUExecutionProvider";
}

Result<void> CreateCustomOpDomain(const char* name, OrtCustomOpDomain** out) {
  REQUIRE(name, out);
  *out = new OrtCustomOpDomain{name, {}};
  return {};
}

Result<void> CustomOpDomain_Add(OrtCustomOpDomain* domain, const OrtCustomOp* op) {
  REQUIRE(domain, op);
  if (op->GetName == nullptr || op->GetInputTypeCount == nullptr || op->GetInputType == nullptr ||
      op->GetOutputTypeCount == nullptr || op->GetOutputType == nullptr ||
      op->GetExecutionProviderType == nullptr || op->GetName(op) == nullptr) {
    return fail(Code::kInvalidArgument,
                "a custom operator needs a name, and types of its inputs "
                "and outputs");
  }
  const bool has_statuses = op->version >= kWithStatuses;
  const bool can_run =
      op->KernelCompute != nullptr || (has_statuses && op->KernelComputeV2 != nullptr);
  const bool can_start =
      op->CreateKernel != nullptr || (has_statuses && op->CreateKernelV2 != nullptr);
  if (!can_run || !can_start) {
    return fail(Code::kInvalidArgument,
                "custom operator '{}' has no function that creates its "
                "kernel, or none that computes",
                op->GetName(op));
  }
  domain->ops.push_back(op);
  return {};
}

Result<void> AddCustomOpDomain(OrtSessionOptions* options, OrtCustomOpDomain* domain) {
  REQUIRE(options, domain);
  options->domains.push_back(domain);
  return {};
}

// A library stays loaded: its operators may be in use until the end.
Result<void*> open_library(OrtSessionOptions* options, const ORTCHAR_T* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return fail(Code::kFail, "Failed to load library {} with error: {}", path, dlerror());
  }
  void* symbol = dlsym(library, "RegisterCustomOps");
  if (symbol == nullptr) {
    const std::string reason = dlerror();
    dlclose(library);
    return fail(Code::kFail, "Failed to get symbol RegisterCustomOps with error: {}", reason);
  }
  const auto register_ops = reinterpret_cast<RegisterCustomOpsFn>(symbol);
  TRY(take_status(register_ops(options, &api_base())));
  return library;
}

Result<void> RegisterCustomOpsLibrary(OrtSessionOptions* options, const char* path, void** out) {
  REQUIRE(options, path, out);
  *out = TRY(open_library(options, path));
  return {};
}

Result<void> RegisterCustomOpsLibrary_V2(OrtSessionOptions* options, const ORTCHAR_T* path) {
  REQUIRE(options, path);
  TRY(open_library(options, path));
  return {};
}

Result<void> RegisterCustomOpsUsingFunction(OrtSessionOptions* options, const char* name) {
  REQUIRE(options, name);
  void* symbol = dlsym(RTLD_DEFAULT, name);
  if (symbol == nullptr) {
    return fail(Code::kFail,
                "Failed to get symbol {} with error: the program exports no such function", name);
  }
  return take_status(reinterpret_cast<RegisterCustomOpsFn>(symbol)(options, &api_base()));
}

Result<void> EnableOrtCustomOps(OrtSessionOptions* options) {
  REQUIRE(options);
  return fail(Code::kFail,
              "EnableOrtCustomOps: Custom operators in onnxruntime-extensions are not "
              "enabled; register the library of that package");
}

}  // namespace

Result<std::vector<std::shared_ptr<const CustomOp>>> custom_ops_of(
    const OrtSessionOptions& options, const std::shared_ptr<ThreadPool>& pool,
    const OrtLogger& logger) {
  // By domain, name and version.
  std::map<std::tuple<std::string, std::string, int>, std::vector<const OrtCustomOp*>> groups;
  for (const OrtCustomOpDomain* domain : options.domains) {
    for (const OrtCustomOp* op : domain->ops) {
      if (is_for_cpu(*op))
        groups[{domain->name, op->GetName(op), since_version_of(*op)}].push_back(op);
    }
  }
  std::vector<std::shared_ptr<const CustomOp>> result;
  for (auto& [key, ops] : groups) {
    auto custom = std::make_shared<CustomOp>();
    std::tie(custom->domain, custom->name, custom->since_version) = key;
    const auto registered = std::make_shared<Registered>(std::move(ops), logger, options, pool);
    custom->infer = [registered](const CustomNode& node) { return registered->infer(node); };
    custom->make = [registered](const CustomNode& node) { return registered->make(node); };
    result.push_back(std::move(custom));
  }
  return result;
}

void add_custom_ops(OrtApi& api) {
  DOOR(CreateCustomOpDomain);
  api.ReleaseCustomOpDomain = &release<OrtCustomOpDomain>;
  DOOR(CustomOpDomain_Add);
  DOOR(AddCustomOpDomain);
  DOOR(RegisterCustomOpsLibrary);
  DOOR(RegisterCustomOpsLibrary_V2);
  DOOR(RegisterCustomOpsUsingFunction);
  DOOR(EnableOrtCustomOps);
}

}  // namespace sardonyx::capi
