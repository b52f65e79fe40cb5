// Elementwise operators as programs. Every operator of one element per element (Add, Sigmoid,
// Where, Cast, ...) is a step, a loop over a short contiguous tile; a program is a list of steps
// over registers, tiles that stay in the L1 cache. One node is a program of one step, a fused chain
// ("sardonyx" Elementwise, attribute `body`) one of many: one pass over memory either way. Conv,
// Gemm and MatMul run the same programs over blocks of their results (run_block).
// f16, bf16 and float8 are widened to f32 registers and narrowed when stored.
// Entry points: make_elementwise, ElementwiseProgram::from_body, ElementwiseProgram::run_block.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpu/tier.h"
#include "ops/op.h"

namespace sardonyx {

// dst[i] = f(srcs[0][i], srcs[1][i], ...) for i < count. dst may be one of the srcs exactly, as
// long as the element sizes are equal. params is what the operator's attributes became.
using TileFn = void (*)(const void* const* srcs, void* dst, size_t count, const void* params);

// The loops of one operator for one tier, by the dtype they compute in; null where there is none.
struct TileRow {
  std::string_view name;
  std::array<TileFn, kDTypeCount> by_dtype{};
};

// The loops of operator `name`, or null.
const TileRow* find_tiles(Tier tier, std::string_view name);
// The loop that converts elements as Cast does (saturate = 1), or null. Sub-byte types and strings
// have none, nor has float8e8m0 as `to`.
TileFn find_conversion(Tier tier, DType from, DType to);

// What a dtype is computed in: f32 for the narrow floats, else the dtype itself.
DType compute_dtype(DType dtype);

// One operand of a program over a block of results: for ElementwiseProgram::run_block.
struct BlockOperand {
  enum class Over : uint8_t {
    kScalar,   // one element
    kColumns,  // one element per column: data[col]
    kRows,     // one element per row: data[row]
    kFull,     // data[row * row_stride + col]
  };
  const void* data = nullptr;  // element for row 0, column 0 of the block
  Over over = Over::kScalar;
  int64_t row_stride = 0;  // in elements, kFull only
};

class ElementwiseProgram {
 public:
  // The program of a graph of elementwise nodes without captures, whose inputs have these dtypes.
  // Constants of the body must have one element.
  static Result<ElementwiseProgram> from_body(const Graph& body, std::span<const DType> inputs,
                                              Tier tier);
  // The program of one elementwise node. Where constants[i] is given and has one element, the step
  // may be specialised for it (Pow); the operand is passed at run time all the same.
  static Result<ElementwiseProgram> from_node(const Node& node, std::span<const DType> inputs,
                                              std::span<const Tensor* const> constants,
                                              DType output, Tier tier);

  size_t input_count() const { return inputs_.size(); }
  size_t output_count() const { return outputs_.size(); }
  DType input_dtype(size_t index) const { return inputs_[index]; }
  DType output_dtype(size_t index) const { return outputs_[index]; }
  size_t step_count() const { return steps_.size(); }
  // "Mul, Sigmoid, Add": the steps, for people.
  std::string to_string() const;
  // Whether output `output` may lie over input `input` (same shape): no step reads the input after
  // the output was written.
  bool can_overwrite(size_t input, size_t output) const;

  // Elements that run_tile takes at most, and the bytes of scratch memory it needs then.
  size_t max_tile() const { return max_tile_; }
  bool needs_scratch() const { return !slots_.empty(); }
  static constexpr size_t kScratchBytes = 32 * 1024;
  // Fills the constant registers of scratch; once before any number of run_tile calls of at most
  // `count` elements.
  void prepare(void* scratch, size_t count) const;
  void prepare(void* scratch) const { prepare(scratch, max_tile_); }
  // Runs the steps over contiguous tiles of count <= max_tile() elements: inputs[i] and outputs[i]
  // point at elements of input_dtype(i) and output_dtype(i).
  void run_tile(const void* const* inputs, void* const* outputs, size_t count, void* scratch) const;

  // ---- as the epilogue of a matrix-like kernel
  // Rows x cols results at `block` (rows are row_stride elements apart, columns are contiguous) are
  // input 0 and, in place, output 0; operands[i] is input i + 1. Needs 1 output, and input 0 and
  // output 0 of the same dtype. Short rows that lie end to end are run many at a time.
  void run_block(std::span<const BlockOperand> operands, void* block, int64_t rows, int64_t cols,
                 int64_t row_stride) const;
  bool can_run_block() const {
    return outputs_.size() == 1 && !inputs_.empty() && inputs_[0] == outputs_[0];
  }
  // When it is f32 min(max(x * scale + shift, low), high): the inputs, x and scale in any order.
  struct Affine {
    size_t x, scale, shift;
    float low, high;
  };
  std::optional<Affine> as_affine() const;

