// softmax(softcap(scale * Q K') + mask) V for every head, from operands that lie anywhere in
// memory: what the Attention of ai.onnx and GroupQueryAttention share. Entry points:
// AttentionShape, make_attention.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/tensor.h"
#include "base/thread_pool.h"
#include "cpu/tier.h"

namespace sardonyx {

// Where the vector of an item, head and row lies, in elements; its numbers lie side by side.
struct HeadStrides {
  int64_t item = 0, head = 0, row = 0;
  int64_t at(int64_t i, int64_t h, int64_t r) const { return i * item + h * head + r * row; }

  // [items, heads, rows, size] and [items, rows, heads, size].
  static HeadStrides heads_outside(int64_t heads, int64_t rows, int64_t size) {
    return {heads * rows * size, rows * size, size};
  }
  static HeadStrides heads_inside(int64_t heads, int64_t rows, int64_t size) {
    return {heads * rows * size, size, heads * size};
  }
};

struct AttentionShape {
  int64_t batch = 0, heads = 0, kv_heads = 0;
  int64_t rows = 0, columns = 0;     // queries; keys, at most
  int64_t size = 0, value_size = 0;  // of a query and a key; of a value
  HeadStrides q, k, v, y;
  double scale = 1, softcap = 0;
  bool causal = false;  // row r sees columns up to past + r
  int64_t past = 0;
  bool past_from_lengths = false;  // the last row is the last column that counts: no `past`
  // Columns that row r sees before and behind past + r; -1: all of them.
  int64_t left_window = -1, right_window = -1;
  int64_t window = 0;     // with causal: the columns that a row sees at most; 0: all
  bool has_sink = false;  // one more number in the denominator of the softmax
  // Of the mask, for item, head, row and column; 0 where it broadcasts. Columns behind the last
  // one of the mask are not seen.
  int64_t mask_strides[4] = {};
  int64_t mask_columns = 0;
  bool unseen_is_zero = false;  // in `scores`, in place of -infinity
  int64_t scores_mode = 0;      // what `scores` gets: 0 products, 1 capped, 2 masked, 3 softmax
};

struct AttentionOperands {
  const void* q = nullptr;
  const void* k = nullptr;
  const void* v = nullptr;
  void* y = nullptr;
  TensorView mask;                   // added, or bool: what is seen; null: nothing
  const int64_t* lengths = nullptr;  // [batch] columns that count; null: all
  const int64_t* pasts = nullptr;    // [batch], in place of shape.past
  const void* sinks = nullptr;       // [heads], of the dtype of q; null: 0
  void* scores = nullptr;            // [batch, heads, rows, columns]; null: nobody asks
};

class AttentionCore {
 public:
  virtual ~AttentionCore() = default;
  virtual void run(const AttentionOperands& operands, void* workspace, ThreadPool& pool) const = 0;
  virtual size_t workspace_bytes() const = 0;
};

// In f64, of any float types. Null when they are none.
std::unique_ptr<AttentionCore> make_plain_attention(const AttentionShape& shape, DType q_and_k,
                                                    DType v);
// In f32 blocks, without `scores`; of f32, f16 or bf16 operands, all of one dtype. Null for others.
std::unique_ptr<AttentionCore> make_fast_attention(const AttentionShape& shape, DType dtype,
                                                   Tier tier, int threads);

// An error when the sizes of the shape multiply to more than memory can hold.
Result<void> check_sizes(const AttentionShape& shape);

// Strides of a mask that broadcasts to [batch, heads, rows, columns].
void set_mask(AttentionShape& shape, const Shape& mask);

}  // namespace sardonyx
