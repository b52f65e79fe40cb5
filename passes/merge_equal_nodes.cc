// Common subexpressions: a node that has the same operator, inputs and attributes as an earlier
// one gives way to it. Nodes with subgraphs and random operators stay.
#include <cstring>
#include <unordered_map>

#include "ops/op.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

template <class T>
void append(std::string& key, const T& element) {
  key.append(reinterpret_cast<const char*>(&element), sizeof(element));
}

// Small constants are equal by their bytes, all else by identity.
void append_value(const Graph& graph, ValueId id, std::string& key) {
  constexpr size_t kSmallBytes = 256;
  if (id != kNoValue && graph.value(id).is_constant()) {
    const Tensor& tensor = graph.value(id).constant;
    if (tensor.dtype() != DType::kString && tensor.bytes() <= kSmallBytes) {
      key += 'c';
      append(key, tensor.dtype());
      for (int64_t dim : tensor.shape()) append(key, dim);
      key.append(tensor.as<char>(), tensor.bytes());
      return;
    }
  }
  key += 'v';
  append(key, id);
}

// False when the attribute cannot be compared cheaply.
bool append_attr(const Attr& attr, std::string& key) {
  append(key, attr.index());
  if (const auto* i = std::get_if<int64_t>(&attr)) {
    append(key, *i);
  } else if (const auto* f = std::get_if<float>(&attr)) {
    append(key, *f);
  } else if (const auto* s = std::get_if<std::string>(&attr)) {
    append(key, s->size());
    key += *s;
  } else if (const auto* ints = std::get_if<std::vector<int64_t>>(&attr)) {
    append(key, ints->size());
    for (int64_t each : *ints) append(key, each);
  } else if (const auto* floats = std::get_if<std::vector<float>>(&attr)) {
    append(key, floats->size());
    for (float each : *floats) append(key, each);
  } else {
    return false;
  }
  return true;
}

bool make_key(const Graph& graph, const Node& node, std::string& key) {
  key = node.domain + '\0' + node.op_type + '\0';
  for (ValueId input : node.inputs) append_value(graph, input, key);
  for (const auto& [name, attr] : node.attrs) {
    key += name + '\0';
    if (!append_attr(attr, key)) return false;
  }
  return true;
}

}  // namespace

Result<bool> merge_equal_nodes(Graph& graph, const PassOptions& options) {
  bool changed = false;
  std::unordered_map<std::string, NodeId> seen;
  for (NodeId id : TRY(graph.order())) {
    changed |= TRY(run_in_bodies(graph, id, options, merge_equal_nodes));
    const Node& node = graph.node(id);
    const OpDef* op = find_op(node);
    std::string key;
    if (op == nullptr || op->is_random || !make_key(graph, node, key)) continue;
    const auto [first, is_new] = seen.emplace(std::move(key), id);
    if (is_new) continue;
    const std::vector<ValueId> kept = graph.node(first->second).outputs;
    const std::vector<ValueId> gone = node.outputs;
    bool all_there = true;
    for (size_t i = 0; i < gone.size(); ++i) {
      all_there &= gone[i] == kNoValue || (i < kept.size() && kept[i] != kNoValue);
    }
    if (!all_there) continue;
    graph.remove_node(id);
    for (size_t i = 0; i < gone.size(); ++i) {
      if (gone[i] != kNoValue) graph.replace_uses(gone[i], kept[i]);
    }
    changed = true;
  }
  return changed;
}

}  // namespace sardonyx
