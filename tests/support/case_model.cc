// The model of a case and its session.
#include "tests/support/case_model.h"

#include "base/result.h"
#include "model/model.h"
#include "model/write_model.h"
#include "sardonyx/sardonyx.h"

namespace sardonyx {
namespace {

constexpr int64_t kNewestOpset = 27;

TypeDef type_def(const ValueType& type) {
  TypeDef def;
  def.dtype = type.dtype;
  if (type.element) def.element.push_back(type_def(*type.element));
  switch (type.kind) {
    case ValueType::Kind::kTensor:
      def.kind = TypeDef::Kind::kTensor;
      break;
    case ValueType::Kind::kSparse:
      def.kind = TypeDef::Kind::kSparseTensor;
      break;
    case ValueType::Kind::kSequence:
      def.kind = TypeDef::Kind::kSequence;
      break;
    case ValueType::Kind::kMap:
      def.kind = TypeDef::Kind::kMap;
      break;
    case ValueType::Kind::kOptional:
      def.kind = TypeDef::Kind::kOptional;
      break;
    default:
      break;
  }
  return def;
}

ValueDef input_def(const CaseInput& input, const std::string& name, CaseInputs style) {
  ValueDef def{name, type_def(input.type), "", {}};
  const bool has_shape = style == CaseInputs::kConcrete || style == CaseInputs::kSymbolic;
  if (!input.type.dims || !has_shape) return def;
  def.type.has_shape = true;
  for (size_t i = 0; i < input.type.dims->size(); ++i) {
    DimDef dim;
    const bool symbolic = style != CaseInputs::kConcrete;
    dim.kind = symbolic ? DimDef::Kind::kParam : DimDef::Kind::kValue;
    if (symbolic) {
      dim.param = fmt::format("{}_{}", name, i);
    } else {
      dim.value = (*input.type.dims)[i].value();
    }
    def.type.dims.push_back(std::move(dim));
  }
  return def;
}

Result<AttrDef> attr_def(const std::string& name, const Attr& attr) {
  AttrDef def;
  def.name = name;
  if (const auto* i = std::get_if<int64_t>(&attr)) {
    def.type = AttrType::kInt;
    def.i = *i;
  } else if (const auto* f = std::get_if<float>(&attr)) {
    def.type = AttrType::kFloat;
    def.f = *f;
  } else if (const auto* s = std::get_if<std::string>(&attr)) {
    def.type = AttrType::kString;
    def.s = *s;
  } else if (const auto* tensor = std::get_if<Tensor>(&attr)) {
    def.type = AttrType::kTensor;
    def.tensors.emplace_back().data = *tensor;
  } else if (const auto* ints = std::get_if<std::vector<int64_t>>(&attr)) {
    def.type = AttrType::kInts;
    def.ints = *ints;
  } else if (const auto* floats = std::get_if<std::vector<float>>(&attr)) {
    def.type = AttrType::kFloats;
    def.floats = *floats;
  } else if (const auto* strings = std::get_if<std::vector<std::string>>(&attr)) {
    def.type = AttrType::kStrings;
    def.strings = *strings;
  } else if (const auto* type = std::get_if<ValueType>(&attr)) {
    def.type = AttrType::kType;
    def.types.push_back(type_def(*type));
  } else {
    return fail(Code::kFail, "attribute '{}' is of a kind that cases cannot hold", name);
  }
  return def;
}

bool is_initializer(const CaseInput& input, CaseInputs style) {
  if (style != CaseInputs::kInitializers || !input.value || !input.value->is_tensor()) return false;
  const Tensor& tensor = input.value->tensor();
  return tensor.count() <= 16 && dtype_is_integer(tensor.dtype());
}

struct CaseModel {
  Model model;
  std::vector<NamedValue> inputs;
  std::vector<std::string> outputs;  // "" where nobody asks
};

Result<CaseModel> make_model(const Case& row, CaseInputs style) {
  CaseModel made;
  Model& model = made.model;
  model.ir_version = 13;
  model.graph.name = "case";
  const OpDef* op = find_op(row.domain, row.op_type);
  const int64_t newest = op == nullptr ? kNewestOpset : op->versions.back();
  model.opset_imports.push_back({"", kNewestOpset});
  if (!row.domain.empty()) model.opset_imports.push_back({row.domain, newest});
  model.opset_imports.back().version =
      row.opset.value_or(row.domain.empty() ? std::max(newest, kNewestOpset) : newest);
  NodeDef node;
  node.op_type = row.op_type;
  node.domain = row.domain;
  for (size_t i = 0; i < row.inputs.size(); ++i) {
    const CaseInput& input = row.inputs[i];
    const std::string name = input.value ? fmt::format("x{}", i) : "";
    node.inputs.push_back(name);
    if (!input.value) continue;
    if (is_initializer(input, style)) {
      TensorDef def;
      def.name = name;
      def.data = input.value->tensor();
      model.graph.initializers.push_back(std::move(def));
      continue;
    }
    model.graph.inputs.push_back(input_def(input, name, style));
    made.inputs.push_back({name, *input.value});
  }
  for (const auto& [name, attr] : row.attrs) node.attrs.push_back(TRY(attr_def(name, attr)));
  node.attrs.insert(node.attrs.end(), row.bodies.begin(), row.bodies.end());
  const size_t count = row.results.empty() ? 1 : row.results.size();
  for (size_t i = 0; i < count; ++i) {
    const bool asked = row.results.empty() || row.results[i].kind != CaseResult::Kind::kOmitted;
    const std::string name = asked ? fmt::format("y{}", i) : "";
    node.outputs.push_back(name);
    made.outputs.push_back(name);
    if (asked) model.graph.outputs.push_back({name, {}, "", {}});
  }
  model.graph.nodes.push_back(std::move(node));
  return made;
}

}  // namespace

Result<std::vector<Value>> run_as_model(const Case& row, CaseInputs style, int threads) {
  const CaseModel made = TRY(make_model(row, style));
  auto bytes = std::make_shared<std::string>(TRY(write_model(made.model)));
  SessionOptions options;
  options.threads = threads;
  const auto* data = reinterpret_cast<const std::byte*>(bytes->data());
  const Session session = TRY(Session::load(std::span(data, bytes->size()), bytes, options));
  std::vector<std::string> asked;
  for (const std::string& name : made.outputs) {
    if (!name.empty()) asked.push_back(name);
  }
  std::vector<Value> given = TRY(session.run(made.inputs, asked));
  std::vector<Value> results;
  size_t next = 0;
  for (const std::string& name : made.outputs) {
    results.push_back(name.empty() ? Value() : std::move(given[next++]));
  }
  return results;
}

}  // namespace sardonyx
