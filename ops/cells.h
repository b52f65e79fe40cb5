// Cells: what data movement sees of an element, its size alone. with_cell turns a dtype into a C++
// type of that size; sub_byte_ready lets a kernel that knows only whole bytes serve packed types.
// Entry points: with_cell, sub_byte_ready, parallel_ranges, IndexView.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "ops/kernel.h"

namespace sardonyx {

struct Cell16 {
  uint64_t low = 0;
  uint64_t high = 0;
};

// Calls fn.template operator()<T>() with T as wide as an element of `dtype`: uint8_t, uint16_t,
// uint32_t, uint64_t, Cell16 or std::string. Not for sub-byte dtypes.
template <class Fn>
decltype(auto) with_cell(DType dtype, Fn&& fn) {
  if (dtype == DType::kString) return fn.template operator()<std::string>();
  switch (dtype_bits(dtype)) {
    case 16:
      return fn.template operator()<uint16_t>();
    case 32:
      return fn.template operator()<uint32_t>();
    case 64:
      return fn.template operator()<uint64_t>();
    case 128:
      return fn.template operator()<Cell16>();
    default:
      return fn.template operator()<uint8_t>();
  }
}

// Elements of a packed tensor as bytes, one each, and back. Negative int4 and int2 keep their bits
// (no sign extension): the bytes are only moved.
void unpack_elements(DType dtype, const void* packed, int64_t count, uint8_t* bytes);
void pack_elements(DType dtype, const uint8_t* bytes, int64_t count, void* packed);

using MakeKernel = Result<std::unique_ptr<Kernel>> (*)(const KernelRequest&);

// The kernel that `make` gives for the same operands with uint8 in place of packed dtypes, between
// unpacking and packing.
Result<std::unique_ptr<Kernel>> make_unpacked(const KernelRequest& request, MakeKernel make);

template <MakeKernel make>
Result<std::unique_ptr<Kernel>> sub_byte_ready(const KernelRequest& request) {
  const auto packed = [](const Operand& operand) { return dtype_is_sub_byte(operand.dtype()); };
  const bool any = std::any_of(request.inputs.begin(), request.inputs.end(), packed) ||
                   std::any_of(request.outputs.begin(), request.outputs.end(), packed);
  return any ? make_unpacked(request, make) : make(request);
}

// Calls fn(first, last) for parts of [0, count) in parallel, so that a part moves some 64 KiB.
template <class Fn>
void parallel_ranges(ThreadPool* pool, int64_t count, int64_t bytes_per_item, Fn&& fn) {
  constexpr int64_t kPartBytes = 64 << 10;
  const int64_t threads = pool == nullptr ? 1 : pool->threads();
  const int64_t wanted = bytes_per_item >= kPartBytes
                             ? count
                             : count * std::max<int64_t>(bytes_per_item, 1) / kPartBytes;
  const int64_t parts = std::min({count, threads * 4, wanted});
  if (threads == 1 || parts <= 1) {
    if (count > 0) fn(int64_t{0}, count);
    return;
  }
  pool->parallel_for(parts, [&](int64_t part) {
    const int64_t base = count / parts;
    const int64_t extra = count % parts;
    const int64_t first = part * base + std::min(part, extra);
    fn(first, first + base + (part < extra ? 1 : 0));
  });
}

// An int32 or int64 tensor read as int64.
struct IndexView {
  const void* data = nullptr;
  bool wide = true;

  IndexView() = default;
  explicit IndexView(const TensorView& view) : data(view.data), wide(view.dtype == DType::kInt64) {}
  int64_t operator[](int64_t i) const {
    return wide ? static_cast<const int64_t*>(data)[i] : static_cast<const int32_t*>(data)[i];
  }
};

}  // namespace sardonyx
