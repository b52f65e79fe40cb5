// TreeWalk: trees laid out for walking: nodes of 8 or 16 bytes, the children of a node side by
// side, and several walks at a time, so that none waits for memory alone. Sums are kept in 64 bits
// and run in the order of the trees, whatever the number of rows and threads.
// Entry points: cached_tree_walk, TreeWalk::score.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "base/thread_pool.h"
#include "ops/ml/trees.h"

namespace sardonyx {

class TreeWalk {
 public:
  virtual ~TreeWalk() = default;

  // Gets the aggregated votes of one row, which it may change; called for many rows at a time.
  using Finish = std::function<void(int64_t row, std::span<double> scores)>;
  // Every row of src, [rows, features].
  virtual void score(const TensorView& src, int64_t rows, int64_t features, TreeSum sum,
                     ThreadPool* pool, const Finish& finish) const = 0;

  int32_t features() const { return features_; }

 protected:
  int32_t features_ = 0;  // that are read at most
};

// For features of the dtype: float32 and float16 are compared in 32 bits, which comes to the same
// as 64, others in 64.
std::shared_ptr<const TreeWalk> make_tree_walk(const Trees& trees, DType dtype);

// The walk of what `read` makes of the node's attributes, for the type of its first input; kept
// with the tensor attribute `key`, if the node has it. An error when the trees read more features
// than there are.
Result<std::shared_ptr<const TreeWalk>> cached_tree_walk(const KernelRequest& request,
                                                         const std::string& key,
                                                         Result<Trees> (*read)(const AttrMap&));

}  // namespace sardonyx
