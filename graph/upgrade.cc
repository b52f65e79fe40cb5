// The table of upgrade rules by operator; see graph/upgrade.h.
#include "graph/upgrade.h"

#include <algorithm>

#include "graph/upgrade_rules.h"

namespace sardonyx {
namespace {

// Applies to nodes of opsets before `until` (the version that gave the operator its next meaning).
// Rules of one operator are listed oldest first, and each brings the node to the next one's form.
struct Rule {
  std::string_view op_type;
  int64_t until;
  UpgradeRule apply;
};

constexpr Rule kRules[] = {
    {"BatchNormalization", 9, drop_spatial},
    {"BatchNormalization", 14, drop_old_statistics},
    {"Clip", 11, clip_bounds_to_inputs},
    {"Dropout", 12, dropout_to_inputs},
    {"Pad", 11, pads_to_input},
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
    {"Resize", 11, resize_10},
    {"Resize", 13, resize_11},
    {"Slice", 10, slice_to_inputs},
    {"Softmax", 13, flat_softmax},
    {"LogSoftmax", 13, flat_softmax},
    {"Hardmax", 13, flat_softmax},
    {"Split", 13, split_to_input},
    {"Squeeze", 13, axes_to_input},
    {"TopK", 10, k_to_input},
    {"Unsqueeze", 13, axes_to_input},
    {"Upsample", 9, upsample_scales_to_input},
    {"Upsample", 1000, upsample_to_resize},
};

}  // namespace

Result<void> upgrade_node(Graph& graph, NodeId node, int64_t opset_version) {
  if (!graph.node(node).domain.empty()) return {};
  for (const Rule& rule : kRules) {
    if (opset_version >= rule.until || graph.node(node).op_type != rule.op_type) continue;
    TRY(rule.apply(graph, node));
    if (graph.node(node).removed) return {};
  }
  return {};
}

}  // namespace sardonyx
