// Builds elementwise programs (steps, registers, scratch memory) and runs them over tiles.
#include <algorithm>
#include <cstring>
#include <limits>
#include <tuple>

#include "base/narrow.h"
#include "ops/elementwise.h"

namespace sardonyx {

DType compute_dtype(DType dtype) {
  switch (dtype) {
    case DType::kFloat16:
    case DType::kBfloat16:
    case DType::kFloat8E4M3FN:
    case DType::kFloat8E4M3FNUZ:
    case DType::kFloat8E5M2:
    case DType::kFloat8E5M2FNUZ:
    case DType::kFloat8E8M0:
      return DType::kFloat32;
    default:
      return dtype;
  }
}

// ---- building

Reg ProgramBuilder::add_input(DType dtype) {
  const Reg reg = static_cast<Reg>(regs_.size());
  regs_.push_back({dtype, -1, true, false, {}});
  inputs_.push_back(reg);
  return reg;
}

Reg ProgramBuilder::constant(DType dtype, const void* element) {
  RegInfo info{dtype, -1, false, true, {}};
  std::memcpy(info.element.data(), element, dtype_bytes(dtype, 1));
  regs_.push_back(info);
  return static_cast<Reg>(regs_.size()) - 1;
}

namespace {

template <class T>
Reg typed_constant(ProgramBuilder& builder, double number) {
  const T element = static_cast<T>(number);
  return builder.constant(dtype_of<T>, &element);
}

}  // namespace

Reg ProgramBuilder::constant(DType dtype, double number) {
  switch (dtype) {
    case DType::kFloat64:
      return typed_constant<double>(*this, number);
    case DType::kInt8:
      return typed_constant<int8_t>(*this, number);
    case DType::kUint8:
      return typed_constant<uint8_t>(*this, number);
    case DType::kInt16:
      return typed_constant<int16_t>(*this, number);
    case DType::kUint16:
      return typed_constant<uint16_t>(*this, number);
    case DType::kInt32:
      return typed_constant<int32_t>(*this, number);
    case DType::kUint32:
      return typed_constant<uint32_t>(*this, number);
    case DType::kInt64:
      return typed_constant<int64_t>(*this, number);
    case DType::kUint64:
      return typed_constant<uint64_t>(*this, number);
    case DType::kBool:
      return typed_constant<bool>(*this, number);
    default:
      return typed_constant<float>(*this, number);
  }
}

Reg ProgramBuilder::add_step(TileFn fn, std::string_view name, std::span<const Reg> srcs,
                             DType result, std::span<const float> params) {
  const Reg dst = static_cast<Reg>(regs_.size());
  regs_.push_back({result, static_cast<int>(steps_.size()), false, false, {}});
  const auto offset = static_cast<uint32_t>(params_.size());
  const auto bytes = std::as_bytes(params);
  params_.insert(params_.end(), bytes.begin(), bytes.end());
  steps_.push_back({fn, name, {srcs.begin(), srcs.end()}, dst, offset});
  return dst;
}

Result<Reg> ProgramBuilder::convert(Reg reg, DType to) {
  if (dtype(reg) == to) return reg;
  const auto [found, is_new] = converted_.try_emplace({reg, to}, kNoReg);
  if (!is_new) return found->second;
  const TileFn fn = find_conversion(tier_, dtype(reg), to);
  if (fn == nullptr && dtype(reg) != DType::kFloat32 && to != DType::kFloat32) {
    return found->second = TRY(convert(TRY(convert(reg, DType::kFloat32)), to));
  }
  if (fn == nullptr) {
    return decline("no loop converts {} to {}", dtype_name(dtype(reg)), dtype_name(to));
  }
  const RegInfo& from = regs_[static_cast<size_t>(reg)];
  if (from.is_constant) {
    std::array<std::byte, 16> element{};
    const void* src = from.element.data();
    fn(&src, element.data(), 1, nullptr);
    return found->second = constant(to, element.data());
  }
  return found->second = add_step(fn, "Cast", std::span(&reg, 1), to, {});
}

Result<Reg> ProgramBuilder::step(std::string_view name, DType key, std::span<const Reg> srcs,
                                 DType result, std::span<const float> params) {
  const TileRow* row = find_tiles(tier_, name);
  const TileFn fn = row == nullptr ? nullptr : row->by_dtype[static_cast<size_t>(key)];
  if (fn == nullptr) return decline("{} has no loop for {}", name, dtype_name(key));
  return add_step(fn, row->name, srcs, result, params);
}

// Every output becomes a register of its own that a step writes: conversions to the stored dtype,
// and copies of inputs, constants, values that are outputs twice or are read again.
Result<std::vector<Reg>> ProgramBuilder::finish_outputs(std::span<const Reg> outputs,
                                                        std::span<const DType> dtypes) {
  std::vector<Reg> finished;
  for (size_t i = 0; i < outputs.size(); ++i) {
    Reg reg = TRY(convert(outputs[i], dtypes[i]));
    const bool is_written = regs_[static_cast<size_t>(reg)].step >= 0;
    if (!is_written || std::find(finished.begin(), finished.end(), reg) != finished.end()) {
      reg = TRY(step("Identity", dtypes[i], std::span(&reg, 1), dtypes[i]));
    }
    finished.push_back(reg);
  }
  return finished;
}

void ProgramBuilder::drop_unused_steps(std::span<const Reg> outputs) {
  std::vector<bool> used(regs_.size(), false);
  for (const Reg reg : outputs) used[static_cast<size_t>(reg)] = true;
  std::vector<PendingStep> kept;
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    if (!used[static_cast<size_t>(step->dst)]) continue;
    for (const Reg src : step->srcs) used[static_cast<size_t>(src)] = true;
    kept.push_back(std::move(*step));
  }
  steps_.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
}

