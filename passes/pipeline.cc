// The list of passes, in order, and the runner that names, times and disables them.
#include <algorithm>
#include <chrono>

#include "ops/infer.h"
#include "passes/pass.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

// clang-format off
constexpr Pass kPasses[] = {
    {"expand_flex_attention", 0, expand_flex_attention},
    {"expand_gradients", 0, expand_gradients},
    {"use_integer_kernels", 2, use_integer_kernels},
    {"fold_constants", 1, fold_constants},
    {"inline_branches", 1, inline_branches},
    {"remove_identities", 1, remove_identities},
    {"remove_dead_nodes", 1, remove_dead_nodes},
    {"merge_equal_nodes", 1, merge_equal_nodes},
    {"nest_concats", 1, nest_concats},
    {"split_gathers", 1, split_gathers},
    {"fold_pad", 1, fold_pad},
    {"fold_batch_norm", 1, fold_batch_norm},
    {"merge_conv_branches", 2, merge_conv_branches},
    {"split_gemm", 2, split_gemm},
    {"fuse_integer_scales", 2, fuse_integer_scales},
    {"fuse_gelu", 2, fuse_gelu},
    {"fuse_hard_swish", 2, fuse_hard_swish},
    {"fuse_layer_norm", 2, fuse_layer_norm},
    {"fuse_attention", 2, fuse_attention},
    {"widen_narrow_floats", 1, widen_narrow_floats},
    {"remove_dead_nodes", 1, remove_dead_nodes},
    {"scales_to_attributes", 2, scales_to_attributes},
    {"assign_channels_last", 3, assign_channels_last},
    {"fold_batch_norm", 1, fold_batch_norm},
    {"fuse_epilogue", 2, fuse_epilogue},
    {"fuse_elementwise", 2, fuse_elementwise},
    {"remove_dead_nodes", 1, remove_dead_nodes},
};
// clang-format on

size_t live_nodes(const Graph& graph) {
  return static_cast<size_t>(std::count_if(graph.nodes().begin(), graph.nodes().end(),
                                           [](const Node& node) { return !node.removed; }));
}

}  // namespace

std::span<const Pass> all_passes() { return kPasses; }

Result<bool> run_in_bodies(Graph& graph, NodeId id, const PassOptions& options,
                           Result<bool> (*pass)(Graph&, const PassOptions&)) {
  std::vector<std::shared_ptr<Graph>> bodies;
  for_each_subgraph(graph.node(id), [&](const Subgraph& sub) { bodies.push_back(sub.body); });
  bool changed = false;
  for (const auto& body : bodies) changed |= TRY(pass(*body, options));
  return changed;
}

Result<std::vector<PassRecord>> run_passes(Graph& graph, const PassOptions& options) {
  std::vector<PassRecord> records;
  for (const Pass& pass : kPasses) {
    const auto& off = options.disabled;
    if (options.level < pass.level) continue;
    if (std::find(off.begin(), off.end(), pass.name) != off.end()) continue;
    const auto start = std::chrono::steady_clock::now();
    const std::string place = "pass " + std::string(pass.name);
    const bool changed = TRY_AT(place, pass.run(graph, options));
    if (changed) TRY_AT("after " + place, infer_types(graph));
    const auto duration = std::chrono::steady_clock::now() - start;
    records.push_back({std::string(pass.name), changed, duration.count(), live_nodes(graph)});
  }
  return records;
}

}  // namespace sardonyx
