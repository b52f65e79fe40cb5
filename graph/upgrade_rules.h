// The single changes of meaning that graph/upgrade.cc applies. Each brings a node from the form
// before the named version to that version's form.
#pragma once

#include "base/result.h"
#include "graph/graph.h"

namespace sardonyx {

using UpgradeRule = Result<void> (*)(Graph& graph, NodeId node);

Result<void> axes_to_input(Graph& graph, NodeId node);        // attribute axes → input 1
Result<void> clip_bounds_to_inputs(Graph& graph, NodeId node);  // min, max → inputs (Clip-11)
Result<void> drop_old_statistics(Graph& graph, NodeId node);  // BatchNormalization-14
Result<void> drop_spatial(Graph& graph, NodeId node);         // BatchNormalization-9
Result<void> dropout_to_inputs(Graph& graph, NodeId node);    // Dropout-12
Result<void> flat_softmax(Graph& graph, NodeId node);         // Softmax-13 and its kin
Result<void> k_to_input(Graph& graph, NodeId node);           // TopK-10
Result<void> pads_to_input(Graph& graph, NodeId node);        // Pad-11
Result<void> resize_10(Graph& graph, NodeId node);            // Resize-11: from scales alone
Result<void> resize_11(Graph& graph, NodeId node);            // Resize-13: empty inputs are omitted
Result<void> slice_to_inputs(Graph& graph, NodeId node);      // Slice-10
Result<void> split_to_input(Graph& graph, NodeId node);       // Split-13
Result<void> upsample_scales_to_input(Graph& graph, NodeId node);  // Upsample-9
Result<void> upsample_to_resize(Graph& graph, NodeId node);   // Upsample → Resize

}  // namespace sardonyx
