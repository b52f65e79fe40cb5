// See ops/attention_core.h: the plain loops, and what both ways share.
#include "ops/attention_core.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/attention_parts.h"
#include "ops/number.h"

namespace sardonyx {

void set_mask(AttentionShape& shape, const Shape& mask) {
  shape.mask_columns = mask.back();
  int64_t stride = 1;
  for (size_t i = mask.rank(); i-- > 0;) {
    const bool broadcasts = mask[i] == 1 && (i + 1 != mask.rank() || shape.columns == 1);
    shape.mask_strides[4 - mask.rank() + i] = broadcasts ? 0 : stride;
    stride *= mask[i];
  }
}

Result<void> check_sizes(const AttentionShape& shape) {
  constexpr int64_t kMost = int64_t{1} << 44;
  const int64_t deepest = std::max(shape.size, shape.value_size);
  for (const Shape& sizes : {Shape{shape.batch, shape.heads, shape.rows, shape.columns},
                             Shape{shape.batch, shape.heads, shape.rows, deepest},
                             Shape{shape.batch, shape.kv_heads, shape.columns, deepest}}) {
    const auto count = sizes.checked_count();
    if (!count || *count > kMost) {
      return fail(Code::kInvalidArgument, "attention over {} numbers is too large",
                  sizes.to_string());
    }
  }
  return {};
}

SeenColumns seen_columns(const AttentionShape& shape, const AttentionOperands& operands,
                         int64_t item, int64_t row) {
  int64_t begin = 0, end = shape.columns;
  if (operands.lengths != nullptr) end = std::min(end, operands.lengths[item]);
  int64_t past = operands.pasts == nullptr ? shape.past : operands.pasts[item];
  if (shape.past_from_lengths && operands.lengths != nullptr) {
    past = operands.lengths[item] - shape.rows;
  }
  const int64_t own = past + row;
  if (shape.causal) {
    end = std::min(end, own + 1);
    if (shape.window > 0) begin = std::max<int64_t>(0, own + 1 - shape.window);
  }
  // Compared without adding, as windows may be as large as a number can be.
  if (shape.left_window >= 0 && own > shape.left_window) {
    begin = std::max(begin, own - shape.left_window);
  }
  if (shape.right_window >= 0 && shape.right_window < end - own) {
    end = own + shape.right_window + 1;
  }
  end = std::max<int64_t>(end, 0);
  return {std::min(begin, end), end};
}

double mask_number(const TensorView& mask, int64_t at) {
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  if (mask.dtype == DType::kBool) return mask.as<bool>()[at] ? 0 : kNever;
  double number = 0;
  visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
              uint32_t, int64_t, uint64_t>(mask.dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    number = static_cast<double>(widen(mask.as<T>()[at]));
  });
  return number;
}

namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

template <class TK, class TV>
class PlainAttention final : public AttentionCore {
 public:
  explicit PlainAttention(const AttentionShape& shape) : shape_(shape) {}

  size_t workspace_bytes() const override {
    const int64_t tasks = shape_.batch * shape_.heads * shape_.rows;
    return static_cast<size_t>(tasks * shape_.columns) * sizeof(double);
  }

  void run(const AttentionOperands& operands, void* workspace, ThreadPool& pool) const override {
    pool.parallel_for(shape_.batch * shape_.heads * shape_.rows, [&](int64_t task) {
      auto* scores = static_cast<double*>(workspace) + task * shape_.columns;
      run_row(operands, task, scores);
    });
  }

 private:
  struct Place {
    int64_t item, head, row;
  };

  double mask_at(const AttentionOperands& operands, const Place& at, int64_t column) const {
    const SeenColumns seen = seen_columns(shape_, operands, at.item, at.row);
    if (column < seen.begin || column >= seen.end) return kNever;
    if (operands.mask.data == nullptr) return 0;
    const int64_t* strides = shape_.mask_strides;
    if (column >= shape_.mask_columns && strides[3] != 0) return kNever;
    return mask_number(operands.mask, at.item * strides[0] + at.head * strides[1] +
                                          at.row * strides[2] + column * strides[3]);
  }

