// The table of upgrade rules by operator; see graph/upgrade.h.
#include "graph/upgrade.h"

#include <algorithm>
#include <span>

#include "graph/upgrade_rules.h"

namespace sardonyx {
namespace {

// Applies to nodes of opsets before `until` (the version that gave the operator its next meaning).
// Rules of one operator are listed oldest first, and each brings the node to the next one's form.
constexpr int64_t kAlways = INT64_MAX;  // the operator is deprecated for good

struct Rule {
  std::string_view op_type;
  int64_t until;
  UpgradeRule apply;
  bool first_is_optional = false;  // input 0 may be left out
};

constexpr Rule kRules[] = {
    {"Add", 7, broadcast_at_axis},
    {"Affine", kAlways, affine_to_mul},
    {"And", 7, broadcast_at_axis},
    {"BatchNormalization", 9, batch_norm_per_element},
    {"BatchNormalization", 14, drop_old_statistics},
    {"Cast", 6, cast_name_to_dtype},
    {"Clip", 6, clip_without_bounds},
    {"Clip", 11, clip_bounds_to_inputs},
    {"Concat", 4, concat_default_axis},
    {"Crop", kAlways, crop_to_slice},
    {"DFT", 20, dft_axis_to_input},
    {"Div", 7, broadcast_at_axis},
    {"Dropout", 7, dropout_trains_unless_told},
    {"Dropout", 10, dropout_mask_of_input_type},
    {"Dropout", 12, dropout_to_inputs},
    {"DynamicSlice", kAlways, rename_dynamic_slice},
    {"Equal", 7, broadcast_at_axis},
    {"GRU", 7, drop_output_sequence},
    {"Gemm", 7, drop_broadcast},
    {"GlobalLpPool", 2, real_lp_norm},
    {"Greater", 7, broadcast_at_axis},
    {"GridSample", 20, grid_sample_modes},
    {"GroupNormalization", 21, group_norm_per_group},
    {"Hardmax", 13, flat_softmax},
    {"ImageScaler", kAlways, image_scaler_to_mul},
    {"LSTM", 7, drop_output_sequence},
    {"Less", 7, broadcast_at_axis},
    {"LogSoftmax", 13, flat_softmax},
    {"LpPool", 2, real_lp_norm},
    {"MeanVarianceNormalization", 9, mean_variance_axes},
    {"Mul", 7, broadcast_at_axis},
    {"OneHot", 11, one_hot_without_negatives},
    {"Or", 7, broadcast_at_axis},
    {"PRelu", 7, prelu_per_channel},
    {"Pad", 11, pads_to_input},
    {"ParametricSoftplus", kAlways, parametric_softplus},
    {"Pow", 7, broadcast_at_axis},
    {"RNN", 7, drop_output_sequence},
    {"ReduceL1", 18, axes_to_input},
    {"ReduceL2", 18, axes_to_input},
    {"ReduceLogSum", 18, axes_to_input},
    {"ReduceLogSumExp", 18, axes_to_input},
    {"ReduceMax", 18, axes_to_input},
    {"ReduceMean", 18, axes_to_input},
    {"ReduceMin", 18, axes_to_input},
    {"ReduceProd", 18, axes_to_input},
    {"ReduceSum", 13, axes_to_input},
    {"ReduceSumSquare", 18, axes_to_input},
    {"Reshape", 5, reshape_to_input},
    {"Resize", 11, resize_10},
    {"Resize", 13, resize_11},
    {"RoiAlign", 16, roi_align_mode},
    {"Scale", kAlways, scale_to_mul},
    {"ScaledTanh", kAlways, scaled_tanh_to_tanh},
    {"Scan", 9, scan_over_batch, true},
    {"Scatter", kAlways, rename_scatter},
    {"Selu", 6, selu_defaults},
    {"Slice", 10, slice_to_inputs},
    {"Softmax", 13, flat_softmax},
    {"Split", 13, split_to_input},
    {"Split", 18, split_count},
    {"Squeeze", 13, axes_to_input},
    {"Sub", 7, broadcast_at_axis},
    {"Tile", 6, tile_along_axis},
    {"TopK", 10, k_to_input},
    {"Unsqueeze", 13, axes_to_input},
    {"Upsample", 9, upsample_scales_to_input},
    {"Upsample", kAlways, upsample_to_resize},
    {"Xor", 7, broadcast_at_axis},
};

constexpr Rule kMlRules[] = {
    // of ai.onnx.ml
    {"LabelEncoder", 2, label_encoder_to_mapper},
    {"TreeEnsembleClassifier", kAlways, node_values_to_tensor},
    {"TreeEnsembleRegressor", kAlways, node_values_to_tensor},
};

// What every rule relies on; the operator's declaration is asked about the rest.
Result<void> has_ends(const Node& node, const Rule& rule) {
  if (node.inputs.empty() || (node.inputs[0] == kNoValue && !rule.first_is_optional)) {
    return fail(Code::kInvalidGraph, "input 0 is missing");
  }
  if (node.outputs.empty()) return fail(Code::kInvalidGraph, "has no outputs");
  return {};
}

std::span<const Rule> rules_of(std::string_view domain) {
  if (domain.empty()) return kRules;
  if (domain == "ai.onnx.ml") return kMlRules;
  return {};
}

}  // namespace

int64_t last_change(std::string_view domain, std::string_view op_type) {
  int64_t version = 0;
  for (const Rule& rule : rules_of(domain)) {
    if (rule.op_type == op_type && rule.until != kAlways) version = std::max(version, rule.until);
  }
  return version;
}

Result<void> upgrade_node(Graph& graph, NodeId node, int64_t opset_version) {
  const std::span<const Rule> rules = rules_of(graph.node(node).domain);
  if (graph.node(node).domain.empty() && opset_version < 6) {
    graph.node(node).attrs.erase("consumed_inputs");  // a hint of those days
  }
  for (const Rule& rule : rules) {
    if (opset_version >= rule.until || graph.node(node).op_type != rule.op_type) continue;
    TRY(has_ends(graph.node(node), rule));
    TRY(rule.apply(graph, node));
    if (graph.node(node).removed) return {};
  }
  return {};
}

}  // namespace sardonyx
