#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/softmax_columns.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include <limits>

#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"
#include "ops/softmax_columns.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Whole vectors of columns, the last one masked.
struct Columns {
  size_t count;
  HWY_INLINE V load(const float* src, size_t c) const {
    const D d;
    return c + hn::Lanes(d) <= count ? hn::LoadU(d, src + c) : load_n(d, src + c, count - c);
  }
  HWY_INLINE void store(V v, float* dst, size_t c) const {
    const D d;
    if (c + hn::Lanes(d) <= count) {
      hn::StoreU(v, d, dst + c);
    } else {
      store_n(v, d, dst + c, count - c);
    }
  }
};

constexpr size_t kPadded = kSoftmaxColumns + 64;

// A matrix; one whose short rows lie end to end is taken as one of longer rows, `fold` of its own
// in each, and of a last row of what is left.
class Matrix {
 public:
  HWY_INLINE Matrix(int64_t rows, int64_t stride, size_t count)
      : rows_(rows), stride_(stride), columns_{count}, own_(count) {
    const size_t lanes = hn::Lanes(D());
    const auto folds = static_cast<int64_t>(lanes);
    if (stride != static_cast<int64_t>(count) || rows < 2 * folds) return;
    if (count >= 2 * lanes || count % lanes == 0 || count * lanes > kSoftmaxColumns) return;
    rows_ = rows / folds;
    rest_ = static_cast<size_t>(rows % folds) * count;
    columns_.count = count * lanes;
    stride_ = static_cast<int64_t>(columns_.count);
  }

  size_t count() const { return columns_.count; }
  // fn(offset, columns) for each row.
  template <class Fn>
  HWY_INLINE void for_rows(Fn fn) const {
    for (int64_t r = 0; r < rows_; ++r) fn(r * stride_, columns_);
    if (rest_ != 0) fn(rows_ * stride_, Columns{rest_});
  }
  // fn(offset, c, columns) for each vector of numbers.
  template <class Fn>
  HWY_INLINE void for_vectors(Fn fn) const {
    const size_t lanes = hn::Lanes(D());
    for_rows([&](int64_t offset, Columns columns) HWY_ATTR {
      for (size_t c = 0; c < columns.count; c += lanes) fn(offset, c, columns);
    });
  }
  // Joins what folded rows have gathered of the same column; all get the result.
  template <class Fn>
  HWY_INLINE void join(float* gathered, Fn fn) const {
    for (size_t c = 0; c < own_ && own_ != columns_.count; ++c) {
      float joined = gathered[c];
      for (size_t i = c + own_; i < columns_.count; i += own_) joined = fn(joined, gathered[i]);
      for (size_t i = c; i < columns_.count; i += own_) gathered[i] = joined;
    }
  }

 private:
  int64_t rows_, stride_;
  Columns columns_;
  size_t own_;       // columns before folding
  size_t rest_ = 0;  // columns of the last row
};

void fill(float number, size_t count, float* to) {
  const D d;
  for (size_t c = 0; c < count; c += hn::Lanes(d)) hn::Store(hn::Set(d, number), d, to + c);
}

// A NaN is overtaken by the next number: what is NaN stays NaN through the exponentials.
void find_largest(const Matrix& matrix, const float* src, float* largest) {
  const D d;
  fill(-std::numeric_limits<float>::infinity(), matrix.count(), largest);
  matrix.for_vectors([&](int64_t offset, size_t c, Columns columns) HWY_ATTR {
    const V x = columns.load(src + offset, c);
    const V better = max_keep_nan(hn::Load(d, largest + c), x);
    const size_t left = columns.count - c;
    hn::Store(left < hn::Lanes(d)
                  ? hn::IfThenElse(hn::FirstN(d, left), better, hn::Load(d, largest + c))
                  : better,
              d, largest + c);
  });
  matrix.join(largest, [](float a, float b) { return b > a || a != a ? b : a; });
}

// Adds term(offset, c, columns), which has zeros beyond the columns.
template <class Term>
HWY_INLINE void add_up(const Matrix& matrix, float* sums, Term term) {
  const D d;
  fill(0.0f, matrix.count(), sums);
  matrix.for_vectors([&](int64_t offset, size_t c, Columns columns) HWY_ATTR {
    V e = term(offset, c, columns);
    const size_t left = columns.count - c;
    if (left < hn::Lanes(d)) e = hn::IfThenElseZero(hn::FirstN(d, left), e);
    hn::Store(hn::Add(hn::Load(d, sums + c), e), d, sums + c);
  });
  matrix.join(sums, [](float a, float b) { return a + b; });
}

void softmax(const float* src, float* dst, int64_t rows, int64_t stride, size_t count) {
  const D d;
  const Matrix matrix(rows, stride, count);
  HWY_ALIGN float largest[kPadded];
  HWY_ALIGN float sums[kPadded];
  find_largest(matrix, src, largest);
  add_up(matrix, sums, [&](int64_t offset, size_t c, Columns columns) HWY_ATTR {
    const V x = columns.load(src + offset, c);
    const V e = HWY_NAMESPACE::exp(hn::Sub(x, hn::Load(d, largest + c)));
    columns.store(e, dst + offset, c);
    return e;
  });
  const V one = hn::Set(d, 1.0f);
  for (size_t c = 0; c < matrix.count(); c += hn::Lanes(d)) {
    hn::Store(hn::Div(one, hn::Load(d, sums + c)), d, sums + c);
  }
  matrix.for_vectors([&](int64_t offset, size_t c, Columns columns) HWY_ATTR {
    const V e = columns.load(dst + offset, c);
    columns.store(hn::Mul(e, hn::Load(d, sums + c)), dst + offset, c);
  });
}

void log_softmax(const float* src, float* dst, int64_t rows, int64_t stride, size_t count) {
  const D d;
  const Matrix matrix(rows, stride, count);
  HWY_ALIGN float largest[kPadded];
  HWY_ALIGN float sums[kPadded];
  find_largest(matrix, src, largest);
  add_up(matrix, sums, [&](int64_t offset, size_t c, Columns columns) HWY_ATTR {
    return HWY_NAMESPACE::exp(hn::Sub(columns.load(src + offset, c), hn::Load(d, largest + c)));
  });
  for (size_t c = 0; c < matrix.count(); c += hn::Lanes(d)) {
    hn::Store(HWY_NAMESPACE::log(hn::Load(d, sums + c)), d, sums + c);
  }
  matrix.for_vectors([&](int64_t offset, size_t c, Columns columns) HWY_ATTR {
    const V x = columns.load(src + offset, c);
    const V shifted = hn::Sub(x, hn::Load(d, largest + c));
    columns.store(hn::Sub(shifted, hn::Load(d, sums + c)), dst + offset, c);
  });
}

}  // namespace
extern const SoftmaxColumns kSoftmaxColumnsTable;
const SoftmaxColumns kSoftmaxColumnsTable = {softmax, log_softmax};
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(softmax_columns, SoftmaxColumns, kSoftmaxColumnsTable)
#endif  // HWY_ONCE
