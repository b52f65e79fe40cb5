// Attention in f32. Many queries: keys and values of a head are packed once, and blocks of rows go
// through product, softmax and product while their scores stay in the second cache. Few queries:
// keys and values are read where they lie. f16 and bf16 are widened first.
#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu/attention.h"
#include "cpu/gemm.h"
#include "cpu/softmax.h"
#include "ops/attention_parts.h"
#include "ops/elementwise.h"

namespace sardonyx {
namespace {

constexpr int64_t kFewRows = 7;
constexpr int64_t kAlign = 16;  // floats: a cache line
constexpr float kNever = -std::numeric_limits<float>::infinity();

int64_t round_up(int64_t count) { return (count + kAlign - 1) / kAlign * kAlign; }

class FastAttention final : public AttentionCore {
 public:
  FastAttention(const AttentionShape& shape, Tier tier, int threads)
      : shape_(shape),
        kernels_(gemm_kernels<float>(tier)),
        softmax_(softmax_kernels(tier)),
        rows_(attention_kernels(tier)) {
    packs_ = shape.rows > kFewRows;
    heads_per_task_ = packs_ ? shape.heads / shape.kv_heads : 1;
    tasks_ = shape.batch * shape.heads / heads_per_task_;
    // One more column for a sink.
    width_ = round_up(shape.columns + 1);
    constexpr int64_t kScoresInCache = 64 * 1024;  // floats
    block_ = packs_ ? std::clamp<int64_t>(kScoresInCache / width_ / 12 * 12, 12, kBlockRows) : 1;
    // Where heads are too few for the threads, blocks of rows are shared as well, and each part
    // packs the keys for itself.
    if (packs_ && tasks_ % threads != 0 && tasks_ < 4 * threads) {
      parts_ = std::min<int64_t>(blocks(), threads);
      tasks_ *= parts_;
    }
    slots_ = std::min<int64_t>(tasks_, threads);
    if (packs_) {
      packed_keys_ = round_up(packed_b_count(kernels_, shape.size, shape.columns));
      packed_values_ = round_up(packed_b_count(kernels_, shape.columns, shape.value_size));
    }
    slot_floats_ = packed_keys_ + packed_values_ + (block_ + 1) * width_;
  }

  size_t workspace_bytes() const override {
    return static_cast<size_t>(slots_ * slot_floats_) * sizeof(float);
  }

  void run(const AttentionOperands& operands, void* workspace, ThreadPool& pool) const override {
    pool.parallel_for(slots_, [&](int64_t slot) {
      float* memory = static_cast<float*>(workspace) + slot * slot_floats_;
      const Scratch scratch = {memory, memory + packed_keys_,
                               memory + packed_keys_ + packed_values_,
                               memory + packed_keys_ + packed_values_ + block_ * width_};
      const int64_t last = tasks_ * (slot + 1) / slots_;
      for (int64_t task = tasks_ * slot / slots_; task < last; ++task) {
        run_task(operands, task, scratch);
      }
    });
  }

 private:
  struct Scratch {
    float* keys;
    float* values;
    float* scores;
    float* mask;
  };
  // One head of one item.
  struct Head {
    int64_t item, head;
    const float* q;
    const float* k;
    const float* v;
    float* y;
  };

  Head head_of(const AttentionOperands& operands, int64_t item, int64_t head) const {
    const int64_t kv_head = head / (shape_.heads / shape_.kv_heads);
    return {item,
            head,
            static_cast<const float*>(operands.q) + shape_.q.at(item, head, 0),
            static_cast<const float*>(operands.k) + shape_.k.at(item, kv_head, 0),
            static_cast<const float*>(operands.v) + shape_.v.at(item, kv_head, 0),
            static_cast<float*>(operands.y) + shape_.y.at(item, head, 0)};
  }

