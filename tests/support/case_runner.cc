// The direct path of a case: graph of one node -> rule -> kernels.
#include "tests/support/case_runner.h"

#include <cmath>
#include <cstring>

#include "base/result.h"
#include "base/shared_library.h"
#include "cpu/tier.h"
#include "ops/op.h"
#include "tests/support/case_elements.h"
#include "tests/support/case_model.h"

namespace sardonyx {
namespace {

// A check that failed, as an Error whose message the test prints.
template <class... Args>
tl::unexpected<Error> wrong(fmt::format_string<Args...> format, Args&&... args) {
  return fail(Code::kFail, format, std::forward<Args>(args)...);
}

// The row as a graph with one node, its inputs graph inputs.
struct OneNode {
  Graph graph;
  NodeId id = kNoNode;
  const Node& node() const { return graph.node(id); }
};

Result<OneNode> build_node(const Case& row, const OpDef& op) {
  OneNode one;
  Node node;
  node.op_type = row.op_type;
  node.domain = row.domain;
  node.attrs = row.attrs;
  for (size_t i = 0; i < row.inputs.size(); ++i) {
    const CaseInput& input = row.inputs[i];
    node.inputs.push_back(input.value ? one.graph.add_input(fmt::format("x{}", i), input.type)
                                      : kNoValue);
  }
  const size_t outputs = row.error && row.results.empty() ? 1 : row.results.size();
  for (size_t i = 0; i < outputs; ++i) {
    const bool omitted =
        i < row.results.size() && row.results[i].kind == CaseResult::Kind::kOmitted;
    node.outputs.push_back(omitted ? kNoValue
                                   : one.graph.add_value(fmt::format("y{}", i), ValueType()));
  }
  one.id = one.graph.add_node(std::move(node));
  TRY(verify_node(op, one.graph, one.graph.node(one.id)));
  return one;
}

// What the rule is told about the inputs.
struct Facts {
  std::vector<ValueType> types;
  std::vector<const Tensor*> constants;
  std::vector<std::optional<Dims>> ints;
};

Facts concrete_facts(const Case& row) {
  Facts facts;
  for (const CaseInput& input : row.inputs) facts.types.push_back(input.type);
  facts.constants.resize(row.inputs.size());
  facts.ints.resize(row.inputs.size());
  return facts;
}

const Tensor* tensor_of(const CaseInput& input) {
  return input.value && input.value->is_tensor() ? &input.value->tensor() : nullptr;
}

struct Inferred {
  std::vector<ValueType> types;
  std::vector<std::optional<Dims>> ints;
  std::vector<size_t> wanted;
};

Result<Inferred> infer(const OpDef& op, const OneNode& one, const Facts& facts) {
  InferContext context(one.graph, one.node(), facts.types, facts.constants, facts.ints);
  TRY(infer_node(op, context));
  return Inferred{context.output_types(), context.output_ints(), context.wanted()};
}

// The rule as a plan runs it: values that it asked for are given.
Result<Inferred> infer_for_plan(const Case& row, const OpDef& op, const OneNode& one,
                                Facts& facts) {
  Inferred inferred = TRY(infer(op, one, facts));
  for (size_t round = 0; round < row.inputs.size(); ++round) {
    bool given = false;
    for (size_t index : inferred.wanted) {
      given = given || facts.constants[index] == nullptr;
      facts.constants[index] = tensor_of(row.inputs[index]);
    }
    if (!given) break;
    inferred = TRY(infer(op, one, facts));
  }
  return inferred;
}

// ---- kernels

constexpr size_t kGuard = 64;
constexpr unsigned char kGuardByte = 0xA5;

// Planned memory: filled with garbage, with guards on both sides.
class GuardedBuffer {
 public:
  explicit GuardedBuffer(size_t bytes) : bytes_(bytes), memory_(bytes + 3 * kGuard, kGuardByte) {}
  void* data() {
    const auto address = reinterpret_cast<uintptr_t>(memory_.data()) + kGuard;
    return memory_.data() + kGuard + (kGuard - address % kGuard) % kGuard;
  }
  bool intact() {
    const auto* begin = static_cast<unsigned char*>(data());
    for (const unsigned char* at = memory_.data(); at < begin; ++at) {
      if (*at != kGuardByte) return false;
    }
    for (const unsigned char* at = begin + bytes_; at < memory_.data() + memory_.size(); ++at) {
      if (*at != kGuardByte) return false;
    }
    return true;
  }