 private:
  friend class ProgramBuilder;
  static constexpr size_t kMaxSrcs = 4;
  static constexpr size_t kMaxOperands = 64;
  struct Step {
    TileFn fn = nullptr;
    std::array<uint16_t, kMaxSrcs> srcs{};
    uint16_t dst = 0;
    uint16_t src_count = 0;
    uint32_t params = 0;  // offset in params_
    std::string_view name;
  };
  // Registers: inputs, then outputs, then those in scratch.
  struct Slot {
    size_t offset = 0;  // in scratch, bytes
    size_t bytes = 0;   // of one element
    bool is_constant = false;
    std::array<std::byte, 16> element{};
  };
  size_t slot_base() const { return inputs_.size() + outputs_.size(); }
  // The bounds of a step that clips f32 numbers between constants.
  std::optional<std::pair<float, float>> bounds_of(const Step& step) const;

  std::vector<DType> inputs_;
  std::vector<DType> outputs_;
  std::vector<Step> steps_;
  std::vector<Slot> slots_;
  std::vector<std::byte> params_;
  size_t max_tile_ = 0;
};

// A register of a program being built.
using Reg = int32_t;
inline constexpr Reg kNoReg = -1;

class ProgramBuilder {
 public:
  explicit ProgramBuilder(Tier tier) : tier_(tier) {}

  Tier tier() const { return tier_; }
  Reg add_input(DType dtype);
  // A register that holds one value everywhere; `element` has dtype_bytes(dtype, 1) bytes.
  Reg constant(DType dtype, const void* element);
  // The same from a number, converted to one of the compute dtypes.
  Reg constant(DType dtype, double number);
  DType dtype(Reg reg) const { return regs_[static_cast<size_t>(reg)].dtype; }

  // The register converted as by Cast; itself when it has that dtype.
  Result<Reg> convert(Reg reg, DType dtype);
  Result<Reg> widen(Reg reg) { return convert(reg, compute_dtype(dtype(reg))); }
  // One step: the tile of `name` for `key`, giving a register of dtype `result`. `params` floats
  // are the operator's attributes, see ops/elementwise/tile-inl.h.
  Result<Reg> step(std::string_view name, DType key, std::span<const Reg> srcs, DType result,
                   std::span<const float> params = {});

  // Ends the program: what the outputs are and how they are stored.
  Result<ElementwiseProgram> build(std::span<const Reg> outputs, std::span<const DType> dtypes);

 private:
  struct RegInfo {
    DType dtype;
    int step = -1;  // that writes it
    bool is_input = false;
    bool is_constant = false;
    std::array<std::byte, 16> element{};
  };
  struct PendingStep {
    TileFn fn;
    std::string_view name;
    std::vector<Reg> srcs;
    Reg dst;
    uint32_t params;
  };
  Reg add_step(TileFn fn, std::string_view name, std::span<const Reg> srcs, DType result,
               std::span<const float> params);
  // build() in parts.
  Result<std::vector<Reg>> finish_outputs(std::span<const Reg> outputs,
                                          std::span<const DType> dtypes);
  void drop_unused_steps(std::span<const Reg> outputs);
  void assign_slots(ElementwiseProgram& program, std::span<const Reg> outputs);

  Tier tier_;
  std::vector<RegInfo> regs_;
  std::vector<Reg> inputs_;
  std::vector<PendingStep> steps_;
  std::vector<std::byte> params_;
  std::map<std::pair<Reg, DType>, Reg> converted_;
};

// What an elementwise operator is to the builder; OpDef::elementwise points to one.
struct EmitArgs {
  const Node& node;
  std::span<const Reg> inputs;               // kNoReg where omitted
  std::span<const Tensor* const> constants;  // one-element constants, null where not known
  DType output;
};
struct ElementwiseOp {
  // Appends the node's steps; the result has dtype compute_dtype(output) or output.
  Result<Reg> (*emit)(ProgramBuilder& builder, const EmitArgs& args);
};

// The kernel of an elementwise node, and of "sardonyx" Elementwise: inputs broadcast to the shape
// of the outputs.
Result<std::unique_ptr<Kernel>> make_elementwise(const KernelRequest& request);
// The same of "sardonyx" Elementwise that scales, shifts and clips f32 columns; declines others.
Result<std::unique_ptr<Kernel>> make_affine(const KernelRequest& request);

// ---- for declaring elementwise operators

// emit: widens all inputs, runs the tile named as the node's op_type on the dtype of input 0; the
// attributes that are numbers, in the order of their names, are the params.
Result<Reg> emit_by_name(ProgramBuilder& builder, const EmitArgs& args);
// The node's number attributes as floats, in the order of their names.
std::vector<float> number_attrs(const Node& node);

// The type-and-shape rule of most: inputs broadcast together, the dtype is that of input 0.
Result<void> infer_elementwise(InferContext& context);
// The same with bool as result.
Result<void> infer_predicate(InferContext& context);
// The broadcast dims of all inputs, nullopt when a rank is unknown.
Result<std::optional<Dims>> broadcast_inputs(const InferContext& context);

// Declarations with inputs of type T, "tiles" as their kernel.
OpDef unary_op(std::vector<int> versions, DTypeSet types, std::vector<FormalAttr> attrs = {});
OpDef binary_op(std::vector<int> versions, DTypeSet types, std::vector<FormalAttr> attrs = {});
OpDef predicate_op(OpDef op);  // the result becomes bool

}  // namespace sardonyx
