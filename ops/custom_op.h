// CustomOperator: an operator that the program brings. A node that has one (Node::custom) is
// verified, inferred and planned like any other, through an OpDef whose rule and kernel ask it.
#pragma once

#include <memory>

#include "ops/op.h"

namespace sardonyx {

class CustomOperator {
 public:
  virtual ~CustomOperator() = default;

  // The declaration, from custom_op_def().
  virtual const OpDef& def() const = 0;
  virtual Result<void> infer(InferContext& context) const = 0;
  virtual Result<std::unique_ptr<Kernel>> make_kernel(const KernelRequest& request) const = 0;
};

// A declaration that takes any values and attributes, is never folded or merged, and whose rule and
// kernel are those of the node's CustomOperator.
OpDef custom_op_def(std::string domain, std::string name, int since_version);

}  // namespace sardonyx