  void keep_scores(const AttentionOperands& operands, int64_t mode, const double* scores,
                   int64_t task) const {
    if (operands.scores == nullptr || shape_.scores_mode != mode) return;
    TK* dst = static_cast<TK*>(operands.scores) + task * shape_.columns;
    for (int64_t j = 0; j < shape_.columns; ++j) {
      const bool hides = shape_.unseen_is_zero && scores[j] == kNever;
      dst[j] = narrow<TK>(hides ? 0 : scores[j]);
    }
  }

  void run_row(const AttentionOperands& operands, int64_t task, double* scores) const {
    const Place at = {task / shape_.rows / shape_.heads, task / shape_.rows % shape_.heads,
                      task % shape_.rows};
    const int64_t kv_head = at.head / (shape_.heads / shape_.kv_heads);
    const TK* q = static_cast<const TK*>(operands.q) + shape_.q.at(at.item, at.head, at.row);
    for (int64_t j = 0; j < shape_.columns; ++j) {
      const TK* k = static_cast<const TK*>(operands.k) + shape_.k.at(at.item, kv_head, j);
      double sum = 0;
      for (int64_t d = 0; d < shape_.size; ++d) sum += widen(q[d]) * widen(k[d]);
      scores[j] = sum * shape_.scale;
    }
    keep_scores(operands, 0, scores, task);
    for (int64_t j = 0; j < shape_.columns && shape_.softcap > 0; ++j) {
      scores[j] = std::tanh(scores[j] / shape_.softcap) * shape_.softcap;
    }
    keep_scores(operands, 1, scores, task);
    for (int64_t j = 0; j < shape_.columns; ++j) {
      const double mask = mask_at(operands, at, j);
      scores[j] = mask == kNever ? kNever : scores[j] + mask;
    }
    keep_scores(operands, 2, scores, task);
    soften(operands, at.head, scores);
    keep_scores(operands, 3, scores, task);
    TK* y = static_cast<TK*>(operands.y) + shape_.y.at(at.item, at.head, at.row);
    for (int64_t d = 0; d < shape_.value_size; ++d) {
      double sum = 0;
      for (int64_t j = 0; j < shape_.columns; ++j) {
        if (scores[j] == 0) continue;  // a masked value may be anything
        const TV* v = static_cast<const TV*>(operands.v) + shape_.v.at(at.item, kv_head, j);
        sum += scores[j] * widen(v[d]);
      }
      y[d] = narrow<TK>(sum);
    }
  }

  void soften(const AttentionOperands& operands, int64_t head, double* scores) const {
    double sink = kNever;
    if (shape_.has_sink) {
      const auto* sinks = static_cast<const TK*>(operands.sinks);
      sink = sinks == nullptr ? 0 : widen(sinks[head]);
    }
    double most = sink;
    for (int64_t j = 0; j < shape_.columns; ++j) most = std::max(most, scores[j]);
    if (most == kNever) {  // no key is seen
      std::fill_n(scores, shape_.columns, 0.0);
      return;
    }
    double sum = shape_.has_sink ? std::exp(sink - most) : 0;
    for (int64_t j = 0; j < shape_.columns; ++j) sum += scores[j] = std::exp(scores[j] - most);
    for (int64_t j = 0; j < shape_.columns; ++j) scores[j] /= sum;
  }

  AttentionShape shape_;
};

}  // namespace

std::unique_ptr<AttentionCore> make_plain_attention(const AttentionShape& shape, DType q_and_k,
                                                    DType v) {
  std::unique_ptr<AttentionCore> core;
  visit_float(q_and_k, [&](auto k_tag) {
    visit_float(v, [&](auto v_tag) {
      using TK = typename decltype(k_tag)::Type;
      using TV = typename decltype(v_tag)::Type;
      core = std::make_unique<PlainAttention<TK, TV>>(shape);
    });
  });
  return core;
}

}  // namespace sardonyx
