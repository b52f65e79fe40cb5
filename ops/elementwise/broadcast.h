// TileWalk: cuts the elements of an output into tiles, and gives each broadcast operand as a
// contiguous tile: a pointer into the operand where its elements lie end to end, else a copy in
// scratch memory that is kept while it stays the same. Entry points: TileWalk, OperandTiles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/shape.h"

namespace sardonyx {

// One operand over the collapsed dims of the output.
struct BroadcastOperand {
  std::vector<int64_t> strides;  // in elements; 0 where broadcast
  size_t element_bytes = 0;
  // Elements of the output over which the operand runs end to end, and over which such runs repeat.
  int64_t run = 1;
  int64_t repeat = 1;
};

class TileWalk {
 public:
  TileWalk() = default;
  // All shapes broadcast to `shape` and their dims are checked. Tiles have at most max_tile
  // elements. row_strides: for each operand elements from one row of the last axis to the next,
  // 0 where they lie end to end; or empty.
  TileWalk(const Shape& shape, std::span<const Shape> operands,
           std::span<const size_t> element_bytes, size_t max_tile,
           std::span<const int64_t> row_strides = {});

  int64_t tile_count() const { return tile_count_; }
  int64_t tile_elements() const { return tile_; }
  // First element and number of elements of a tile.
  std::pair<int64_t, size_t> tile(int64_t index) const;

  const std::vector<BroadcastOperand>& operands() const { return operands_; }
  // Where, in elements of the operand, element `position` of the output is read.
  int64_t offset(const BroadcastOperand& operand, int64_t position) const;
  // Whether tiles of the operand are always pointers into it.
  bool is_direct(size_t operand) const { return operands_[operand].run >= row_; }

 private:
  std::vector<int64_t> dims_;  // collapsed, outermost first
  std::vector<BroadcastOperand> operands_;
  int64_t count_ = 0;
  int64_t row_ = 1;  // no tile crosses a multiple of this, unless tiles hold whole rows
  int64_t tile_ = 1;
  int64_t tiles_per_row_ = 1;
  int64_t tile_count_ = 0;
};

// One operand's tiles for one thread.
class OperandTiles {
 public:
  OperandTiles() = default;
  // `buffer` holds tile_elements() elements; not used for direct operands.
  OperandTiles(const TileWalk& walk, size_t operand, const void* data, void* buffer);
  const void* tile(int64_t position, size_t count);

 private:
  void fill(int64_t position, size_t count);

  const TileWalk* walk_ = nullptr;
  const BroadcastOperand* operand_ = nullptr;
  const char* data_ = nullptr;
  char* buffer_ = nullptr;
  int64_t kept_offset_ = -1;  // what the buffer repeats, -1: nothing
  size_t kept_count_ = 0;
};

}  // namespace sardonyx
