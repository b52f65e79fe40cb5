// Runs elementwise programs: as the kernel of a node, over tiles of broadcast operands in chunks
// that do not depend on the number of threads, and as an epilogue over blocks of another kernel's
// results.
#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "cpu/byte_map.h"
#include "ops/elementwise.h"
#include "ops/elementwise/broadcast.h"

namespace sardonyx {
namespace {

constexpr size_t kMaxOperands = 64;
constexpr size_t kFewOperands = 4;  // what most have; a small run is done before many are set up
constexpr size_t kBufferBytes = 32 * 1024;  // of one thread, for tiles of broadcast operands
constexpr int64_t kChunkElements = 16384;   // of one task

// Tile buffers for those operands that need one, within kBufferBytes.
struct OperandBuffers {
  std::array<size_t, kMaxOperands> offsets{};
  size_t max_tile = 0;

  OperandBuffers() = default;
  OperandBuffers(std::span<const size_t> element_bytes, size_t program_tile) {
    size_t sum = 0;
    for (const size_t bytes : element_bytes) sum += bytes;
    constexpr size_t kTile = 1024, kAlign = 64;
    max_tile = program_tile;
    if (sum > 0) {
      max_tile = std::min(
          {program_tile, kTile, std::max(kBufferBytes / sum / kAlign, size_t{1}) * kAlign});
    }
    size_t offset = 0;
    for (size_t i = 0; i < element_bytes.size(); ++i) {
      offsets[i] = offset;
      offset += element_bytes[i] * max_tile;
    }
  }
};

struct alignas(64) Scratch {
  std::byte program[ElementwiseProgram::kScratchBytes];
  std::byte buffers[kBufferBytes];
};

// The inputs of a program.
struct Operands {
  std::vector<size_t> inputs;  // of the node
  std::vector<Shape> shapes;
  std::vector<size_t> element_bytes;
  std::vector<int64_t> strides;  // from one row of the last axis to the next; 0: end to end

  size_t index_of(size_t input) const {  // the number of inputs where it is none
    const auto found = std::find(inputs.begin(), inputs.end(), input);
    return static_cast<size_t>(found - inputs.begin());
  }
};

class ElementwiseKernel final : public Kernel {
 public:
  ElementwiseKernel(ElementwiseProgram program, const Shape& shape, Operands operands)
      : program_(std::move(program)), shape_(shape), operands_(std::move(operands)) {
    lay_out();
  }

  void run(RunArgs& args) const override {
    for (size_t i = 0; i < args.outputs.size(); ++i) {
      if (args.outputs[i].data == nullptr && args.output_values[i] != nullptr) {
        args.allocate(i, args.outputs[i].dtype, args.outputs[i].shape);
      }
    }
    if (args.failed()) return;
    // Even shares, so that a thread has the part that it has of the tensors before and after.
    const int64_t tiles = walk_.tile_count(), threads = args.pool->threads();
    int64_t tasks = (tiles + tiles_per_task_ - 1) / tiles_per_task_;
    if (tasks > 1) tasks = std::min((tasks + threads - 1) / threads * threads, tiles);
    args.pool->parallel_for(tasks, [&](int64_t task) {
      const int64_t first = tiles * task / tasks, last = tiles * (task + 1) / tasks;
      if (operands_.inputs.size() <= kFewOperands) {
        run_tiles<kFewOperands>(args, first, last);
      } else {
        run_tiles<kMaxOperands>(args, first, last);
      }
    });
  }

  bool can_overwrite(size_t input, size_t output) const override {
    const size_t i = operands_.index_of(input);
    return i < operands_.inputs.size() && has_whole_shape(i) && operands_.strides[i] == 0 &&
           program_.can_overwrite(i, output);
  }

  // Rows of the last axis, of an input that is not broadcast. Where they are short, it takes as
  // long to bring some together as it saved to leave them apart.
  bool takes_stride(size_t input, int64_t row) const override {
    constexpr int64_t kShortRow = 32;
    const size_t i = operands_.index_of(input);
    return i < operands_.inputs.size() && has_whole_shape(i) && row >= kShortRow &&
           shape_.rank() > 1 && row == shape_[shape_.rank() - 1];
  }
  void set_input_stride(size_t input, int64_t stride) override {
    operands_.strides[operands_.index_of(input)] = stride;
    lay_out();
  }

 private:
  bool has_whole_shape(size_t i) const { return operands_.shapes[i] == shape_; }

  void lay_out() {
    const size_t count = operands_.inputs.size();
    std::vector<size_t> buffer_bytes;
    for (size_t i = 0; i < count; ++i) {
      const bool direct = has_whole_shape(i) && operands_.strides[i] == 0;
      buffer_bytes.push_back(direct ? 0 : operands_.element_bytes[i]);
    }
    buffers_ = OperandBuffers(buffer_bytes, program_.max_tile());
    walk_ = TileWalk(shape_, operands_.shapes, operands_.element_bytes, buffers_.max_tile,
                     operands_.strides);
    tiles_per_task_ = std::max<int64_t>(1, kChunkElements / walk_.tile_elements());
  }