// Numbers the registers of the finished program: a slot of scratch memory is reused once the last
// step that reads it is done.
void ProgramBuilder::assign_slots(ElementwiseProgram& program, std::span<const Reg> outputs) {
  std::vector<int> last_read(regs_.size(), -1);
  for (size_t s = 0; s < steps_.size(); ++s) {
    for (const Reg src : steps_[s].srcs) last_read[static_cast<size_t>(src)] = static_cast<int>(s);
  }
  constexpr uint16_t kUnassigned = 0xFFFF;
  std::vector<uint16_t> number(regs_.size(), kUnassigned);
  uint16_t next = 0;
  for (const Reg reg : inputs_) number[static_cast<size_t>(reg)] = next++;
  for (const Reg reg : outputs) number[static_cast<size_t>(reg)] = next++;

  std::vector<std::pair<size_t, uint16_t>> unused;  // element bytes, register
  const auto new_slot = [&](const RegInfo& info) {
    ElementwiseProgram::Slot slot;
    slot.bytes = dtype_bytes(info.dtype, 1);
    slot.is_constant = info.is_constant;
    slot.element = info.element;
    program.slots_.push_back(slot);
    return next++;
  };
  for (size_t s = 0; s < steps_.size(); ++s) {
    ElementwiseProgram::Step step;
    step.fn = steps_[s].fn;
    step.name = steps_[s].name;
    step.params = steps_[s].params;
    for (const Reg src : steps_[s].srcs) {
      uint16_t& src_number = number[static_cast<size_t>(src)];
      const RegInfo& info = regs_[static_cast<size_t>(src)];
      if (src_number == kUnassigned) src_number = new_slot(info);  // a constant's first use
      step.srcs[step.src_count++] = src_number;
    }
    const auto dst = static_cast<size_t>(steps_[s].dst);
    if (number[dst] == kUnassigned) {
      const size_t bytes = dtype_bytes(regs_[dst].dtype, 1);
      const auto slot = std::find_if(unused.begin(), unused.end(),
                                     [bytes](const auto& entry) { return entry.first == bytes; });
      number[dst] = slot != unused.end() ? slot->second : new_slot(regs_[dst]);
      if (slot != unused.end()) unused.erase(slot);
    }
    step.dst = number[dst];
    program.steps_.push_back(step);
    std::vector<Reg> read = steps_[s].srcs;
    std::sort(read.begin(), read.end());
    read.erase(std::unique(read.begin(), read.end()), read.end());
    for (const Reg src : read) {
      const RegInfo& info = regs_[static_cast<size_t>(src)];
      const bool in_scratch = number[static_cast<size_t>(src)] >= program.slot_base();
      if (in_scratch && !info.is_constant && last_read[static_cast<size_t>(src)] == int(s)) {
        unused.emplace_back(dtype_bytes(info.dtype, 1), number[static_cast<size_t>(src)]);
      }
    }
  }
}