 private:
  size_t bytes_;
  std::vector<unsigned char> memory_;
};

// The slot of one output while a kernel runs.
struct Slot {
  std::unique_ptr<GuardedBuffer> buffer;  // planned, not strings
  Tensor strings;                         // planned strings
  Value value;                            // not planned
};

Result<std::vector<Value>> run_kernel(const Case& row, const Kernel& kernel,
                                      std::span<const ValueType> types, ThreadPool& pool) {
  std::vector<TensorView> inputs(row.inputs.size());
  std::vector<const Value*> input_values(row.inputs.size());
  for (size_t i = 0; i < row.inputs.size(); ++i) {
    if (const Tensor* tensor = tensor_of(row.inputs[i])) {
      inputs[i] = tensor->view();
    } else if (row.inputs[i].value) {
      input_values[i] = &*row.inputs[i].value;
    }
  }
  std::vector<Slot> slots(types.size());
  std::vector<TensorView> outputs(types.size());
  std::vector<Value*> output_values(types.size());
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i].kind == ValueType::Kind::kUnknown) continue;
    if (!types[i].is_concrete()) {
      output_values[i] = &slots[i].value;
      continue;
    }
    outputs[i] = {types[i].dtype, to_shape(*types[i].dims), nullptr};
    if (types[i].dtype == DType::kString) {
      slots[i].strings = TRY(Tensor::allocate(DType::kString, outputs[i].shape));
      outputs[i].data = slots[i].strings.data();
    } else {
      slots[i].buffer = std::make_unique<GuardedBuffer>(outputs[i].bytes());
      outputs[i].data = slots[i].buffer->data();
    }
  }
  GuardedBuffer workspace(kernel.workspace_bytes());
  Error error{Code::kOk, "", ""};
  RunArgs args{inputs, outputs, input_values, output_values, workspace.data(), &pool, &error};
  kernel.run(args);
  if (error.code != Code::kOk) return tl::unexpected(error);
  if (!workspace.intact()) return wrong("the kernel wrote outside of its workspace");
  std::vector<Value> results;
  for (size_t i = 0; i < types.size(); ++i) {
    if (slots[i].buffer && !slots[i].buffer->intact()) {
      return wrong("the kernel wrote outside of output {}", i);
    }
    if (output_values[i] != nullptr) {
      results.push_back(std::move(slots[i].value));
    } else if (types[i].is_concrete()) {
      Tensor copy = TRY(Tensor::allocate(types[i].dtype, outputs[i].shape));
      copy_elements(outputs[i], copy.view());
      results.push_back(std::move(copy));
    } else {
      results.emplace_back();
    }
  }
  return results;
}

struct Candidate {
  const OpDef& op;
  size_t index;
  Tier tier;
  bool is_reference() const { return index + 1 == op.kernels.size(); }
  std::string title() const {
    return fmt::format("kernel '{}' on {}", op.kernels[index].name, tier_name(tier));
  }
};

// The results of one candidate, the same bits with 1 and 3 threads; nothing when it declines.
Result<std::optional<std::vector<Value>>> run_candidate(const Case& row, const OneNode& one,
                                                        const Candidate& candidate,
                                                        const Facts& facts,
                                                        const Inferred& inferred) {
  std::vector<Operand> inputs;
  for (size_t i = 0; i < row.inputs.size(); ++i) {
    inputs.push_back({facts.types[i], facts.constants[i]});
  }
  std::vector<Operand> outputs;
  for (size_t i = 0; i < inferred.types.size(); ++i) {
    const bool asked = one.node().outputs[i] != kNoValue;
    outputs.push_back({asked ? inferred.types[i] : ValueType(), nullptr});
  }
  std::vector<ValueType> types;
  types.reserve(outputs.size());
  for (const Operand& output : outputs) types.push_back(output.type);
  std::optional<std::vector<Value>> first;
  for (int threads : {1, 3}) {
    WeightCache weights;
    const KernelRequest request{one.node(), inputs, outputs, candidate.tier, threads, weights, {}};
    auto kernel = candidate.op.kernels[candidate.index].make(request);
    if (!kernel) {
      if (kernel.error().code == Code::kNotImplemented && !candidate.is_reference()) {
        return std::optional<std::vector<Value>>();
      }
      return tl::unexpected(std::move(kernel.error()).at(candidate.title()));
    }
    const auto pool = shared_thread_pool(threads);
    auto results = TRY_AT(candidate.title(), run_kernel(row, **kernel, types, *pool));
    if (!first) {
      first = std::move(results);
      continue;
    }
    for (size_t i = 0; i < results.size() && !row.random; ++i) {
      if (!same_bits((*first)[i], results[i])) {
        return wrong("{}: output {} differs between 1 and 3 threads", candidate.title(), i);
      }
    }
  }
  return first;
}

// ---- checks

