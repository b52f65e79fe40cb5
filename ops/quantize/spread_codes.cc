#include "ops/quantize/spread_codes.h"

namespace sardonyx {

ValueId spread_codes(Lowering& to, ValueId bytes, int64_t bits, int64_t rank) {
  std::vector<ValueId> parts;
  const ValueId mask = to.constant(Tensor::scalar(static_cast<uint8_t>((1 << bits) - 1)));
  for (int64_t shift = 0; shift < 8; shift += bits) {
    const ValueId by = to.constant(Tensor::scalar(static_cast<uint8_t>(shift)));
    const ValueId moved = to.op("BitShift", {bytes, by}, {{"direction", std::string("RIGHT")}});
    parts.push_back(to.op("Unsqueeze", {to.op("BitwiseAnd", {moved, mask}), to.ints({rank})}));
  }
  const ValueId together = to.concat(std::move(parts), rank);
  std::vector<int64_t> shape(static_cast<size_t>(rank), 0);
  shape.back() = -1;
  return to.reshape(together, shape);
}

}  // namespace sardonyx
