// See ops/custom_op.h.
#include "ops/custom_op.h"

namespace sardonyx {
namespace {

Result<void> infer_custom(InferContext& context) { return context.node().custom->infer(context); }

Result<std::unique_ptr<Kernel>> make_custom(const KernelRequest& request) {
  return request.node.custom->make_kernel(request);
}

}  // namespace

OpDef custom_op_def(std::string domain, std::string name, int since_version) {
  OpDef op;
  op.domain = std::move(domain);
  op.name = std::move(name);
  op.versions = {since_version};
  op.inputs = {{"inputs", "", kAnyValue, Form::kVariadic}};
  op.outputs = {{"outputs", "", kAnyValue, Form::kVariadic}};
  op.infer = infer_custom;
  op.kernels = {{"custom", make_custom}};
  op.is_random = true;
  op.takes_any_attr = true;
  return op;
}

}  // namespace sardonyx
