// The rewrites that passes/pipeline.cc lists; one file each, named after its function.
#pragma once

#include "passes/pass.h"

namespace sardonyx {

// FlexAttention → MatMul, the bodies that modify scores and probabilities, Softmax, MatMul.
Result<bool> expand_flex_attention(Graph& graph, const PassOptions& options);
// Gradient → the reverse of the nodes between its xs and its y.
Result<bool> expand_gradients(Graph& graph, const PassOptions& options);
// Nodes whose inputs are all constant → constants.
Result<bool> fold_constants(Graph& graph, const PassOptions& options);
// If with a constant condition → the nodes of the branch it takes.
Result<bool> inline_branches(Graph& graph, const PassOptions& options);
// Identity (and what amounts to it) → its input.
Result<bool> remove_identities(Graph& graph, const PassOptions& options);
// Nodes nobody reads → gone.
Result<bool> remove_dead_nodes(Graph& graph, const PassOptions& options);
// Nodes that compute the same from the same → one.
Result<bool> merge_equal_nodes(Graph& graph, const PassOptions& options);
// Concats that begin like another → Concats of its result and the rest.
Result<bool> nest_concats(Graph& graph, const PassOptions& options);
// Gathers of every position of the first axis → Split.
Result<bool> split_gathers(Graph& graph, const PassOptions& options);
// Gemm with a column as C → Gemm and Add.
Result<bool> split_gemm(Graph& graph, const PassOptions& options);

// Quantized Conv, MatMul and Gemm, spelled out in floats → products of integers.
Result<bool> use_integer_kernels(Graph& graph, const PassOptions& options);
// Integer products that are cast and scaled → one node.
Result<bool> fuse_integer_scales(Graph& graph, const PassOptions& options);
// QuantizeLinear and DequantizeLinear with constant scales → elementwise nodes.
Result<bool> scales_to_attributes(Graph& graph, const PassOptions& options);

// Pad with zeros → the padding of the Conv behind it.
Result<bool> fold_pad(Graph& graph, const PassOptions& options);
// BatchNormalization with constant statistics → the weights before it, or Mul and Add.
Result<bool> fold_batch_norm(Graph& graph, const PassOptions& options);
// Convolutions of the same tensor that are added → one.
Result<bool> merge_conv_branches(Graph& graph, const PassOptions& options);
// Products and convolutions in float16 and bfloat16 → in float32, rounded after each.
Result<bool> widen_narrow_floats(Graph& graph, const PassOptions& options);
// Convolutions and what follows them → channels-last.
Result<bool> assign_channels_last(Graph& graph, const PassOptions& options);
// Bias, activation and residual addition → the Conv, MatMul or Gemm before them.
Result<bool> fuse_epilogue(Graph& graph, const PassOptions& options);
// The erf form of Gelu, spelled out → Gelu.
Result<bool> fuse_gelu(Graph& graph, const PassOptions& options);
// HardSwish and HardSigmoid, spelled out with Clip → themselves.
Result<bool> fuse_hard_swish(Graph& graph, const PassOptions& options);
// Layer normalisation over the last axis, spelled out → LayerNormalization.
Result<bool> fuse_layer_norm(Graph& graph, const PassOptions& options);
// Attention of several heads, spelled out → Attention.
Result<bool> fuse_attention(Graph& graph, const PassOptions& options);
// Elementwise nodes that feed each other → sardonyx Elementwise.
Result<bool> fuse_elementwise(Graph& graph, const PassOptions& options);

}  // namespace sardonyx