  template <size_t kMost>
  void run_tiles(RunArgs& args, int64_t first, int64_t last) const {
    Scratch scratch;
    if (program_.needs_scratch()) program_.prepare(scratch.program);
    std::array<OperandTiles, kMost> tiles;
    const size_t operands = operands_.inputs.size();
    for (size_t i = 0; i < operands; ++i) {
      tiles[i] = OperandTiles(walk_, i, args.inputs[operands_.inputs[i]].data,
                              scratch.buffers + buffers_.offsets[i]);
    }
    for (int64_t index = first; index < last; ++index) {
      const auto [position, count] = walk_.tile(index);
      const void* inputs[kMost];
      void* outputs[kMaxOperands];
      for (size_t i = 0; i < operands; ++i) inputs[i] = tiles[i].tile(position, count);
      for (size_t i = 0; i < program_.output_count(); ++i) {
        outputs[i] = static_cast<std::byte*>(args.outputs[i].data) +
                     dtype_bytes(program_.output_dtype(i), static_cast<size_t>(position));
      }
      program_.run_tile(inputs, outputs, count, scratch.program);
    }
  }

  ElementwiseProgram program_;
  Shape shape_;  // of the outputs
  Operands operands_;
  TileWalk walk_;
  OperandBuffers buffers_;
  int64_t tiles_per_task_ = 1;
};

// A function of one byte, as a table.
class ByteMapKernel final : public Kernel {
 public:
  ByteMapKernel(const ElementwiseProgram& program, Tier tier) : kernels_(byte_map_kernels(tier)) {
    alignas(64) std::array<uint8_t, 256> bytes;
    std::iota(bytes.begin(), bytes.end(), uint8_t{0});
    Scratch scratch;
    const size_t tile = std::min<size_t>(program.max_tile(), bytes.size());
    program.prepare(scratch.program, tile);
    for (size_t i = 0; i < bytes.size(); i += tile) {
      const void* from = bytes.data() + i;
      void* to = table_.data() + i;
      program.run_tile(&from, &to, std::min(tile, bytes.size() - i), scratch.program);
    }
  }

  void run(RunArgs& args) const override {
    const auto* src = args.inputs[0].as<uint8_t>();
    auto* dst = args.outputs[0].as<uint8_t>();
    const int64_t count = args.outputs[0].count();
    constexpr int64_t kPiece = 4 * kChunkElements;
    args.pool->parallel_for((count + kPiece - 1) / kPiece, [&](int64_t task) {
      const int64_t first = task * kPiece;
      kernels_.map(table_.data(), src + first, dst + first,
                   static_cast<size_t>(std::min(kPiece, count - first)));
    });
  }

  bool can_overwrite(size_t, size_t) const override { return true; }

 private:
  const ByteMapKernels& kernels_;
  alignas(64) std::array<uint8_t, 256> table_;
};

// Whether the node maps bytes to bytes and has enough of them to be worth a table.
bool is_byte_map(const KernelRequest& request, const ElementwiseProgram& program) {
  const auto is_byte = [](DType dtype) { return dtype == DType::kInt8 || dtype == DType::kUint8; };
  constexpr int64_t kWorthwhile = 2048;
  return request.inputs.size() == 1 && program.output_count() == 1 &&
         request.inputs[0].is_concrete() && is_byte(request.inputs[0].dtype()) &&
         is_byte(program.output_dtype(0)) && request.inputs[0].shape().count() >= kWorthwhile;
}

Result<ElementwiseProgram> make_program(const KernelRequest& request) {
  std::vector<DType> dtypes;
  std::vector<const Tensor*> constants;
  for (const Operand& input : request.inputs) {
    dtypes.push_back(input.present() ? input.dtype() : DType::kUndefined);
    const bool single = input.constant != nullptr && input.constant->count() == 1;
    constants.push_back(single ? input.constant : nullptr);
  }
  if (const Subgraph* body = request.node.attrs.get_subgraph("body")) {
    return ElementwiseProgram::from_body(*body->body, dtypes, request.tier);
  }
  return ElementwiseProgram::from_node(request.node, dtypes, constants, request.outputs[0].dtype(),
                                       request.tier);
}

}  // namespace

Result<std::unique_ptr<Kernel>> make_elementwise(const KernelRequest& request) {
  ElementwiseProgram program = TRY(make_program(request));
  if (is_byte_map(request, program)) {
    return std::unique_ptr<Kernel>(std::make_unique<ByteMapKernel>(program, request.tier));
  }
  const Shape shape = request.outputs[0].shape();
  Operands operands;
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    if (!request.has_input(i)) continue;
    operands.inputs.push_back(i);
    operands.shapes.push_back(request.inputs[i].shape());
    operands.element_bytes.push_back(dtype_bytes(request.inputs[i].dtype(), 1));
    operands.strides.push_back(0);
  }
  return std::unique_ptr<Kernel>(
      std::make_unique<ElementwiseKernel>(std::move(program), shape, std::move(operands)));
}