  void run_task(const AttentionOperands& operands, int64_t task, const Scratch& scratch) const {
    const int64_t heads = shape_.heads / heads_per_task_;
    const int64_t part = task % parts_;
    const int64_t item = task / parts_ / heads, first = task / parts_ % heads * heads_per_task_;
    const int64_t begin = blocks() * part / parts_ * block_;
    const int64_t end = std::min(blocks() * (part + 1) / parts_ * block_, shape_.rows);
    int64_t columns = 0;
    for (int64_t head = first; head < first + heads_per_task_; ++head) {
      const Head one = head_of(operands, item, head);
      if (packs_ && head == first) columns = pack(operands, one, scratch);
      if (columns == 0) {
        run_rows(operands, one, begin, end, scratch);
        continue;
      }
      for (int64_t row = begin; row < end; row += block_) {
        run_block(operands, one, row, std::min(row + block_, end), columns, scratch);
      }
    }
  }

  int64_t blocks() const { return (shape_.rows + block_ - 1) / block_; }

  // Packs the columns that some row sees; returns how many.
  int64_t pack(const AttentionOperands& operands, const Head& head, const Scratch& scratch) const {
    const int64_t columns = seen_columns(shape_, operands, head.item, shape_.rows - 1).end;
    pack_b(kernels_, head.k, shape_.k.row, true, shape_.size, columns, scratch.keys, alone_);
    pack_b(kernels_, head.v, shape_.v.row, false, columns, shape_.value_size, scratch.values,
           alone_);
    return columns;
  }

  void run_block(const AttentionOperands& operands, const Head& head, int64_t row, int64_t row_end,
                 int64_t columns, const Scratch& scratch) const {
    const SeenColumns last = seen_columns(shape_, operands, head.item, row_end - 1);
    const DenseRows<float> queries = {head.q + row * shape_.q.row, shape_.q.row};
    multiply(queries, row_end - row, shape_.size, columns, scratch.keys, scratch.scores, width_,
             last.end);
    for (int64_t r = row; r < row_end;) {
      float* scores = scratch.scores + (r - row) * width_;
      const SeenColumns seen = seen_columns(shape_, operands, head.item, r);
      int64_t end = r + 1;
      if (takes_several_rows(operands)) {
        while (end < row_end && seen_columns(shape_, operands, head.item, end) == seen) ++end;
      }
      soften(operands, head, r, end - r, seen, scores, scratch.mask);
      for (; r < end; ++r, scores += width_) {
        std::fill(scores, scores + seen.begin, 0.0f);
        std::fill(scores + seen.end, scores + columns, 0.0f);
      }
    }
    const DenseRows<float> weights = {scratch.scores, width_};
    multiply(weights, row_end - row, columns, shape_.value_size, scratch.values,
             head.y + row * shape_.y.row, shape_.y.row, shape_.value_size);
  }

  // dst = a * packed, with n columns, of which those up to `until` are wanted.
  void multiply(const DenseRows<float>& a, int64_t rows, int64_t depth, int64_t n,
                const float* packed, float* dst, int64_t ldc, int64_t until) const {
    BlockArgs<float> block;
    block.n = n;
    block.depth = depth;
    block.fill_rows = fill_dense_rows<float>;
    block.source = &a;
    block.split = pays_to_split(kernels_, shape_.rows, n, depth);
    block.packed_b = packed;
    block.c = dst;
    block.ldc = ldc;
    const int64_t panels = (until + kernels_.panel_cols - 1) / kernels_.panel_cols;
    gemm_blocks(kernels_, block, 0, rows, 0, panels);
  }

  void run_rows(const AttentionOperands& operands, const Head& head, int64_t row, int64_t row_end,
                const Scratch& scratch) const {
    for (int64_t r = row; r < row_end; ++r) {
      const SeenColumns seen = seen_columns(shape_, operands, head.item, r);
      const int64_t count = seen.end - seen.begin;
      rows_.dot_rows(head.q + r * shape_.q.row, head.k + seen.begin * shape_.k.row, shape_.k.row,
                     count, shape_.size, scratch.scores + seen.begin);
      soften(operands, head, r, 1, seen, scratch.scores, scratch.mask);
      rows_.sum_rows(scratch.scores + seen.begin, head.v + seen.begin * shape_.v.row, shape_.v.row,
                     count, shape_.value_size, head.y + r * shape_.y.row);
      if (count == 0) std::fill_n(head.y + r * shape_.y.row, shape_.value_size, 0.0f);
    }
  }

