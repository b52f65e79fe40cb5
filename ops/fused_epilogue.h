// FusedEpilogue: what a fused Conv or MatMul does to its results, read from the node's `epilogue`
// body and mapped to the epilogue of the matrix kernels. Body input 0 is the result (bias already
// added); its other inputs are the node's operands after the formal ones. One activation and one
// addition are the kernels' own; any other body runs as an elementwise program over finished
// blocks. Entry points: FusedEpilogue::read, FusedEpilogue::bind.
#pragma once

#include <vector>

#include "cpu/epilogue.h"
#include "ops/elementwise.h"

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

  // What a program needs while a run is under way.
  static constexpr size_t kMaxOperands = 8;
  struct Binding {
    const ElementwiseProgram* program = nullptr;
    std::array<BlockOperand, kMaxOperands> operands;
    size_t count = 0;
    size_t element_bytes = 0;
  };

  // Fills in what happens in one run, which `binding` outlives.
  template <class T>
  void bind(const RunArgs& args, int64_t columns, Epilogue<T>& epilogue, Binding& binding) const {
    if (program_ != nullptr) {
      bind_program(args, columns, sizeof(T), binding);
      epilogue.fn = [](void* context, T* c, int64_t ldc, int64_t rows, int64_t cols, int64_t row0,
                       int64_t col0) {
        run_program(*static_cast<const Binding*>(context), c, ldc, rows, cols, row0, col0);
      };
      epilogue.context = &binding;
      return;
    }
    epilogue.activation = activation_;
    epilogue.p0 = static_cast<T>(p0_);
    epilogue.p1 = static_cast<T>(p1_);
    if (residual_input_ == 0) return;
    epilogue.residual = args.inputs[residual_input_].as<T>();
    epilogue.residual_ld = residual_stride(columns);
    epilogue.residual_after = residual_after_;
  }

  // Whether the input is what a kernel adds itself, element by element.
  bool is_residual(size_t input) const {
    return program_ == nullptr && residual_input_ != 0 && input == residual_input_;
  }
  int64_t residual_stride(int64_t columns) const {
    return residual_stride_ != 0 ? residual_stride_ : columns;
  }

  // Kernel::takes_stride and set_input_stride, for operands of the epilogue.
  bool takes_stride(size_t input) const { return is_residual(input); }
  void set_stride(int64_t stride) { residual_stride_ = stride; }

  // "Add, Clip": for people; empty when there is nothing to do.
  const std::string& to_string() const { return text_; }

 private:
  friend class EpilogueReader;
  Result<void> read_program(const KernelRequest& request, const Graph& body, size_t first_operand);
  void bind_program(const RunArgs& args, int64_t columns, size_t element_bytes,
                    Binding& binding) const;
  static void run_program(const Binding& binding, void* c, int64_t ldc, int64_t rows, int64_t cols,
                          int64_t row0, int64_t col0);

  Activation activation_ = Activation::kNone;
  double p0_ = 0;
  double p1_ = 0;
  size_t residual_input_ = 0;  // 0: none
  bool residual_after_ = false;
  int64_t residual_stride_ = 0;  // 0: as many as columns
  std::string text_;
  std::shared_ptr<const ElementwiseProgram> program_;  // null: the kernels' own
  std::vector<BlockOperand::Over> operands_;           // of the program, from first_operand_ on
  size_t first_operand_ = 0;
};

// Checks the operands of a fused node in its rule, which has set its output: each broadcasts to it,
// and the body takes them.
Result<void> check_epilogue(const InferContext& context, size_t first_operand);

// Whether the kernels can run this body, whose inputs all have the dtype of the result.
bool can_run_epilogue(const Graph& body, DType dtype, Tier tier);

}  // namespace sardonyx