// ---- as an epilogue

namespace {

// The block cut into tiles of `rows` whole rows, or of part of one row.
struct BlockTile {
  int64_t row, column, rows, columns;
  size_t count() const { return static_cast<size_t>(rows * columns); }
};

// The operand's elements for the tile, contiguous: a pointer into it or the filled buffer.
const void* block_operand(const BlockOperand& operand, const BlockTile& tile, size_t bytes,
                          std::byte* buffer) {
  const auto* data = static_cast<const std::byte*>(operand.data);
  const auto at = [&](int64_t index) { return data + static_cast<size_t>(index) * bytes; };
  const auto columns = static_cast<size_t>(tile.columns);
  if (operand.over == BlockOperand::Over::kColumns && tile.rows == 1) return at(tile.column);
  if (operand.over == BlockOperand::Over::kFull &&
      (tile.rows == 1 || operand.row_stride == tile.columns)) {
    return at(tile.row * operand.row_stride + tile.column);
  }
  std::byte* dst = buffer;
  for (int64_t row = tile.row; row < tile.row + tile.rows; ++row) {
    switch (operand.over) {
      case BlockOperand::Over::kColumns:
        std::memcpy(dst, at(tile.column), columns * bytes);
        break;
      case BlockOperand::Over::kFull:
        std::memcpy(dst, at(row * operand.row_stride + tile.column), columns * bytes);
        break;
      default: {
        const auto* src = operand.over == BlockOperand::Over::kRows ? at(row) : data;
        for (size_t i = 0; i < columns; ++i) std::memcpy(dst + i * bytes, src, bytes);
      }
    }
    dst += columns * bytes;
  }
  return buffer;
}

}  // namespace

void ElementwiseProgram::run_block(std::span<const BlockOperand> operands, void* block,
                                   int64_t rows, int64_t cols, int64_t row_stride) const {
  Scratch scratch;
  prepare(scratch.program, static_cast<size_t>(rows * cols));
  const size_t block_bytes = dtype_bytes(outputs_[0], 1);
  std::array<size_t, kMaxOperands> element_bytes{};
  for (size_t i = 0; i < operands.size(); ++i) element_bytes[i] = dtype_bytes(inputs_[i + 1], 1);
  const OperandBuffers buffers({element_bytes.data(), operands.size()}, max_tile_);
  const auto max_tile = static_cast<int64_t>(std::min<size_t>(buffers.max_tile, 1024));

  const bool short_rows = cols * 2 <= max_tile;
  // Short rows that lie apart are brought together first.
  const bool staged = short_rows && row_stride != cols && block_bytes <= sizeof(double);
  const bool joined = short_rows && (staged || row_stride == cols);
  alignas(64) std::byte staging[1024 * sizeof(double)];
  const auto row_bytes = static_cast<size_t>(cols) * block_bytes;
  const int64_t tile_rows = joined ? max_tile / cols : 1;
  const int64_t tile_columns = joined ? cols : max_tile;
  std::array<const void*, kMaxOperands> inputs;
  std::array<bool, kMaxOperands> kept{};  // the buffer serves every tile of this size
  for (int64_t row = 0; row < rows; row += tile_rows) {
    for (int64_t column = 0; column < cols; column += tile_columns) {
      const BlockTile tile{row, column, std::min(tile_rows, rows - row),
                           std::min(tile_columns, cols - column)};
      auto* data = static_cast<std::byte*>(block) +
                   static_cast<size_t>(row * row_stride + column) * block_bytes;
      void* output = staged ? staging : data;
      for (int64_t i = 0; staged && i < tile.rows; ++i) {
        std::memcpy(staging + static_cast<size_t>(i) * row_bytes,
                    data + static_cast<size_t>(i * row_stride) * block_bytes, row_bytes);
      }
      inputs[0] = output;
      for (size_t i = 0; i < operands.size(); ++i) {
        if (kept[i]) continue;
        inputs[i + 1] = block_operand(operands[i], tile, element_bytes[i],
                                      scratch.buffers + buffers.offsets[i]);
        // The first tile is the largest.
        kept[i] = operands[i].over == BlockOperand::Over::kScalar ||
                  (operands[i].over == BlockOperand::Over::kColumns && joined);
      }
      run_tile(inputs.data(), &output, tile.count(), scratch.program);
      for (int64_t i = 0; staged && i < tile.rows; ++i) {
        std::memcpy(data + static_cast<size_t>(i * row_stride) * block_bytes,
                    staging + static_cast<size_t>(i) * row_bytes, row_bytes);
      }
    }
  }
}

}  // namespace sardonyx