  // Whether rows that see the same columns may be softened at once.
  bool takes_several_rows(const AttentionOperands& operands) const {
    const bool one_mask = operands.mask.data == nullptr || shape_.mask_strides[2] == 0;
    return one_mask && shape_.softcap <= 0 && !shape_.has_sink;
  }

  // Numbers that are added to scores [seen.begin, seen.end), or null; `memory` has width_ floats.
  const float* mask_row(const AttentionOperands& operands, const Head& head, int64_t row,
                        const SeenColumns& seen, float* memory) const {
    const TensorView& mask = operands.mask;
    if (mask.data == nullptr) return nullptr;
    const int64_t* strides = shape_.mask_strides;
    const int64_t first = head.item * strides[0] + head.head * strides[1] + row * strides[2];
    const bool is_whole = seen.end <= shape_.mask_columns && strides[3] == 1;
    if (mask.dtype == DType::kFloat32 && is_whole && !shape_.has_sink) {
      return mask.as<float>() + first + seen.begin;
    }
    for (int64_t j = seen.begin; j < seen.end; ++j) {
      const bool beyond = j >= shape_.mask_columns && strides[3] != 0;
      memory[j] = beyond ? kNever : static_cast<float>(mask_number(mask, first + j * strides[3]));
    }
    memory[seen.end] = 0;  // the sink's
    return memory + seen.begin;
  }

  // The softmax of the scores that are seen, in place: of `count` rows, width_ apart, which is one
  // unless takes_several_rows().
  void soften(const AttentionOperands& operands, const Head& head, int64_t row, int64_t count,
              const SeenColumns& seen, float* scores, float* mask_memory) const {
    SoftmaxRows rows;
    rows.src = rows.dst = scores + seen.begin;
    rows.src_ld = rows.dst_ld = width_;
    rows.cols = seen.end - seen.begin;
    rows.scale = static_cast<float>(shape_.scale);
    if (shape_.softcap > 0) {
      const auto cap = static_cast<float>(shape_.softcap);
      const float scale = rows.scale / cap;
      for (int64_t j = 0; j < rows.cols; ++j) rows.dst[j] = cap * std::tanh(rows.src[j] * scale);
      rows.scale = 1;
    }
    rows.mask = mask_row(operands, head, row, seen, mask_memory);
    if (shape_.has_sink) {
      const auto* sinks = static_cast<const float*>(operands.sinks);
      const float sink = sinks == nullptr ? 0 : sinks[head.head];
      rows.dst[rows.cols] = sink / rows.scale;
      ++rows.cols;
    }
    if (rows.cols == 0) return;
    softmax_.softmax(rows, 0, count);
    if (rows.mask == nullptr) return;
    // A row whose keys are all masked has weights of 0, not 0 / 0.
    for (int64_t r = 0; r < count; ++r) {
      float* weights = rows.dst + r * rows.dst_ld;
      if (!std::isnan(weights[0])) continue;
      const bool sees_any =
          std::any_of(rows.mask, rows.mask + rows.cols, [](float mask) { return mask != kNever; });
      if (!sees_any) std::fill_n(weights, rows.cols, 0.0f);
    }
  }

  AttentionShape shape_;
  const GemmKernels<float>& kernels_;
  const SoftmaxKernels& softmax_;
  const AttentionKernels& rows_;
  bool packs_ = false;
  mutable ThreadPool alone_{1};  // which keeps nothing: tasks may use it at once
  int64_t heads_per_task_ = 1, parts_ = 1, tasks_ = 0, slots_ = 0;
  int64_t width_ = 0, block_ = 0;
  int64_t packed_keys_ = 0, packed_values_ = 0, slot_floats_ = 0;
};

// Narrow floats: operands are widened, heads outside, the result is narrowed.
class WidenedAttention final : public AttentionCore {
 public:
  WidenedAttention(const AttentionShape& shape, DType dtype, Tier tier, int threads)
      : shape_(shape),
        bytes_(dtype_bytes(dtype, 1)),
        widen_(find_conversion(tier, dtype, DType::kFloat32)),
        narrow_(find_conversion(tier, DType::kFloat32, dtype)) {
    wide_ = shape;
    wide_.q = HeadStrides::heads_outside(shape.heads, shape.rows, shape.size);
    wide_.k = HeadStrides::heads_outside(shape.kv_heads, shape.columns, shape.size);
    wide_.v = HeadStrides::heads_outside(shape.kv_heads, shape.columns, shape.value_size);
    wide_.y = HeadStrides::heads_outside(shape.heads, shape.rows, shape.value_size);
    core_ = std::make_unique<FastAttention>(wide_, tier, threads);
    queries_ = round_up(shape.batch * wide_.q.item);
    keys_ = round_up(shape.batch * wide_.k.item);
    values_ = round_up(shape.batch * wide_.v.item);
    results_ = round_up(shape.batch * wide_.y.item);
  }

