#include "passes/quantized.h"

#include <cstring>

#include "base/rebuilt.h"
#include "passes/match.h"

namespace sardonyx {
namespace {

bool is_bytes(DType dtype) { return dtype == DType::kInt8 || dtype == DType::kUint8; }

// Reads inputs 1 and 2 of a QuantizeLinear or DequantizeLinear; nullopt where they are not
// constants of the usual types.
std::optional<Quantization> read_quantization(const Graph& graph, const Node& node, DType dtype) {
  const Tensor* scale = graph.constant_input(node, 1);
  if (scale == nullptr || scale->dtype() != DType::kFloat32) return std::nullopt;
  if (node.attrs.get_int("block_size") != 0 || scale->count() == 0) return std::nullopt;
  Quantization how;
  how.dtype = dtype;
  how.scale = node.inputs[1];
  if (node.inputs.size() < 3 || node.inputs[2] == kNoValue) return how;
  const Tensor* zero = graph.constant_input(node, 2);
  if (zero == nullptr || zero->count() != scale->count()) return std::nullopt;
  how.zero = node.inputs[2];
  return how;
}

bool is_equal_constant(const Graph& graph, ValueId a, ValueId b) {
  if (a == b) return true;
  if (a == kNoValue || b == kNoValue) return false;
  const Tensor &x = graph.value(a).constant, &y = graph.value(b).constant;
  const Reading reading_x(x), reading_y(y);
  return x.dtype() == y.dtype() && x.count() == y.count() &&
         std::memcmp(x.data(), y.data(), x.bytes()) == 0;
}

bool all_zero(const Graph& graph, ValueId value) {
  if (value == kNoValue) return true;
  const Tensor& zero = graph.value(value).constant;
  const auto* bytes = zero.as<const unsigned char>();
  for (size_t i = 0; i < zero.bytes(); ++i) {
    if (bytes[i] != 0) return false;
  }
  return true;
}

}  // namespace

std::optional<Dequantized> find_dequantized(const Graph& graph, ValueId value) {
  if (value == kNoValue) return std::nullopt;
  const Node* node = find_producer(graph, value, "DequantizeLinear");
  if (node == nullptr || graph.value(value).type.dtype != DType::kFloat32) return std::nullopt;
  const DType dtype = graph.value(node->inputs[0]).type.dtype;
  if (!is_bytes(dtype) && dtype != DType::kInt32) return std::nullopt;
  const auto how = read_quantization(graph, *node, dtype);
  if (!how) return std::nullopt;
  return Dequantized{node->inputs[0], *how, node->attrs.get_int("axis", 1)};
}

std::optional<Requantized> find_requantized(const Graph& graph, ValueId value) {
  const auto& users = graph.value(value).users;
  if (users.size() != 1 || graph.use_count(value) != 1) return std::nullopt;
  const Node& node = graph.node(users[0]);
  if (!node.domain.empty() || node.op_type != "QuantizeLinear" || node.inputs[0] != value) {
    return std::nullopt;
  }
  const DType dtype = graph.value(node.outputs[0]).type.dtype;
  if (!is_bytes(dtype) || graph.value(value).type.dtype != DType::kFloat32) return std::nullopt;
  const auto how = read_quantization(graph, node, dtype);
  if (!how || !has_one_scale(graph, *how)) return std::nullopt;
  return Requantized{users[0], *how};
}

bool is_same_quantization(const Graph& graph, const Quantization& a, const Quantization& b) {
  if (a.dtype != b.dtype || !is_equal_constant(graph, a.scale, b.scale)) return false;
  if (all_zero(graph, a.zero) && all_zero(graph, b.zero)) return true;
  return is_equal_constant(graph, a.zero, b.zero);
}

std::vector<float> scales_of(const Graph& graph, const Quantization& how) {
  const Reading reading(graph.value(how.scale).constant);
  const auto scales = graph.value(how.scale).constant.elements<const float>();
  return {scales.begin(), scales.end()};
}

int64_t zero_of(const Graph& graph, const Quantization& how) {
  if (how.zero == kNoValue) return 0;
  const Tensor& zero = graph.value(how.zero).constant;
  switch (zero.dtype()) {
    case DType::kInt8:
      return *zero.as<int8_t>();
    case DType::kUint8:
      return *zero.as<uint8_t>();
    case DType::kInt16:
      return *zero.as<int16_t>();
    case DType::kUint16:
      return *zero.as<uint16_t>();
    default:
      return *zero.as<int32_t>();
  }
}

bool has_one_scale(const Graph& graph, const Quantization& how) {
  return graph.value(how.scale).constant.count() == 1;
}

int64_t lowest_stored(DType dtype) {
  switch (dtype) {
    case DType::kInt8:
      return -128;
    case DType::kInt16:
      return -32768;
    default:
      return 0;
  }
}

}  // namespace sardonyx
