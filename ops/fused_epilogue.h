// FusedEpilogue: what a fused Conv or MatMul does to its results, read from the node's `epilogue`
// body and mapped to the epilogue of the matrix kernels. Body input 0 is the result (bias already
// added); its other inputs are the node's operands after the formal ones.
// Entry points: FusedEpilogue::read, FusedEpilogue::bind.
#pragma once

#include <vector>

#include "cpu/epilogue.h"
#include "ops/op.h"

namespace sardonyx {

class FusedEpilogue {
 public:
  // For a node whose operands start at input `first_operand` and whose output, seen as a matrix,
  // has the output's last axis as columns. Declines what the matrix kernels cannot do.
  static Result<FusedEpilogue> read(const KernelRequest& request, size_t first_operand);

  // Nothing but the addition of input `residual`, which has the shape of the result.
  static FusedEpilogue add(size_t residual) {
    FusedEpilogue epilogue;
    epilogue.residual_input_ = residual;
    epilogue.text_ = "Add";
    return epilogue;
  }

  // Fills in activation and residual for one run.
  template <class T>
  void bind(const RunArgs& args, int64_t columns, Epilogue<T>& epilogue) const {
    epilogue.activation = activation_;
    epilogue.p0 = static_cast<T>(p0_);
    epilogue.p1 = static_cast<T>(p1_);
    if (residual_input_ == 0) return;
    epilogue.residual = args.inputs[residual_input_].as<T>();
    epilogue.residual_ld = columns;
    epilogue.residual_after = residual_after_;
  }

  bool has_residual() const { return residual_input_ != 0; }
  // "Add, Clip": for people; empty when there is nothing to do.
  const std::string& to_string() const { return text_; }

 private:
  friend class EpilogueReader;
  Activation activation_ = Activation::kNone;
  double p0_ = 0;
  double p1_ = 0;
  size_t residual_input_ = 0;  // 0: none
  bool residual_after_ = false;
  std::string text_;
};

// Checks the operands of a fused node in its rule: each broadcasts to the output, whose dims are
// these.
Result<void> check_epilogue(const InferContext& context, size_t first_operand, const Dims& output);

// What a body is, seen from its result on: for the pass that makes bodies, so that it makes only
// those that the kernels know. `full_operands[i]` says that body input i + 1 has the output's dims.
bool is_known_epilogue(const Graph& body);

}  // namespace sardonyx
