// See ops/oldest_version.h.
#include "ops/oldest_version.h"

#include <algorithm>

#include "graph/upgrade.h"
#include "ops/op.h"

namespace sardonyx {
namespace {

// Attributes that came later than their operator's form of today; what they do when they are absent
// is what the operator did before.
struct LaterAttr {
  std::string_view op_type;
  std::string_view attr;
  int64_t since;
};

constexpr int64_t kUnreleased = 28;  // the newest released set is 27

constexpr LaterAttr kLaterAttrs[] = {
    {"ArgMax", "select_last_index", 12},
    {"ArgMin", "select_last_index", 12},
    {"Attention", "left_window_size", kUnreleased},
    {"Attention", "right_window_size", kUnreleased},
    {"AveragePool", "ceil_mode", 10},
    {"AveragePool", "count_include_pad", 7},
    {"AveragePool", "dilations", 19},
    {"Cast", "round_mode", 24},
    {"Cast", "saturate", 19},
    {"CastLike", "round_mode", 24},
    {"CastLike", "saturate", 19},
    {"DepthToSpace", "mode", 11},
    {"DequantizeLinear", "axis", 13},
    {"DequantizeLinear", "block_size", 21},
    {"DequantizeLinear", "output_dtype", 23},
    {"GRU", "layout", 14},
    {"GatherND", "batch_dims", 12},
    {"LSTM", "layout", 14},
    {"LpPool", "ceil_mode", 18},
    {"LpPool", "dilations", 18},
    {"MaxPool", "ceil_mode", 10},
    {"MaxPool", "dilations", 10},
    {"MaxPool", "storage_order", 8},
    {"QuantizeLinear", "axis", 13},
    {"QuantizeLinear", "block_size", 21},
    {"QuantizeLinear", "output_dtype", 21},
    {"QuantizeLinear", "precision", 23},
    {"QuantizeLinear", "saturate", 19},
    {"RNN", "layout", 14},
    {"Range", "stash_type", 27},
    {"Reshape", "allowzero", 14},
    {"Resize", "antialias", 18},
    {"Resize", "axes", 18},
    {"Resize", "keep_aspect_ratio_policy", 18},
    {"ScatterElements", "reduction", 16},
    {"ScatterND", "reduction", 16},
    {"Shape", "end", 15},
    {"Shape", "start", 15},
    {"TopK", "largest", 11},
    {"TopK", "sorted", 11},
};

constexpr LaterAttr kLaterMlAttrs[] = {
    // of ai.onnx.ml
    {"TreeEnsembleClassifier", "nodes_values_as_tensor", 3},
    {"TreeEnsembleRegressor", "nodes_values_as_tensor", 3},
};

// The same of inputs.
struct LaterInput {
  std::string_view op_type;
  size_t input;
  int64_t since;
};
constexpr LaterInput kLaterInputs[] = {{"Attention", 6, 24}, {"Pad", 3, 18}};

int64_t attr_since(const Node& node, std::string_view attr) {
  const auto find = [&](std::span<const LaterAttr> list) -> int64_t {
    for (const LaterAttr& later : list) {
      if (later.op_type == node.op_type && later.attr == attr) return later.since;
    }
    return 0;
  };
  if (node.domain.empty()) return find(kLaterAttrs);
  return node.domain == "ai.onnx.ml" ? find(kLaterMlAttrs) : 0;
}

bool is_default(const OpDef& op, const std::string& name, const Attr& attr) {
  const auto formal = std::find_if(op.attrs.begin(), op.attrs.end(),
                                   [&](const FormalAttr& each) { return each.name == name; });
  if (formal == op.attrs.end() || !formal->default_value) return false;
  const auto same = [&]<class T>(const T* value) {
    const T* usual = std::get_if<T>(&*formal->default_value);
    return value != nullptr && usual != nullptr && *value == *usual;
  };
  return same(std::get_if<int64_t>(&attr)) || same(std::get_if<float>(&attr)) ||
         same(std::get_if<std::string>(&attr)) || same(std::get_if<std::vector<int64_t>>(&attr));
}

// Types that operators did not take from the first version of their form on. What is narrow came
// for all operators at the same time or later.
struct LaterTypes {
  int64_t since;
  DTypeSet types;
  std::string_view op_types;  // separated and enclosed by spaces; empty: all
};

constexpr DTypeSet kBfloat16 = dtype_set(DType::kBfloat16);
constexpr DTypeSet kSmallInts =
    dtype_set(DType::kInt8, DType::kInt16, DType::kUint8, DType::kUint16);

constexpr LaterTypes kLaterTypes[] = {
    {13, kBfloat16, ""},
    {19,
     dtype_set(DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ, DType::kFloat8E5M2,
               DType::kFloat8E5M2FNUZ),
     ""},
    {21, dtype_set(DType::kInt4, DType::kUint4), ""},
    {23, dtype_set(DType::kFloat4E2M1), ""},
    {24, dtype_set(DType::kFloat8E8M0), ""},
    {25, dtype_set(DType::kInt2, DType::kUint2), ""},
    {6, kIntTypes, " Abs Neg "},
    {9, kIntTypes, " Gemm MatMul PRelu Greater Less Flatten "},
    {11, kSmallInts | kFloatTypes, " Equal "},
    {11, kSmallInts | dtype_set(DType::kInt32, DType::kUint32, DType::kUint64), " TopK "},
    {12, kIntTypes, " Clip Max Min Pow "},
    {12, dtype_set(DType::kInt8, DType::kUint8), " MaxPool "},
    {13, kComplexTypes | dtype_set(DType::kBool, DType::kString), " Pad "},
    {14, kSmallInts, " Add Div Mul Sub "},
    {14, kSignedIntTypes, " Relu "},
    {14, dtype_set(DType::kFloat16, DType::kBfloat16), " CumSum "},
    {16, kBfloat16, " GreaterOrEqual If LeakyRelu LessOrEqual Loop PRelu Scan Where "},
    {19, dtype_set(DType::kFloat16, DType::kBfloat16), " QuantizeLinear DequantizeLinear "},
    {19, dtype_set(DType::kString), " Equal "},
    {20, kBfloat16, " ConstantOfShape IsInf "},
    {20, dtype_set(DType::kFloat16), " IsInf "},
    {20, dtype_set(DType::kBool), " ReduceMax ReduceMin "},
    {21, dtype_set(DType::kInt16, DType::kUint16), " QuantizeLinear DequantizeLinear "},
    {21, kFloatTypes, " QLinearMatMul "},
    {22, kBfloat16,
     " Acos Acosh Asin Asinh Atan Atanh AveragePool Conv ConvTranspose Cos Cosh DeformConv Det Elu"
     " EyeLike GRU GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample HardSigmoid HardSwish"
     " InstanceNormalization LSTM LpNormalization LpPool MaxPool MaxRoiPool MaxUnpool Mish"
     " Multinomial NegativeLogLikelihoodLoss RNN RandomNormal RandomNormalLike RandomUniform"
     " RandomUniformLike RoiAlign Round Selu Sin Sinh Softplus Softsign Tan ThresholdedRelu "},
    {24, kBfloat16, " SplitToSequence TopK "},
    {27, dtype_set(DType::kFloat16, DType::kBfloat16), " Range "},
    {28, kFloatTypes & ~dtype_set(DType::kFloat32), " Celu "},
};

bool is_listed(std::string_view op_type, std::string_view op_types) {
  if (op_types.empty()) return true;
  const size_t place = op_types.find(op_type);
  // Names may be parts of others: the first one that is found need not be it.
  for (size_t at = place; at != std::string_view::npos; at = op_types.find(op_type, at + 1)) {
    if (op_types[at - 1] == ' ' && op_types[at + op_type.size()] == ' ') return true;
  }
  return false;
}

int64_t types_since(std::string_view op_type, DTypeSet types) {
  int64_t since = 1;
  for (const LaterTypes& later : kLaterTypes) {
    if ((later.types & types) != 0 && is_listed(op_type, later.op_types)) {
      since = std::max(since, later.since);
    }
  }
  return since;
}

}  // namespace

int64_t oldest_version(const Graph& graph, const Node& node) {
  const OpDef* op = find_op(node);
  if (op == nullptr || op->versions.empty()) return 1;
  if (!node.domain.empty() && node.domain != "ai.onnx.ml") return op->versions.back();
  int64_t oldest = std::max<int64_t>(op->versions.front(), last_change(node.domain, node.op_type));
  for (const auto& [name, attr] : node.attrs) {
    const int64_t since = attr_since(node, name);
    if (since > oldest && !is_default(*op, name, attr)) oldest = since;
  }
  if (!node.domain.empty()) return oldest;
  for (const LaterInput& later : kLaterInputs) {
    const bool has = later.op_type == node.op_type && later.input < node.inputs.size() &&
                     node.inputs[later.input] != kNoValue;
    if (has) oldest = std::max(oldest, later.since);
  }
  DTypeSet types = 0;
  for (const auto* ids : {&node.inputs, &node.outputs}) {
    for (const ValueId id : *ids) {
      if (id != kNoValue) types |= dtype_set(graph.value(id).type.dtype);
    }
  }
  oldest = std::max(oldest, types_since(node.op_type, types));
  return oldest;
}

bool knows_attr(const Node& node, std::string_view attr, int64_t opset) {
  return attr_since(node, attr) <= opset;
}

int64_t newest_version(std::string_view domain) {
  int64_t newest = 0;
  for (const OpDef& op : all_ops()) {
    if (op.domain == domain && !op.versions.empty()) {
      newest = std::max<int64_t>(newest, op.versions.back());
    }
  }
  return newest;
}

}  // namespace sardonyx
