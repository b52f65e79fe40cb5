// Axes that stay together are joined first. What is left is either runs of bytes that are copied,
// or matrices: the last axis of the source against that of the destination.
#include "cpu/transpose.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "cpu/tasks.h"

namespace sardonyx {
namespace {

// An axis of the destination, in order, with its steps in elements of both tensors.
struct Axis {
  int64_t size = 1;
  int64_t src_step = 1;
  int64_t dst_step = 1;
};

// The axes in the destination's order, without those of size 1, neighbours that are neighbours in
// the source too joined.
std::vector<Axis> simplify(std::span<const int64_t> dims, std::span<const int64_t> perm) {
  std::vector<int64_t> src_steps(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 1;) src_steps[i - 1] = src_steps[i] * dims[i];
  std::vector<Axis> axes;
  for (int64_t axis : perm) {
    const Axis next{dims[static_cast<size_t>(axis)], src_steps[static_cast<size_t>(axis)], 1};
    if (next.size == 1) continue;
    if (!axes.empty() && axes.back().src_step == next.size * next.src_step) {
      axes.back() = {axes.back().size * next.size, next.src_step, 1};
    } else {
      axes.push_back(next);
    }
  }
  int64_t step = 1;
  for (size_t i = axes.size(); i-- > 0; step *= axes[i].size) axes[i].dst_step = step;
  return axes;
}

// Where index `index` over `axes` lies, in elements of both tensors.
struct Place {
  int64_t src = 0, dst = 0;
};
Place place_of(const std::vector<Axis>& axes, int64_t index) {
  Place place;
  for (size_t i = axes.size(); i-- > 0; index /= axes[i].size) {
    place.src += index % axes[i].size * axes[i].src_step;
    place.dst += index % axes[i].size * axes[i].dst_step;
  }
  return place;
}

int64_t count_of(const std::vector<Axis>& axes) {
  int64_t count = 1;
  for (const Axis& axis : axes) count *= axis.size;
  return count;
}

template <class Fn>
void for_each_unit(int64_t units, double nanoseconds, ThreadPool& pool, const Fn& fn) {
  const int64_t tasks = choose_tasks(units, nanoseconds, pool.threads());
  pool.parallel_for(tasks, [&](int64_t task) {
    const int64_t end = units * (task + 1) / tasks;
    for (int64_t i = units * task / tasks; i < end; ++i) fn(i);
  });
}

// Runs [first, last) of those over `outer`, which follow one another in dst; kRun bytes each, or
// run_bytes where that is 0.
template <size_t kRun>
void copy_range(const std::vector<Axis>& outer, size_t run_bytes, size_t element_bytes,
                const char* src, char* dst, int64_t first, int64_t last) {
  std::vector<int64_t> at(outer.size());
  int64_t index = first, offset = 0;
  for (size_t i = outer.size(); i-- > 0; index /= outer[i].size) {
    at[i] = index % outer[i].size;
    offset += at[i] * outer[i].src_step;
  }
  const size_t bytes = kRun != 0 ? kRun : run_bytes;
  dst += static_cast<size_t>(first) * bytes;
  for (int64_t run = first; run < last; ++run, dst += bytes) {
    std::memcpy(dst, src + static_cast<size_t>(offset) * element_bytes, bytes);
    for (size_t i = outer.size(); i-- > 0;) {
      offset += outer[i].src_step;
      if (++at[i] < outer[i].size) break;
      offset -= outer[i].size * outer[i].src_step;
      at[i] = 0;
    }
  }
}

void copy_runs(const std::vector<Axis>& outer, size_t run_bytes, size_t element_bytes,
               const char* src, char* dst, ThreadPool& pool) {
  const double nanoseconds = 2 + static_cast<double>(run_bytes) / 20;
  const int64_t runs = count_of(outer);
  const int64_t tasks = choose_tasks(runs, nanoseconds, pool.threads());
  const auto copy = [&](auto range) {
    pool.parallel_for(tasks, [&](int64_t task) {
      range(outer, run_bytes, element_bytes, src, dst, runs * task / tasks,
            runs * (task + 1) / tasks);
    });
  };
  switch (run_bytes) {
    case 16:
      return copy(copy_range<16>);
    case 32:
      return copy(copy_range<32>);
    case 64:
      return copy(copy_range<64>);
    case 128:
      return copy(copy_range<128>);
    default:
      return copy(copy_range<0>);
  }
}

// rows: the destination's last axis; cols: the source's. Cut along both into pieces, so that one
// large matrix is shared out too.
template <class T>
void transpose_all(TransposeMatrix<T> kernel, const std::vector<Axis>& outer, const Axis& rows,
                   const Axis& cols, const void* src, void* dst, ThreadPool& pool) {
  constexpr int64_t kPiece = 16384;
  static constexpr int64_t kSide = 64;  // of a piece, at least
  const auto side = [](int64_t others) {
    return std::max(kSide, kPiece / std::max<int64_t>(others, 1) / kSide * kSide);
  };
  const int64_t high = side(std::min(cols.size, side(rows.size)));
  const int64_t wide = side(std::min(rows.size, high));
  const int64_t bands = (rows.size + high - 1) / high;
  const int64_t strips = (cols.size + wide - 1) / wide;
  const int64_t elements = std::min(high, rows.size) * std::min(wide, cols.size);
  const int64_t units = count_of(outer) * bands * strips;
  for_each_unit(units, 0.3 * static_cast<double>(elements), pool, [&](int64_t i) {
    const Place place = place_of(outer, i / strips / bands);
    const int64_t row = i / strips % bands * high, col = i % strips * wide;
    kernel(static_cast<const T*>(src) + place.src + row * rows.src_step + col, rows.src_step,
           static_cast<T*>(dst) + place.dst + row + col * cols.dst_step, cols.dst_step,
           std::min(high, rows.size - row), std::min(wide, cols.size - col));
  });
}

}  // namespace

void permute(Tier tier, std::span<const int64_t> dims, std::span<const int64_t> perm,
             size_t element_bytes, const void* src, void* dst, ThreadPool& pool) {
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return;
  std::vector<Axis> axes = simplify(dims, perm);
  const char* from = static_cast<const char*>(src);
  char* to = static_cast<char*>(dst);
  if (axes.empty() || axes.back().src_step == 1) {
    size_t run = element_bytes;
    if (!axes.empty()) {
      run *= static_cast<size_t>(axes.back().size);
      axes.pop_back();
    }
    return copy_runs(axes, run, element_bytes, from, to, pool);
  }
  const bool power =
      element_bytes == 1 || element_bytes == 2 || element_bytes == 4 || element_bytes == 8;
  if (!power) return copy_runs(axes, element_bytes, element_bytes, from, to, pool);
  const Axis rows = axes.back();
  axes.pop_back();
  const auto last =
      std::find_if(axes.begin(), axes.end(), [](const Axis& axis) { return axis.src_step == 1; });
  const Axis cols = *last;
  axes.erase(last);
  const TransposeKernels& kernels = transpose_kernels(tier);
  switch (element_bytes) {
    case 1:
      return transpose_all(kernels.bytes1, axes, rows, cols, src, dst, pool);
    case 2:
      return transpose_all(kernels.bytes2, axes, rows, cols, src, dst, pool);
    case 4:
      return transpose_all(kernels.bytes4, axes, rows, cols, src, dst, pool);
    default:
      return transpose_all(kernels.bytes8, axes, rows, cols, src, dst, pool);
  }
}

}  // namespace sardonyx