Result<ElementwiseProgram> ProgramBuilder::build(std::span<const Reg> outputs,
                                                 std::span<const DType> dtypes) {
  const std::vector<Reg> finished = TRY(finish_outputs(outputs, dtypes));
  drop_unused_steps(finished);
  ElementwiseProgram program;
  for (const Reg reg : inputs_) program.inputs_.push_back(dtype(reg));
  program.outputs_.assign(dtypes.begin(), dtypes.end());
  program.params_ = params_;
  assign_slots(program, finished);

  size_t bytes = 0;
  for (const auto& slot : program.slots_) bytes += slot.bytes;
  constexpr size_t kAlign = 64, kMinTile = 64, kTile = 1024, kTileWithoutScratch = 8192;
  program.max_tile_ = kTileWithoutScratch;
  if (bytes > 0) {
    program.max_tile_ =
        std::min(kTile, ElementwiseProgram::kScratchBytes / bytes / kAlign * kAlign);
  }
  if (program.max_tile_ < kMinTile || program.slot_base() > ElementwiseProgram::kMaxOperands) {
    return decline("a program of {} steps with {} registers is too large", program.steps_.size(),
                   program.slots_.size());
  }
  size_t offset = 0;
  for (auto& slot : program.slots_) {
    slot.offset = offset;
    offset += slot.bytes * program.max_tile_;
  }
  return program;
}

// ---- from graphs

namespace {

const ElementwiseOp* find_elementwise(const Node& node) {
  const OpDef* op = find_op(node);
  return op == nullptr ? nullptr : op->elementwise;
}

}  // namespace

Result<ElementwiseProgram> ElementwiseProgram::from_node(const Node& node,
                                                         std::span<const DType> inputs,
                                                         std::span<const Tensor* const> constants,
                                                         DType output, Tier tier) {
  const ElementwiseOp* op = find_elementwise(node);
  if (op == nullptr) return decline("{} is not elementwise", node.op_type);
  ProgramBuilder builder(tier);
  std::vector<Reg> regs;
  for (const DType dtype : inputs) {
    regs.push_back(dtype == DType::kUndefined ? kNoReg : builder.add_input(dtype));
  }
  const Reg result = TRY(op->emit(builder, {node, regs, constants, output}));
  return builder.build(std::span(&result, 1), std::span(&output, 1));
}

Result<ElementwiseProgram> ElementwiseProgram::from_body(const Graph& body,
                                                         std::span<const DType> inputs, Tier tier) {
  ProgramBuilder builder(tier);
  std::vector<Reg> regs(body.value_count(), kNoReg);
  for (size_t i = 0; i < inputs.size(); ++i) {
    regs[static_cast<size_t>(body.inputs()[i])] = builder.add_input(inputs[i]);
  }
  for (const NodeId id : TRY(body.order())) {
    const Node& node = body.node(id);
    const ElementwiseOp* op = find_elementwise(node);
    if (op == nullptr) return decline("{} is not elementwise", node.title());
    std::vector<Reg> srcs;
    std::vector<const Tensor*> constants;
    for (const ValueId value : node.inputs) {
      srcs.push_back(kNoReg);
      constants.push_back(nullptr);
      if (value == kNoValue) continue;
      Reg& reg = regs[static_cast<size_t>(value)];
      const Tensor& tensor = body.value(value).constant;
      if (tensor.has_data()) {
        if (tensor.count() != 1) return decline("constant of {} elements", tensor.count());
        constants.back() = &tensor;
        if (reg == kNoReg) reg = builder.constant(tensor.dtype(), tensor.data());
      }
      srcs.back() = reg;
    }
    const ValueId output = node.outputs[0];
    const DType dtype = body.value(output).type.dtype;
    if (dtype == DType::kUndefined) return decline("{} has no dtype", node.title());
    regs[static_cast<size_t>(output)] = TRY(op->emit(builder, {node, srcs, constants, dtype}));
  }
  std::vector<Reg> outputs;
  std::vector<DType> dtypes;
  for (const GraphOutput& output : body.outputs()) {
    outputs.push_back(regs[static_cast<size_t>(output.value)]);
    dtypes.push_back(body.value(output.value).type.dtype);
  }
  return builder.build(outputs, dtypes);
}

