// The single changes of meaning that graph/upgrade.cc applies. Each brings a node from the form
// before the named version to that version's form. upgrade_rules.cc holds those that only move
// attributes and inputs, upgrade_meanings.cc those that need other operators to say the same,
// upgrade_legacy.cc operators that are gone.
#pragma once

#include "base/result.h"
#include "graph/graph.h"

namespace sardonyx {

using UpgradeRule = Result<void> (*)(Graph& graph, NodeId node);

// That an attribute which a rule turns into something else is of the kind that it was; absent is
// fine. (Attributes that stay are checked against the operator's declaration.)
template <class T>
Result<void> check_kind(const AttrMap& attrs, std::string_view name) {
  const Attr* attr = attrs.find(name);
  if (attr == nullptr || std::holds_alternative<T>(*attr)) return {};
  return fail(Code::kInvalidGraph, "attribute '{}' has the wrong kind of value", name);
}

Result<void> axes_to_input(Graph& graph, NodeId node);            // attribute axes → input 1
Result<void> cast_name_to_dtype(Graph& graph, NodeId node);       // Cast-6: to="FLOAT" → a number
Result<void> clip_bounds_to_inputs(Graph& graph, NodeId node);    // Clip-11: min, max → inputs
Result<void> clip_without_bounds(Graph& graph, NodeId node);      // Clip-6: bounds have defaults
Result<void> concat_default_axis(Graph& graph, NodeId node);      // Concat-4: axis was optional, 1
Result<void> dft_axis_to_input(Graph& graph, NodeId node);        // DFT-20
Result<void> drop_old_statistics(Graph& graph, NodeId node);      // BatchNormalization-14
Result<void> drop_broadcast(Graph& graph, NodeId node);           // Gemm-7: broadcasting is implied
Result<void> drop_output_sequence(Graph& graph, NodeId node);     // RNN-7, GRU-7, LSTM-7
Result<void> grid_sample_modes(Graph& graph, NodeId node);        // GridSample-20: linear, cubic
Result<void> k_to_input(Graph& graph, NodeId node);               // TopK-10
Result<void> label_encoder_to_mapper(Graph& graph, NodeId node);  // LabelEncoder-2 of ai.onnx.ml
Result<void> node_values_to_tensor(Graph& graph, NodeId node);    // TreeEnsembleClassifier-3
Result<void> pads_to_input(Graph& graph, NodeId node);            // Pad-11
Result<void> rename_scatter(Graph& graph, NodeId node);           // Scatter → ScatterElements
Result<void> reshape_to_input(Graph& graph, NodeId node);         // Reshape-5
Result<void> resize_10(Graph& graph, NodeId node);                // Resize-11: from scales alone
Result<void> resize_11(Graph& graph, NodeId node);        // Resize-13: empty inputs → omitted
Result<void> roi_align_mode(Graph& graph, NodeId node);   // RoiAlign-16: was half_pixel
Result<void> selu_defaults(Graph& graph, NodeId node);    // Selu-6: longer constants
Result<void> slice_to_inputs(Graph& graph, NodeId node);  // Slice-10
Result<void> split_count(Graph& graph, NodeId node);      // Split-18: says how many parts
Result<void> split_to_input(Graph& graph, NodeId node);   // Split-13
Result<void> upsample_scales_to_input(Graph& graph, NodeId node);  // Upsample-9
Result<void> upsample_to_resize(Graph& graph, NodeId node);        // Upsample → Resize

Result<void> batch_norm_per_element(Graph& graph, NodeId node);  // BatchNormalization-9: spatial
Result<void> broadcast_at_axis(Graph& graph, NodeId node);       // Add-7 and its kin
Result<void> dropout_trains_unless_told(Graph& graph, NodeId node);  // Dropout-7: no is_test
Result<void> one_hot_without_negatives(Graph& graph, NodeId node);   // OneHot-11
Result<void> real_lp_norm(Graph& graph, NodeId node);  // LpPool-2, GlobalLpPool-2: p is an integer
Result<void> dropout_to_inputs(Graph& graph, NodeId node);           // Dropout-12
Result<void> dropout_mask_of_input_type(Graph& graph, NodeId node);  // Dropout-10: mask is bool
Result<void> flat_softmax(Graph& graph, NodeId node);                // Softmax-13 and its kin
Result<void> group_norm_per_group(Graph& graph, NodeId node);        // GroupNormalization-21
Result<void> prelu_per_channel(Graph& graph, NodeId node);           // PRelu-7
Result<void> scan_over_batch(Graph& graph, NodeId node);             // Scan-9
Result<void> tile_along_axis(Graph& graph, NodeId node);             // Tile-6

Result<void> affine_to_mul(Graph& graph, NodeId node);
Result<void> crop_to_slice(Graph& graph, NodeId node);
Result<void> image_scaler_to_mul(Graph& graph, NodeId node);
Result<void> mean_variance_axes(Graph& graph, NodeId node);  // MeanVarianceNormalization-9
Result<void> parametric_softplus(Graph& graph, NodeId node);
Result<void> rename_dynamic_slice(Graph& graph, NodeId node);
Result<void> scale_to_mul(Graph& graph, NodeId node);
Result<void> scaled_tanh_to_tanh(Graph& graph, NodeId node);

}  // namespace sardonyx
