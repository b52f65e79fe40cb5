// The fused steps of a batch norm, and perhaps a Relu or Clip, by the loop of cpu/affine.h.
#include "cpu/affine.h"

#include "ops/elementwise.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

class AffineKernel final : public Kernel {
 public:
  AffineKernel(Tier tier, const ElementwiseProgram::Affine& affine, const Shape& shape)
      : tier_(tier), affine_(affine) {
    args_.cols = shape[shape.rank() - 1];
    args_.rows = args_.cols == 0 ? 0 : shape.count() / args_.cols;
    args_.src_ld = args_.cols;
    args_.low = affine.low;
    args_.high = affine.high;
  }

  void run(RunArgs& args) const override {
    AffineArgs own = args_;
    own.src = args.inputs[affine_.x].as<float>();
    own.scale = args.inputs[affine_.scale].as<float>();
    own.shift = args.inputs[affine_.shift].as<float>();
    own.dst = args.outputs[0].as<float>();
    affine_rows(tier_, own, *args.pool);
  }
  bool can_overwrite(size_t input, size_t) const override {
    return input == affine_.x && args_.src_ld == args_.cols;
  }
  bool takes_stride(size_t input, int64_t row) const override {
    return input == affine_.x && row == args_.cols;
  }
  void set_input_stride(size_t, int64_t stride) override { args_.src_ld = stride; }

 private:
  Tier tier_;
  ElementwiseProgram::Affine affine_;
  AffineArgs args_;
};

// Whether an operand is one row of a tensor of this shape.
bool is_row(const Shape& operand, const Shape& shape) {
  return operand.rank() > 0 && operand.rank() <= shape.rank() &&
         operand[operand.rank() - 1] == shape[shape.rank() - 1] &&
         operand.count() == operand[operand.rank() - 1];
}

}  // namespace

Result<std::unique_ptr<Kernel>> make_affine(const KernelRequest& request) {
  const Subgraph* body = request.node.attrs.get_subgraph("body");
  if (body == nullptr || request.inputs.size() != 3) return decline("not of three operands");
  TRY(expect_concrete_outputs(request));
  std::vector<DType> dtypes;
  for (const Operand& input : request.inputs) {
    if (!input.present() || !input.is_concrete()) return decline("an operand is not known");
    dtypes.push_back(input.dtype());
  }
  const auto program = TRY(ElementwiseProgram::from_body(*body->body, dtypes, request.tier));
  auto affine = program.as_affine();
  if (!affine) return decline("not x * scale + shift in float32");
  const Shape shape = request.outputs[0].shape();
  const auto has_shape = [&](size_t i) { return request.inputs[i].shape() == shape; };
  if (!has_shape(affine->x)) std::swap(affine->x, affine->scale);
  constexpr int64_t kLeastCols = 16;  // rows that are shorter are better done many at a time
  if (shape.rank() == 0 || shape[shape.rank() - 1] < kLeastCols || !has_shape(affine->x) ||
      !is_row(request.inputs[affine->scale].shape(), shape) ||
      !is_row(request.inputs[affine->shift].shape(), shape)) {
    return decline("not a row of at least {} columns for all others", kLeastCols);
  }
  return std::unique_ptr<Kernel>(std::make_unique<AffineKernel>(request.tier, *affine, shape));
}

}  // namespace sardonyx
