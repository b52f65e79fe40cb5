// Identity: output = input, for any kind of value. A view: nothing is copied when planned.
#include "ops/op.h"

namespace sardonyx {
namespace {

Result<void> infer_identity(InferContext& context) {
  context.set_output(0, context.input(0));
  if (auto ints = context.peek_ints(0)) context.set_output_ints(0, *ints);
  return {};
}

void run_identity(RunArgs& args) {
  if (args.input_values[0] != nullptr && !args.input_values[0]->is_tensor()) {
    args.set_value(0, *args.input_values[0]);
    return;
  }
  const TensorView& src = args.inputs[0];
  copy_elements(src, args.allocate(0, src.dtype, src.shape));
}

Result<std::unique_ptr<Kernel>> make_identity(const KernelRequest&) {
  return make_kernel(run_identity);
}

}  // namespace

OpDef op_Identity() {
  OpDef op;
  op.versions = {1, 13, 14, 16, 19, 21, 23, 24, 25};
  op.inputs = {{"input", "V", kAnyValue}};
  op.outputs = {{"output", "V", kAnyValue}};
  op.infer = infer_identity;
  op.kernels = {{"copy", make_identity}};
  op.is_view = true;
  return op;
}

}  // namespace sardonyx
