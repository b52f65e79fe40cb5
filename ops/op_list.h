// The list of all operators, sorted by domain, then name: one line each, X(domain, name, maker).
// A maker `OpDef maker()` is defined in the operator's file. ops/registry.cc expands the list.
#define SARDONYX_OP_LIST(X) \
  X("", AveragePool, op_AveragePool) \
  X("", Conv, op_Conv) \
  X("", ConvTranspose, op_ConvTranspose) \
  X("", Gemm, op_Gemm) \
  X("", GlobalAveragePool, op_GlobalAveragePool) \
  X("", GlobalLpPool, op_GlobalLpPool) \
  X("", GlobalMaxPool, op_GlobalMaxPool) \
  X("", Identity, op_Identity) \
  X("", LpPool, op_LpPool) \
  X("", MatMul, op_MatMul) \
  X("", MaxPool, op_MaxPool)
