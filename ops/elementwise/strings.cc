// Where and Equal of strings, element by element.
#include "ops/elementwise/strings.h"

#include <array>

#include "ops/elementwise.h"
#include "ops/elementwise/broadcast.h"

namespace sardonyx {
namespace {

// fn(position, offsets of the operands) for every element of the output.
template <size_t kCount, class Fn>
void for_each_element(const TileWalk& walk, int64_t count, Fn&& fn) {
  std::array<size_t, kCount> offsets;
  for (int64_t position = 0; position < count; ++position) {
    for (size_t i = 0; i < kCount; ++i) {
      offsets[i] = static_cast<size_t>(walk.offset(walk.operands()[i], position));
    }
    fn(static_cast<size_t>(position), offsets);
  }
}

// The walk over the inputs of a request; element sizes do not matter.
template <size_t kCount>
TileWalk walk_of(const KernelRequest& request) {
  std::array<Shape, kCount> shapes;
  const std::array<size_t, kCount> bytes{};
  for (size_t i = 0; i < kCount; ++i) shapes[i] = request.inputs[i].shape();
  return TileWalk(request.outputs[0].shape(), shapes, bytes, 1);
}

}  // namespace

Result<std::unique_ptr<Kernel>> make_where(const KernelRequest& request) {
  if (request.inputs[1].dtype() != DType::kString) return make_elementwise(request);
  return make_kernel([walk = walk_of<3>(request)](RunArgs& args) {
    const auto* condition = args.inputs[0].as<uint8_t>();
    const auto* yes = args.inputs[1].as<std::string>();
    const auto* no = args.inputs[2].as<std::string>();
    auto* dst = args.outputs[0].as<std::string>();
    for_each_element<3>(walk, args.outputs[0].count(), [&](size_t i, const auto& offsets) {
      dst[i] = condition[offsets[0]] != 0 ? yes[offsets[1]] : no[offsets[2]];
    });
  });
}

Result<std::unique_ptr<Kernel>> make_equal(const KernelRequest& request) {
  if (request.inputs[0].dtype() != DType::kString) return make_elementwise(request);
  return make_kernel([walk = walk_of<2>(request)](RunArgs& args) {
    const auto* a = args.inputs[0].as<std::string>();
    const auto* b = args.inputs[1].as<std::string>();
    auto* dst = args.outputs[0].as<bool>();
    for_each_element<2>(walk, args.outputs[0].count(), [&](size_t i, const auto& offsets) {
      dst[i] = a[offsets[0]] == b[offsets[1]];
    });
  });
}

}  // namespace sardonyx
