// Collapses broadcast dims, cuts the output into tiles, fills tiles of broadcast operands.
#include "ops/elementwise/broadcast.h"

#include <algorithm>
#include <cstring>

namespace sardonyx {
namespace {

// Strides of an operand over `shape`, aligned at the last axis.
std::vector<int64_t> broadcast_strides(const Shape& operand, const Shape& shape,
                                       int64_t row_stride) {
  std::vector<int64_t> strides(shape.rank(), 0);
  int64_t stride = 1;
  for (size_t i = 0; i < operand.rank(); ++i) {
    const size_t axis = operand.rank() - 1 - i;
    if (i == 1 && row_stride != 0) stride = row_stride;
    if (operand[axis] != 1) strides[shape.rank() - 1 - i] = stride;
    stride *= operand[axis];
  }
  return strides;
}

// Drops dims of 1 and joins neighbours that every operand walks as one.
void collapse(const Shape& shape, std::vector<int64_t>& dims,
              std::vector<BroadcastOperand>& operands) {
  std::vector<std::vector<int64_t>> strides(operands.size());
  for (size_t axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) continue;
    bool joins = !dims.empty();
    for (size_t o = 0; o < operands.size() && joins; ++o) {
      joins = strides[o].back() == operands[o].strides[axis] * shape[axis];
    }
    if (joins) {
      dims.back() *= shape[axis];
    } else {
      dims.push_back(shape[axis]);
    }
    for (size_t o = 0; o < operands.size(); ++o) {
      if (joins) {
        strides[o].back() = operands[o].strides[axis];
      } else {
        strides[o].push_back(operands[o].strides[axis]);
      }
    }
  }
  for (size_t o = 0; o < operands.size(); ++o) operands[o].strides = std::move(strides[o]);
}

void find_runs(const std::vector<int64_t>& dims, BroadcastOperand& operand) {
  size_t axis = dims.size();
  int64_t run = 1;
  while (axis > 0 && operand.strides[axis - 1] == run) run *= dims[--axis];
  int64_t repeat = run;
  while (axis > 0 && operand.strides[axis - 1] == 0) repeat *= dims[--axis];
  operand.run = run;
  operand.repeat = repeat;
}

}  // namespace

TileWalk::TileWalk(const Shape& shape, std::span<const Shape> operands,
                   std::span<const size_t> element_bytes, size_t max_tile,
                   std::span<const int64_t> row_strides) {
  for (size_t o = 0; o < operands.size(); ++o) {
    const int64_t row_stride = row_strides.empty() ? 0 : row_strides[o];
    operands_.push_back(
        {broadcast_strides(operands[o], shape, row_stride), element_bytes[o], 1, 1});
  }
  collapse(shape, dims_, operands_);
  count_ = shape.count();
  if (count_ == 0) return;
  const int64_t inner = dims_.empty() ? 1 : dims_.back();
  for (BroadcastOperand& operand : operands_) find_runs(dims_, operand);

  const auto limit = static_cast<int64_t>(max_tile);
  constexpr int64_t kLongRow = 256;
  if (dims_.size() <= 1) {
    row_ = count_;
  } else if (inner >= std::min(kLongRow, limit)) {
    row_ = inner;
  } else {  // tiles of whole rows, and of whole repetitions where one fits
    int64_t unit = inner;
    for (const BroadcastOperand& operand : operands_) {
      if (operand.run <= limit / 2 && operand.run % unit == 0) unit = operand.run;
    }
    row_ = count_;
    tile_ = limit / unit * unit;
    tiles_per_row_ = (count_ + tile_ - 1) / tile_;
    tile_count_ = tiles_per_row_;
    return;
  }
  tile_ = std::min(limit, row_);
  tiles_per_row_ = (row_ + tile_ - 1) / tile_;
  tile_count_ = count_ / row_ * tiles_per_row_;
}

std::pair<int64_t, size_t> TileWalk::tile(int64_t index) const {
  const int64_t row = index / tiles_per_row_;
  const int64_t column = (index - row * tiles_per_row_) * tile_;
  return {row * row_ + column, static_cast<size_t>(std::min(tile_, row_ - column))};
}

int64_t TileWalk::offset(const BroadcastOperand& operand, int64_t position) const {
  int64_t offset = 0;
  auto rest = static_cast<uint64_t>(position);
  for (size_t axis = dims_.size(); axis-- > 1 && rest != 0;) {
    const auto dim = static_cast<uint64_t>(dims_[axis]);
    const uint64_t outer = rest / dim;
    offset += static_cast<int64_t>(rest - outer * dim) * operand.strides[axis];
    rest = outer;
  }
  return dims_.empty() ? 0 : offset + static_cast<int64_t>(rest) * operand.strides[0];
}

OperandTiles::OperandTiles(const TileWalk& walk, size_t operand, const void* data, void* buffer)
    : walk_(&walk),
      operand_(&walk.operands()[operand]),
      data_(static_cast<const char*>(data)),
      buffer_(static_cast<char*>(buffer)) {}

const void* OperandTiles::tile(int64_t position, size_t count) {
  const int64_t run = operand_->run;
  const int64_t phase = position % run;
  if (phase + static_cast<int64_t>(count) <= run) {
    const int64_t offset = walk_->offset(*operand_, position);
    if (run > 1 || count == 1) {
      return data_ + static_cast<size_t>(offset) * operand_->element_bytes;
    }
  }
  const bool one_block =
      position % operand_->repeat + static_cast<int64_t>(count) <= operand_->repeat;
  const int64_t offset = one_block && phase == 0 ? walk_->offset(*operand_, position) : -1;
  if (offset >= 0 && offset == kept_offset_ && count <= kept_count_) return buffer_;
  fill(position, count);
  kept_offset_ = offset;
  kept_count_ = count;
  return buffer_;
}

namespace {

// Repeats the first `pattern` bytes of dst up to `bytes`.
void repeat_bytes(char* dst, size_t pattern, size_t bytes) {
  for (size_t done = pattern; done < bytes;) {
    const size_t part = std::min(done, bytes - done);
    std::memcpy(dst + done, dst, part);
    done += part;
  }
}

}  // namespace

void OperandTiles::fill(int64_t position, size_t count) {
  const size_t bytes = operand_->element_bytes;
  const int64_t end = position + static_cast<int64_t>(count);
  char* dst = buffer_;
  while (position < end) {
    const char* src = data_ + static_cast<size_t>(walk_->offset(*operand_, position)) * bytes;
    const int64_t phase = position % operand_->run;
    const int64_t part = std::min(operand_->run - phase, end - position);
    std::memcpy(dst, src, static_cast<size_t>(part) * bytes);
    int64_t filled = part;
    if (phase == 0 && part == operand_->run) {
      const int64_t in_block = operand_->repeat - position % operand_->repeat;
      filled = std::min(in_block, end - position);
      repeat_bytes(dst, static_cast<size_t>(part) * bytes, static_cast<size_t>(filled) * bytes);
    }
    position += filled;
    dst += static_cast<size_t>(filled) * bytes;
  }
}

}  // namespace sardonyx