  size_t workspace_bytes() const override {
    const int64_t floats = queries_ + keys_ + values_ + results_ + round_up(shape_.heads);
    return static_cast<size_t>(floats) * sizeof(float) + core_->workspace_bytes();
  }

  void run(const AttentionOperands& operands, void* workspace, ThreadPool& pool) const override {
    auto* q = static_cast<float*>(workspace);
    float* k = q + queries_;
    float* v = k + keys_;
    float* y = v + values_;
    float* sinks = y + results_;
    widen(operands, {operands.q, true, shape_.heads, shape_.rows, shape_.size, shape_.q}, wide_.q,
          q, pool);
    widen(operands, {operands.k, false, shape_.kv_heads, shape_.columns, shape_.size, shape_.k},
          wide_.k, k, pool);
    widen(operands,
          {operands.v, false, shape_.kv_heads, shape_.columns, shape_.value_size, shape_.v},
          wide_.v, v, pool);
    AttentionOperands wide = operands;
    wide.q = q;
    wide.k = k;
    wide.v = v;
    wide.y = y;
    if (operands.sinks != nullptr) {
      widen_(&operands.sinks, sinks, static_cast<size_t>(shape_.heads), nullptr);
      wide.sinks = sinks;
    }
    core_->run(wide, sinks + round_up(shape_.heads), pool);
    pool.parallel_for(shape_.batch * shape_.heads, [&](int64_t task) {
      const int64_t item = task / shape_.heads, head = task % shape_.heads;
      for (int64_t row = 0; row < shape_.rows; ++row) {
        const void* src = y + wide_.y.at(item, head, row);
        auto* dst = static_cast<char*>(operands.y) +
                    static_cast<size_t>(shape_.y.at(item, head, row)) * bytes_;
        narrow_(&src, dst, static_cast<size_t>(shape_.value_size), nullptr);
      }
    });
  }

 private:
  struct Narrow {
    const void* data;
    bool is_query;
    int64_t heads, rows, size;
    HeadStrides strides;
  };

  // Rows behind the length of an item are left out: they may be anything.
  void widen(const AttentionOperands& operands, const Narrow& narrow, const HeadStrides& strides,
             float* dst, ThreadPool& pool) const {
    pool.parallel_for(shape_.batch * narrow.heads, [&](int64_t task) {
      const int64_t item = task / narrow.heads, head = task % narrow.heads;
      int64_t rows = narrow.rows;
      if (!narrow.is_query) {
        rows = seen_columns(shape_, operands, item, shape_.rows - 1).end;
      }
      for (int64_t row = 0; row < rows; ++row) {
        const void* src = static_cast<const char*>(narrow.data) +
                          static_cast<size_t>(narrow.strides.at(item, head, row)) * bytes_;
        widen_(&src, dst + strides.at(item, head, row), static_cast<size_t>(narrow.size), nullptr);
      }
    });
  }

  AttentionShape shape_, wide_;
  size_t bytes_;
  TileFn widen_, narrow_;
  std::unique_ptr<FastAttention> core_;
  int64_t queries_ = 0, keys_ = 0, values_ = 0, results_ = 0;
};

}  // namespace

std::unique_ptr<AttentionCore> make_fast_attention(const AttentionShape& shape, DType dtype,
                                                   Tier tier, int threads) {
  if (dtype == DType::kFloat32) return std::make_unique<FastAttention>(shape, tier, threads);
  if (dtype != DType::kFloat16 && dtype != DType::kBfloat16) return nullptr;
  return std::make_unique<WidenedAttention>(shape, dtype, tier, threads);
}

}  // namespace sardonyx