// ---- running

void ElementwiseProgram::prepare(void* scratch, size_t count) const {
  for (const Slot& slot : slots_) {
    if (!slot.is_constant) continue;
    auto* dst = static_cast<std::byte*>(scratch) + slot.offset;
    const size_t bytes = std::min(count, max_tile_) * slot.bytes;
    std::memcpy(dst, slot.element.data(), slot.bytes);
    // Copies of copies: a handful of calls.
    for (size_t filled = slot.bytes; filled < bytes; filled *= 2) {
      std::memcpy(dst + filled, dst, std::min(filled, bytes - filled));
    }
  }
}

void ElementwiseProgram::run_tile(const void* const* inputs, void* const* outputs, size_t count,
                                  void* scratch) const {
  const size_t outputs_base = inputs_.size();
  const size_t base = slot_base();
  const auto slot = [&](size_t reg) {
    return static_cast<std::byte*>(scratch) + slots_[reg - base].offset;
  };
  for (const Step& step : steps_) {
    const void* srcs[kMaxSrcs];
    for (size_t i = 0; i < step.src_count; ++i) {
      const size_t reg = step.srcs[i];
      srcs[i] = reg < outputs_base ? inputs[reg]
                : reg < base       ? outputs[reg - outputs_base]
                                   : slot(reg);
    }
    void* dst = step.dst < base ? outputs[step.dst - outputs_base] : slot(step.dst);
    step.fn(srcs, dst, count, params_.data() + step.params);
  }
}

bool ElementwiseProgram::can_overwrite(size_t input, size_t output) const {
  if (dtype_bits(inputs_[input]) != dtype_bits(outputs_[output])) return false;
  bool written = false;
  for (const Step& step : steps_) {
    for (size_t i = 0; i < step.src_count; ++i) {
      if (written && step.srcs[i] == input) return false;
    }
    written = written || step.dst == inputs_.size() + output;
  }
  return true;
}

std::string ElementwiseProgram::to_string() const {
  std::string text;
  for (const Step& step : steps_) {
    if (!text.empty()) text += ", ";
    text += step.name;
  }
  return text;
}

std::optional<std::pair<float, float>> ElementwiseProgram::bounds_of(const Step& step) const {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (step.name == "Relu") return std::pair(0.0f, kInfinity);
  if (step.name != "Clip") return {};
  std::array<float, 2> bounds;
  for (size_t i = 0; i < 2; ++i) {
    const size_t reg = step.srcs[i + 1];
    if (reg < slot_base() || !slots_[reg - slot_base()].is_constant) return {};
    std::memcpy(&bounds[i], slots_[reg - slot_base()].element.data(), sizeof bounds[i]);
  }
  return std::pair(bounds[0], bounds[1]);
}

std::optional<ElementwiseProgram::Affine> ElementwiseProgram::as_affine() const {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto is_f32 = [](DType dtype) { return dtype == DType::kFloat32; };
  if (steps_.size() < 2 || steps_.size() > 3 || outputs_.size() != 1 || !is_f32(outputs_[0]) ||
      !std::all_of(inputs_.begin(), inputs_.end(), is_f32)) {
    return {};
  }
  const Step &mul = steps_[0], &add = steps_[1];
  const auto is_input = [&](uint16_t reg) { return reg < inputs_.size(); };
  if (mul.name != "Mul" || add.name != "Add" || !is_input(mul.srcs[0]) || !is_input(mul.srcs[1])) {
    return {};
  }
  const uint16_t shift = add.srcs[add.srcs[0] == mul.dst ? 1 : 0];
  if ((add.srcs[0] != mul.dst && add.srcs[1] != mul.dst) || !is_input(shift)) return {};
  Affine affine{mul.srcs[0], mul.srcs[1], shift, -kInfinity, kInfinity};
  if (steps_.size() == 3) {
    const auto bounds = steps_[2].srcs[0] == add.dst ? bounds_of(steps_[2]) : std::nullopt;
    if (!bounds) return {};
    std::tie(affine.low, affine.high) = *bounds;
  }
  return affine;
}

}  // namespace sardonyx
