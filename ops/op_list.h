// The list of all operators, sorted by domain, then name: one line each, X(domain, name, maker).
// A maker `OpDef maker()` is defined in the operator's file. ops/registry.cc expands the list.
#define SARDONYX_OP_LIST(X) \
  X("", AveragePool, op_AveragePool) \
  X("", Concat, op_Concat) \
  X("", Conv, op_Conv) \
  X("", ConvInteger, op_ConvInteger) \
  X("", ConvTranspose, op_ConvTranspose) \
  X("", Expand, op_Expand) \
  X("", Flatten, op_Flatten) \
  X("", GRU, op_GRU) \
  X("", Gather, op_Gather) \
  X("", GatherElements, op_GatherElements) \
  X("", GatherND, op_GatherND) \
  X("", Gemm, op_Gemm) \
  X("", GlobalAveragePool, op_GlobalAveragePool) \
  X("", GlobalLpPool, op_GlobalLpPool) \
  X("", GlobalMaxPool, op_GlobalMaxPool) \
  X("", Identity, op_Identity) \
  X("", LSTM, op_LSTM) \
  X("", LpPool, op_LpPool) \
  X("", MatMul, op_MatMul) \
  X("", MatMulInteger, op_MatMulInteger) \
  X("", MaxPool, op_MaxPool) \
  X("", QLinearConv, op_QLinearConv) \
  X("", QLinearMatMul, op_QLinearMatMul) \
  X("", RNN, op_RNN) \
  X("", Reshape, op_Reshape) \
  X("", Shape, op_Shape) \
  X("", Size, op_Size) \
  X("", Slice, op_Slice) \
  X("", Split, op_Split) \
  X("", Squeeze, op_Squeeze) \
  X("", Tile, op_Tile) \
  X("", Transpose, op_Transpose) \
  X("", Unsqueeze, op_Unsqueeze)
