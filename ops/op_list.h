// The list of all operators, sorted by domain, then name: one line each, X(domain, name, maker).
// A maker `OpDef maker()` is defined in the operator's file. ops/registry.cc expands the list.
#define SARDONYX_OP_LIST(X) \
  X("", Identity, op_Identity)
