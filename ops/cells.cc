// Unpacking and packing of sub-byte elements around kernels that move whole bytes.
#include "ops/cells.h"

#include <vector>

namespace sardonyx {

void unpack_elements(DType dtype, const void* packed, int64_t count, uint8_t* bytes) {
  const auto* src = static_cast<const uint8_t*>(packed);
  const int bits = dtype_bits(dtype);
  const int per_byte = 8 / bits;
  const auto mask = static_cast<uint8_t>((1 << bits) - 1);
  for (int64_t i = 0; i < count; ++i) {
    bytes[i] = (src[i / per_byte] >> (i % per_byte * bits)) & mask;
  }
}

void pack_elements(DType dtype, const uint8_t* bytes, int64_t count, void* packed) {
  auto* dst = static_cast<uint8_t*>(packed);
  const int bits = dtype_bits(dtype);
  const int per_byte = 8 / bits;
  const auto mask = static_cast<uint8_t>((1 << bits) - 1);
  for (int64_t first = 0; first < count; first += per_byte) {
    unsigned byte = 0;
    for (int i = 0; i < per_byte && first + i < count; ++i) {
      byte |= static_cast<unsigned>(bytes[first + i] & mask) << (i * bits);
    }
    dst[first / per_byte] = static_cast<uint8_t>(byte);
  }
}

namespace {

// Runs the inner kernel on unpacked copies. An inner output always goes through a Value, so that
// planned and data-dependent shapes take the same way.
class UnpackedKernel final : public Kernel {
 public:
  UnpackedKernel(std::unique_ptr<Kernel> inner, std::vector<DType> outputs)
      : inner_(std::move(inner)), outputs_(std::move(outputs)) {}

  void run(RunArgs& args) const override {
    std::vector<TensorView> inputs(args.inputs.begin(), args.inputs.end());
    std::vector<Tensor> unpacked;
    for (TensorView& input : inputs) {
      if (!dtype_is_sub_byte(input.dtype)) continue;
      auto bytes = Tensor::allocate(DType::kUint8, input.shape);
      if (!bytes) return args.report(bytes.error().code, bytes.error().message);
      unpack_elements(input.dtype, input.data, input.count(), bytes->as<uint8_t>());
      input = bytes->view();
      unpacked.push_back(std::move(*bytes));
    }
    std::vector<TensorView> outputs(args.outputs.begin(), args.outputs.end());
    std::vector<Value> made(outputs.size());
    std::vector<Value*> slots(args.output_values.begin(), args.output_values.end());
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!dtype_is_sub_byte(outputs_[i])) continue;
      slots[i] = &made[i];
      auto bytes =
          Tensor::allocate(DType::kUint8, outputs[i].data == nullptr ? Shape{0} : outputs[i].shape);
      if (!bytes) return args.report(bytes.error().code, bytes.error().message);
      outputs[i] = bytes->view();
      made[i] = Value(std::move(*bytes));
    }
    RunArgs inner{inputs, outputs, args.input_values, slots, args.workspace, args.pool, args.error};
    inner_->run(inner);
    if (args.failed()) return;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (slots[i] != &made[i]) {
        args.outputs[i] = outputs[i];
        continue;
      }
      const Tensor& bytes = made[i].tensor();
      const TensorView dst = args.allocate(i, outputs_[i], bytes.shape());
      if (args.failed()) return;
      pack_elements(outputs_[i], bytes.as<uint8_t>(), bytes.count(), dst.data);
    }
  }
  size_t workspace_bytes() const override { return inner_->workspace_bytes(); }
  bool reads(size_t input) const override { return inner_->reads(input); }

 private:
  std::unique_ptr<Kernel> inner_;
  std::vector<DType> outputs_;
};

std::vector<Operand> as_bytes(std::span<const Operand> operands) {
  std::vector<Operand> changed(operands.begin(), operands.end());
  for (Operand& operand : changed) {
    if (!dtype_is_sub_byte(operand.dtype())) continue;
    operand.type.dtype = DType::kUint8;
    operand.constant = nullptr;
  }
  return changed;
}

}  // namespace

Result<std::unique_ptr<Kernel>> make_unpacked(const KernelRequest& request, MakeKernel make) {
  const std::vector<Operand> inputs = as_bytes(request.inputs);
  const std::vector<Operand> outputs = as_bytes(request.outputs);
  std::vector<DType> dtypes;
  for (const Operand& output : request.outputs) dtypes.push_back(output.dtype());
  const KernelRequest inner{request.node,    inputs,          outputs,       request.tier,
                            request.threads, request.weights, request.runner};
  return std::make_unique<UnpackedKernel>(TRY(make(inner)), std::move(dtypes));
}

}  // namespace sardonyx
