// Loops behind ops/strided_copy.h: rows of the innermost dim as block copies, fills or strided
// reads; where another dim is dense in src, square tiles of both.
#include "ops/strided_copy.h"

#include <cstring>
#include <numeric>

#include "ops/cells.h"

namespace sardonyx {

Shape dense_strides(const Shape& shape) {
  Shape strides(shape.rank(), 1);
  for (size_t i = shape.rank(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

StridedCopy StridedCopy::simplified() const {
  std::vector<size_t> order;
  for (size_t i = 0; i < extents.rank(); ++i) {
    if (extents[i] != 1) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [this](size_t a, size_t b) { return dst_strides[a] > dst_strides[b]; });
  StridedCopy result{dtype, {}, {}, {}, src_offset, dst_offset};
  for (size_t axis : order) {
    const size_t last = result.extents.rank() - 1;
    const bool joins = !result.extents.empty() &&
                       result.src_strides[last] == src_strides[axis] * extents[axis] &&
                       result.dst_strides[last] == dst_strides[axis] * extents[axis];
    if (joins) {
      result.extents[last] *= extents[axis];
      result.src_strides[last] = src_strides[axis];
      result.dst_strides[last] = dst_strides[axis];
    } else {
      result.extents.push_back(extents[axis]);
      result.src_strides.push_back(src_strides[axis]);
      result.dst_strides.push_back(dst_strides[axis]);
    }
  }
  return result;
}

namespace {

// Walks the first `rank` dims of a copy in row-major order, from any linear index on.
class Walk {
 public:
  Walk(const StridedCopy& copy, size_t rank, int64_t first)
      : copy_(copy), index_(rank, 0), src(copy.src_offset), dst(copy.dst_offset) {
    for (size_t i = rank; i-- > 0;) {
      index_[i] = first % copy.extents[i];
      first /= copy.extents[i];
      src += index_[i] * copy.src_strides[i];
      dst += index_[i] * copy.dst_strides[i];
    }
  }
  void next() {
    for (size_t i = index_.rank(); i-- > 0;) {
      src += copy_.src_strides[i];
      dst += copy_.dst_strides[i];
      if (++index_[i] < copy_.extents[i]) return;
      src -= copy_.src_strides[i] * copy_.extents[i];
      dst -= copy_.dst_strides[i] * copy_.extents[i];
      index_[i] = 0;
    }
  }

 private:
  const StridedCopy& copy_;
  Shape index_;

 public:
  int64_t src;
  int64_t dst;
};

template <class T>
void copy_row(const T* src, int64_t src_stride, T* dst, int64_t dst_stride, int64_t count) {
  if (dst_stride == 1 && src_stride == 1) {
    std::copy_n(src, count, dst);
  } else if (dst_stride == 1 && src_stride == 0) {
    std::fill_n(dst, count, *src);
  } else {
    for (int64_t i = 0; i < count; ++i) dst[i * dst_stride] = src[i * src_stride];
  }
}

template <class T>
void copy_rows(const StridedCopy& copy, const T* src, T* dst, ThreadPool* pool) {
  const size_t last = copy.extents.rank() - 1;
  const int64_t length = copy.extents[last];
  const int64_t rows = copy.extents.count(0, last);
  if (rows == 1) {
    parallel_ranges(pool, length, sizeof(T), [&](int64_t first, int64_t end) {
      copy_row(src + copy.src_offset + first * copy.src_strides[last], copy.src_strides[last],
               dst + copy.dst_offset + first * copy.dst_strides[last], copy.dst_strides[last],
               end - first);
    });
    return;
  }
  parallel_ranges(pool, rows, length * int64_t{sizeof(T)}, [&](int64_t first, int64_t end) {
    Walk walk(copy, last, first);
    for (int64_t row = first; row < end; ++row, walk.next()) {
      copy_row(src + walk.src, copy.src_strides[last], dst + walk.dst, copy.dst_strides[last],
               length);
    }
  });
}

constexpr int64_t kTile = 16;

// The last dim is dense in dst and the one before it dense in src.
template <class T>
void copy_tiles(const StridedCopy& copy, const T* src, T* dst, ThreadPool* pool) {
  const size_t rank = copy.extents.rank();
  const int64_t rows = copy.extents[rank - 2];
  const int64_t columns = copy.extents[rank - 1];
  const int64_t row_step = copy.dst_strides[rank - 2];
  const int64_t column_step = copy.src_strides[rank - 1];
  const int64_t row_tiles = (rows + kTile - 1) / kTile;
  const int64_t outer = copy.extents.count(0, rank - 2);
  const int64_t bytes = kTile * columns * int64_t{sizeof(T)};
  parallel_ranges(pool, outer * row_tiles, bytes, [&](int64_t first, int64_t end) {
    Walk walk(copy, rank - 2, first / row_tiles);
    for (int64_t task = first; task < end; ++task) {
      const int64_t r0 = task % row_tiles * kTile;
      const int64_t r1 = std::min(r0 + kTile, rows);
      for (int64_t c0 = 0; c0 < columns; c0 += kTile) {
        const int64_t c1 = std::min(c0 + kTile, columns);
        for (int64_t r = r0; r < r1; ++r) {
          const T* from = src + walk.src + r;
          T* to = dst + walk.dst + r * row_step;
          for (int64_t c = c0; c < c1; ++c) to[c] = from[c * column_step];
        }
      }
      if (task % row_tiles == row_tiles - 1) walk.next();
    }
  });
}

// The dim, other than the last, that is dense in src; none where tiles would not help.
std::optional<size_t> dense_src_dim(const StridedCopy& copy) {
  const size_t rank = copy.extents.rank();
  if (rank < 2 || copy.dst_strides[rank - 1] != 1 || copy.src_strides[rank - 1] <= 1) {
    return std::nullopt;
  }
  for (size_t i = 0; i + 1 < rank; ++i) {
    if (copy.src_strides[i] == 1 && copy.extents[i] >= 4 && copy.extents[rank - 1] >= 4) return i;
  }
  return std::nullopt;
}

void rotate_to_end(Shape& dims, size_t from) {
  std::rotate(dims.begin() + from, dims.begin() + from + 1, dims.end() - 1);
}

}  // namespace

void run_strided_copy(const StridedCopy& copy, const void* src, void* dst, ThreadPool* pool) {
  with_cell(copy.dtype, [&]<class T>() {
    const auto* from = static_cast<const T*>(src);
    auto* to = static_cast<T*>(dst);
    if (copy.extents.empty()) {
      to[copy.dst_offset] = from[copy.src_offset];
      return;
    }
    if (copy.extents.count() == 0) return;
    if (const auto dim = dense_src_dim(copy)) {
      StridedCopy tiled = copy;
      rotate_to_end(tiled.extents, *dim);
      rotate_to_end(tiled.src_strides, *dim);
      rotate_to_end(tiled.dst_strides, *dim);
      copy_tiles(tiled, from, to, pool);
    } else {
      copy_rows(copy, from, to, pool);
    }
  });
}

}  // namespace sardonyx