Result<void> check_type_only(const CaseResult& want, const Value& got) {
  if (!want.type.is_tensor() || !got.is_tensor()) return wrong("is no tensor");
  if (got.tensor().dtype() != want.type.dtype ||
      !(got.tensor().shape() == to_shape(*want.type.dims))) {
    return wrong("is {} {}, expected {}", dtype_name(got.tensor().dtype()),
                 got.tensor().shape().to_string(), want.type.to_string());
  }
  return {};
}

Result<void> check_result(const Case& row, const CaseResult& want, const Value& got) {
  if (want.kind == CaseResult::Kind::kTypeOnly) return check_type_only(want, got);
  if (want.kind != CaseResult::Kind::kValue) return {};
  if (auto text = difference(want.value, got, row.tolerance)) {
    return wrong("{}; got {}", *text, describe_value(got));
  }
  for (size_t at : want.negative_zeros) {
    const auto i = static_cast<int64_t>(at);
    if (!dtype_is_float(got.tensor().dtype())) continue;
    if (!std::signbit(float_element(got.tensor().view(), i))) {
      return wrong("element {} is 0, expected -0", at);
    }
  }
  return {};
}

// What the rule said must hold for what the kernel gave, with these numbers for the symbols.
Result<void> check_inferred(const Inferred& inferred, const std::vector<Value>& results,
                            const SymbolNumbers& numbers, std::string_view how) {
  for (size_t i = 0; i < results.size(); ++i) {
    const ValueType& type = inferred.types[i];
    if (results[i].kind() == Value::Kind::kNone) continue;
    const bool kind_agrees = type.is_tensor() == results[i].is_tensor();
    if (type.kind == ValueType::Kind::kUnknown || !kind_agrees) {
      return wrong("{}: output {} is inferred as {}", how, i, type.to_string());
    }
    if (!type.is_tensor()) continue;
    const Tensor& tensor = results[i].tensor();
    bool holds = type.dtype == tensor.dtype();
    if (type.dims && holds) {
      holds = type.dims->size() == tensor.shape().rank();
      for (size_t d = 0; holds && d < type.dims->size(); ++d) {
        const Dim dim = substitute((*type.dims)[d], numbers);
        holds = !dim.is_constant() || dim.value() == tensor.shape()[d];
      }
    }
    if (!holds) {
      return wrong("{}: output {} is inferred as {}, but is {} {}", how, i, type.to_string(),
                   dtype_name(tensor.dtype()), tensor.shape().to_string());
    }
    const auto& ints = inferred.ints[i];
    if (!ints) continue;
    // Booleans are known as 0 and 1.
    const bool wide = tensor.dtype() == DType::kInt64;
    const bool truth = tensor.dtype() == DType::kBool;
    if ((!wide && !truth && tensor.dtype() != DType::kInt32) ||
        static_cast<int64_t>(ints->size()) != tensor.count()) {
      return wrong("{}: output {} is inferred to hold {} integers", how, i, ints->size());
    }
    for (size_t e = 0; e < ints->size(); ++e) {
      const Dim number = substitute((*ints)[e], numbers);
      const int64_t held = wide    ? tensor.as<int64_t>()[e]
                           : truth ? tensor.as<uint8_t>()[e]
                                   : tensor.as<int32_t>()[e];
      if (number.is_constant() && number.value() != held) {
        return wrong("{}: element {} of output {} is inferred as {} = {}, but is {}", how, e, i,
                     (*ints)[e].to_string(), number.value(), held);
      }
    }
  }
  return {};
}

bool is_small_integer(const Tensor* tensor) {
  return tensor != nullptr && tensor->shape().rank() <= 1 && tensor->count() <= 16 &&
         (tensor->dtype() == DType::kInt64 || tensor->dtype() == DType::kInt32);
}

// The rule with a symbol for every dim (one per place, or one per size), with and without the
// values of small integer inputs. A constant integer input keeps its dims, as in a model.
Result<void> check_symbolic(const Case& row, const OpDef& op, const OneNode& one,
                            const std::vector<Value>& results) {
  for (const bool shared : {false, true}) {
    for (const bool with_values : {false, true}) {
      Facts facts = concrete_facts(row);
      std::vector<std::pair<std::string, int64_t>> symbols;
      for (size_t i = 0; i < row.inputs.size(); ++i) {
        const Tensor* tensor = tensor_of(row.inputs[i]);
        if (tensor == nullptr) continue;
        if (with_values && is_small_integer(tensor)) {
          facts.constants[i] = tensor;
          continue;
        }
        for (size_t d = 0; d < tensor->shape().rank(); ++d) {
          const int64_t number = tensor->shape()[d];
          const std::string name =
              shared ? fmt::format("s{}", number) : fmt::format("d{}_{}", i, d);
          symbols.emplace_back(name, number);
          (*facts.types[i].dims)[d] = Dim::symbol(name);
        }
      }
      const Inferred inferred = TRY_AT("with symbolic dims", infer(op, one, facts));
      const auto number_of = [&](std::string_view name) -> std::optional<int64_t> {
        for (const auto& [symbol, number] : symbols) {
          if (symbol == name) return number;
        }
        return std::nullopt;
      };
      TRY(check_inferred(inferred, results, number_of, "with symbolic dims"));
    }
  }
  return {};
}

// The row as a model, in every style of declaring its inputs; the results of all must agree.
Result<void> run_whole_path(const Case& row) {
  std::optional<std::vector<Value>> first;
  struct Style {
    CaseInputs inputs;
    int threads;
    const char* name;
  };
  for (const Style& style : {Style{CaseInputs::kConcrete, 1, "as a model"},
                             Style{CaseInputs::kSymbolic, 3, "as a model with symbolic dims"},
                             Style{CaseInputs::kInitializers, 1, "as a model with initializers"},
                             Style{CaseInputs::kUndeclared, 3, "as a model without shapes"}}) {
    const auto results = TRY_AT(style.name, run_as_model(row, style.inputs, style.threads));
    for (size_t i = 0; i < results.size(); ++i) {
      const std::string place = fmt::format("{}: output {}", style.name, i);
      if (results[i].kind() == Value::Kind::kNone) continue;
      if (i < row.results.size()) TRY_AT(place, check_result(row, row.results[i], results[i]));
      if (row.random || !first) continue;
      if (auto text = difference((*first)[i], results[i], row.tolerance)) {
        return wrong("{} {} (with concrete dims)", place, *text);
      }
    }
    if (!first) first = results;
  }
  return {};
}

Result<void> run_direct(const Case& row) {
  const OpDef* op = find_op(row.domain, row.op_type);
  if (op == nullptr) return wrong("there is no operator '{}'", row.op_type);
  const OneNode one = TRY(build_node(row, *op));
  std::optional<std::vector<Value>> reference;
  for (const bool all_constant_inputs : {false, true}) {
    Facts facts = concrete_facts(row);
    for (size_t i = 0; all_constant_inputs && i < row.inputs.size(); ++i) {
      facts.constants[i] = tensor_of(row.inputs[i]);
    }
    const Inferred inferred = TRY(infer_for_plan(row, *op, one, facts));
    for (Tier tier : available_tiers()) {
      for (size_t k = op->kernels.size(); k-- > 0;) {
        const Candidate candidate{*op, k, tier};
        const auto results = TRY(run_candidate(row, one, candidate, facts, inferred));
        if (!results) continue;
        if (!reference) reference = results;
        for (size_t i = 0; i < results->size(); ++i) {
          const std::string place = fmt::format("{}: output {}", candidate.title(), i);
          const Value& got = (*results)[i];
          if (i < row.results.size()) TRY_AT(place, check_result(row, row.results[i], got));
          if (row.random || got.kind() == Value::Kind::kNone) continue;
          if (auto text = difference((*reference)[i], got, row.tolerance)) {
            return wrong("{} {} (the reference)", place, *text);
          }
        }
        const auto none = [](std::string_view) { return std::optional<int64_t>(); };
        TRY(check_inferred(inferred, *results, none, "with concrete dims"));
      }
    }
  }
  if (!reference) return wrong("{} has no kernels", row.op_type);
  return check_symbolic(row, *op, one, *reference);
}

}  // namespace

namespace {

std::optional<std::string> judge(const Case& row, const Result<void>& result) {
  if (row.error) {
    if (result) return fmt::format("gave no error, expected \"{}\"", *row.error);
    const std::string text = result.error().text();
    if (text.find(*row.error) != std::string::npos) return std::nullopt;
    return fmt::format("the error is \"{}\", expected \"{}\" in it", text, *row.error);
  }
  if (!result) return result.error().text();
  return std::nullopt;
}

}  // namespace

std::optional<std::string> run_case(const Case& row) {
  if (!row.needs.empty() && !SharedLibrary::open({row.needs.c_str()})) return std::nullopt;
  // An old opset has no meaning before the graph is built; an operator without kernels is spelled
  // out by a pass, and one with bodies needs a session to run them.
  const OpDef* op = find_op(row.domain, row.op_type);
  const bool is_single = row.bodies.empty() && (op == nullptr || !op->kernels.empty());
  if (!row.opset && is_single) {
    if (auto failure = judge(row, run_direct(row))) return failure;
  }
  return judge(row, run_whole_path(row));
}

}  // namespace sardonyx
