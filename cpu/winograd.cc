// The loops around the transforms: blocks of tiles whose input planes stay in the second cache, and
// for each a matrix product per plane over some panels of output channels at a time.
#include "cpu/winograd.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <vector>

#include "cpu/group_conv.h"
#include "cpu/zeros.h"

namespace sardonyx {
namespace {

constexpr int64_t kMostSpaces = 64;
int64_t most_spaces(int threads) { return std::min<int64_t>(threads, kMostSpaces); }

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }

// Tiles of a batch in the order of batch, line, column. Dilated taps meet every d-th pixel: the
// pixels of a tile are as far apart, and d tiles interleave with one another, in both directions.
struct Tiles {
  int64_t side = 0;    // output pixels
  int64_t patch = 0;   // input pixels
  int64_t planes = 0;  // products per pair of channels
  int64_t across = 0, down = 0, count = 0;
  Tiles(int64_t tile, const ConvShape& s)
      : side(tile),
        patch(tile + 2),
        planes(patch * patch),
        across(tiles_along(s, 2)),
        down(tiles_along(s, 1)),
        count(s.batch * across * down) {}

  int64_t tiles_along(const ConvShape& s, size_t axis) const {
    return divide_up(divide_up(s.out[axis], s.dilation[axis]), side) * s.dilation[axis];
  }

  int64_t pairs() const { return patch / 2; }
};

// When weights are transformed: where they are packed, at the beginning of a run, for all blocks,
// or where they are multiplied.
enum class Transformed { kStored, kOnce, kPerJob };

bool has_few_weights(const Tiles& tiles, const ConvShape& s) {
  constexpr int64_t kFewWeights = 500000;
  return tiles.planes * (s.in_channels / s.groups) * s.out_channels <= kFewWeights;
}

// Groups are taken in bundles whose planes lie side by side: some groups of few channels, whose
// products are tiles of group_conv, or one of more.
struct Bundles {
  GroupConvForm form;   // of the former
  bool stored = false;  // weights are packed in their transformed form
  int64_t unit = 1;     // groups that are not taken apart
  int64_t count = 1;
  bool are_tasks = false;  // of one thread each

  bool is_narrow() const { return form.tiles != nullptr; }
  int64_t first_group(const ConvShape& s, int64_t bundle) const {
    return s.groups / unit * bundle / count * unit;
  }
};

// Those of 4 x 4 take four times the memory: few ones alone, for few tiles, where transforming them
// takes long beside multiplying by them.
bool stores_weights(const Tiles& tiles, const ConvShape& s, bool narrow) {
  constexpr int64_t kFewTiles = 96;
  if (s.groups > 1) return tiles.side == 2 && !narrow;
  return tiles.side == 2 || (tiles.count < kFewTiles && has_few_weights(tiles, s));
}

Bundles bundles_of(Tier tier, const Tiles& tiles, const ConvShape& s, int threads) {
  constexpr int64_t kBundleChannels = 64;
  Bundles bundles;
  bundles.form = group_conv_form(tier, s);
  bundles.count = s.groups;
  bundles.stored = stores_weights(tiles, s, bundles.is_narrow());
  if (bundles.is_narrow()) {
    bundles.unit = std::max<int64_t>(bundles.form.width / (s.out_channels / s.groups), 1);
    const int64_t units = s.groups / bundles.unit;
    const int64_t channels = std::max(s.in_channels, s.out_channels) / units;
    const int64_t together = std::max<int64_t>(kBundleChannels / channels, 1);
    bundles.count = std::min(round_up(divide_up(units, together), threads), units);
  }
  bundles.are_tasks =
      s.groups > 1 && threads > 1 && (bundles.count % threads == 0 || bundles.count > 4 * threads);
  return bundles;
}

ConvShape bundle_shape(const ConvShape& s, const Bundles& bundles, int64_t bundle) {
  ConvShape part = s;
  part.groups = bundles.first_group(s, bundle + 1) - bundles.first_group(s, bundle);
  part.in_channels = s.in_channels / s.groups * part.groups;
  part.out_channels = s.out_channels / s.groups * part.groups;
  part.src_ld = s.src_stride();
  part.dst_ld = s.dst_stride();
  return part;
}

// How the work is cut. Tiles go to tasks that do everything for theirs, or, where there are too
// few, all threads work on one block after another in three steps.
struct Cut {
  GroupConvForm form;      // whose tiles multiply, where groups have few channels
  int64_t panel_cols = 0;  // output channels whose weights lie together
  int64_t depth = 0;       // input channels of a group
  int64_t block = 0;       // tiles at once
  int64_t group_cols = 0;  // output channels at once
  int64_t tasks = 0;       // 0: the threads share each block
  Transformed transformed = Transformed::kPerJob;
  int64_t sharers = 0;       // of the products of a block, who have memory of their own for weights
  bool pairs_first = false;  // a pair of rows of planes after the other, with all panels each
  int64_t row = 0;           // elements from tile to tile of an input plane
  int64_t planes = 0;
  int64_t input_plane = 0, product_plane = 0, weight_plane = 0;
  int64_t job_panels = 0;  // whose weights lie together
  bool split = false;      // products by parts

  int64_t input_count() const { return planes * input_plane; }
  int64_t product_count() const { return planes * product_plane; }
  int64_t weight_count() const { return planes * weight_plane; }
  int64_t pair_count(int64_t pairs) const { return weight_count() / pairs; }
  int64_t tasks_count() const {
    return std::max<int64_t>(tasks, 1) * (input_count() + product_count());
  }
};

// Planes must not begin at addresses that share sets of the first cache.
int64_t plane_elements(int64_t elements) {
  constexpr int64_t kPage = 1024;
  constexpr int64_t kLine = 16;
  return round_up(elements, kLine) + (round_up(elements, kLine) % kPage == 0 ? kLine : 0) +
         (round_up(elements, kLine) % (kPage / 4) == 0 ? kLine : 0);
}

Cut cut_work(const GemmKernels<float>& kernels, const Bundles& bundles, const Tiles& tiles,
             const ConvShape& s, int threads) {
  constexpr int64_t kCached = 200 * 1024;  // elements of planes: most of a second cache
  constexpr int64_t kGroupCols = 64;
  constexpr int64_t kFewTiles = 24;
  const GroupConvForm& form = bundles.form;
  const bool narrow = bundles.is_narrow();
  Cut cut;
  cut.form = form;
  cut.panel_cols = narrow ? form.width : kernels.panel_cols;
  cut.depth = s.in_channels / s.groups;
  cut.planes = tiles.planes;
  cut.row = round_up(s.in_channels, 16);
  const int64_t step = narrow ? form.pixels : kernels.tile_rows;
  const int64_t fitting = kCached / tiles.planes / (cut.row + kGroupCols) / step * step;
  cut.block = std::clamp<int64_t>(fitting, kFewTiles, kBlockRows);
  // Few weights are transformed at the beginning and stay in a cache; many by whom they are
  // multiplied, if that can be once.
  const bool lasting = tiles.side == 2 || has_few_weights(tiles, s);
  const bool few = threads > 1 && tiles.count < kFewTiles * threads;
  const bool shared = few || (!lasting && tiles.count <= kBlockRows);
  cut.group_cols =
      shared ? s.out_channels : std::min(round_up(kGroupCols, cut.panel_cols), s.out_channels);
  if (shared) {
    cut.block = std::min(tiles.count, kBlockRows);
  } else {
    // Blocks of even size, a multiple of the threads of them; of whole register tiles if it stays
    // so.
    const int64_t blocks = round_up(divide_up(tiles.count, cut.block), threads);
    const int64_t even = divide_up(tiles.count, blocks);
    const bool rounds = blocks * round_up(even, step) - tiles.count <= even / 4;
    cut.block = std::min(rounds ? round_up(even, step) : even, kBlockRows);
    cut.tasks = std::min<int64_t>(divide_up(tiles.count, cut.block), threads > 1 ? 4 * threads : 1);
  }
  // By what does not depend on the threads.
  const int64_t rows = !lasting && tiles.count <= kBlockRows ? kBlockRows : fitting;
  cut.split =
      pays_to_split(kernels, std::min({rows, kBlockRows, tiles.count}), s.out_channels, cut.depth);
  cut.job_panels = divide_up(s.out_channels, cut.panel_cols);
  if (bundles.stored) {
    cut.transformed = Transformed::kStored;
  } else if (lasting || !shared) {
    cut.transformed = Transformed::kOnce;
  } else {
    // Those of a job stay in the second cache.
    constexpr int64_t kJobWeights = 100 * 1024;
    const int64_t panel_weights = 2 * tiles.patch * cut.depth * cut.panel_cols;
    cut.job_panels = std::min<int64_t>(panel_weights > kJobWeights ? 1 : 2, cut.job_panels);
    cut.sharers = most_spaces(threads);
    cut.pairs_first = threads > 1 || tiles.planes * cut.block * cut.row > kCached;
  }
  cut.input_plane = plane_elements(round_up(cut.block, narrow ? step : 1) * cut.row);
  cut.product_plane = plane_elements(cut.block * round_up(cut.group_cols, 16));
  cut.weight_plane = plane_elements(cut.depth * cut.panel_cols * cut.job_panels);
  return cut;
}

// Lends pieces of memory to threads.
class Spaces {
 public:
  Spaces(float* first, int64_t spaces, int64_t elements)
      : first_(first), spaces_(spaces), elements_(elements) {}

  int64_t take() {
    for (;;) {
      for (int64_t i = 0; i < spaces_; ++i) {
        if (!taken_[static_cast<size_t>(i)].exchange(true, std::memory_order_acquire)) return i;
      }
    }
  }
  float* at(int64_t space) const { return first_ + space * elements_; }
  void give_back(int64_t space) {
    taken_[static_cast<size_t>(space)].store(false, std::memory_order_release);
  }

 private:
  float* first_;
  int64_t spaces_, elements_;
  std::array<std::atomic<bool>, kMostSpaces> taken_{};
};

struct Serial {
  template <class Fn>
  void operator()(int64_t count, Fn&& fn) const {
    for (int64_t i = 0; i < count; ++i) fn(i);
  }
};
struct Shared {
  ThreadPool& pool;
  template <class Fn>
  void operator()(int64_t count, Fn&& fn) const {
    pool.parallel_for(count, fn);
  }
};

struct Winograd {
  const GemmKernels<float>& kernels;
  const WinogradKernels& transforms;
  const ConvShape& s;
  const Cut& cut;
  const Tiles& tiles;
  const float* src;
  const float* packed;
  const Epilogue<float>& epilogue;
  float* dst;
  int64_t col0 = 0;                    // of the whole convolution, for the callback
  const float* transformed = nullptr;  // all weights, or null, and then:
  float* own_weights = nullptr;        // memory for those of jobs

  // Output lines and pixels that a tile covers, from the first one on, by the dilation.
  struct Place {
    int64_t item = 0, y = 0, x = 0;
    int lines = 0, pixels = 0;
  };
  Place place(int64_t tile) const {
    Place p;
    p.x = first_of(tile % tiles.across, 2);
    p.y = first_of(tile / tiles.across % tiles.down, 1);
    p.item = tile / tiles.across / tiles.down;
    p.lines = count_of(p.y, 1);
    p.pixels = count_of(p.x, 2);
    return p;
  }
  int64_t first_of(int64_t tile, size_t axis) const {
    return tile / s.dilation[axis] * s.dilation[axis] * tiles.side + tile % s.dilation[axis];
  }
  int count_of(int64_t first, size_t axis) const {
    const int64_t left = divide_up(s.out[axis] - first, s.dilation[axis]);
    return static_cast<int>(std::clamp<int64_t>(left, 0, tiles.side));
  }
  int64_t pixel_index(const Place& p, int64_t line) const {
    return (p.item * s.out[1] + p.y + line * s.dilation[1]) * s.out[2] + p.x;
  }

  void transform_input(int64_t tile, float* row) const {
    const Place p = place(tile);
    const float* pixels[kMostWinogradPlanes];
    for (int64_t i = 0; i < tiles.patch; ++i) {
      const int64_t y = p.y - s.pad[1] + i * s.dilation[1];
      const bool line_inside = y >= 0 && y < s.in[1];
      const float* line = src + (p.item * s.in[1] + y) * s.in[2] * s.src_stride();
      for (int64_t j = 0; j < tiles.patch; ++j) {
        const int64_t x = p.x - s.pad[2] + j * s.dilation[2];
        const bool inside = line_inside && x >= 0 && x < s.in[2];
        pixels[i * tiles.patch + j] = inside ? line + x * s.src_stride() : kZeros<float>;
      }
    }
    const int64_t ahead = s.dilation[2] == 1 ? tiles.side : 1;
    transforms.input(pixels, s.in_channels, row, cut.input_plane, ahead * s.src_stride());
  }

  // Part `part` of `parts` of the weights of a panel for a pair of rows of planes, to where the
  // panel lies beside those of others.
  void transform_weights(int64_t panel, int64_t pair, int64_t part, int64_t parts,
                         float* to) const {
    const int64_t col = panel * cut.panel_cols;
    const int64_t cols = std::min(cut.panel_cols, s.out_channels - col);
    const int64_t width = round_up(cols, kernels.lanes);
    const int64_t begin = cut.depth * part / parts * width;
    const int64_t end = cut.depth * (part + 1) / parts * width;
    transforms.weights(packed + col * cut.depth * 9 + begin, cut.depth * width, end - begin,
                       static_cast<int>(pair), to + begin, cut.weight_plane);
  }
  int64_t pair_count() const { return cut.pair_count(tiles.pairs()); }
  int64_t panel_count() const { return cut.panel_cols * cut.depth; }
  int64_t panels() const { return divide_up(s.out_channels, cut.panel_cols); }

  // All of them, which are then at `to`.
  void transform_all(float* to, ThreadPool& pool) const {
    constexpr int64_t kParts = 4;  // so that threads have even shares of few panels
    pool.parallel_for(panels() * tiles.pairs() * kParts, [&](int64_t i) {
      const int64_t panel = i / kParts / tiles.pairs(), pair = i / kParts % tiles.pairs();
      transform_weights(panel, pair, i % kParts, kParts,
                        to + pair * pair_count() + panel * panel_count());
    });
  }

  // Planes in the order of their weights: row by row, the rows in pairs.
  int64_t plane_at(int64_t place) const {
    const int64_t pair = place / tiles.patch / 2, second = place / tiles.patch % 2;
    const int64_t row = pair == 0 ? second * (tiles.patch - 1) : 2 * pair - 1 + second;
    return row * tiles.patch + place % tiles.patch;
  }

  // Products of panels [panel, panel_end) of one plane, for `count` tiles.
  void multiply(int64_t panel, int64_t panel_end, int64_t plane, int64_t count, const float* inputs,
                const float* weights, float* products) const {
    inputs += plane * cut.input_plane;
    const int64_t begin = panel * cut.panel_cols;
    products += plane * cut.product_plane + begin % cut.group_cols;
    if (cut.form.tiles != nullptr) {
      return multiply_groups(panel, panel_end, count, inputs, weights, products);
    }
    const DenseRows<float> rows{inputs, cut.row};
    BlockArgs<float> args;
    args.n = std::min(panel_end * cut.panel_cols, s.out_channels) - begin;
    args.depth = cut.depth;
    args.fill_rows = fill_dense_rows<float>;
    args.source = &rows;
    args.split = cut.split;
    args.packed_b = weights;
    args.ldc = product_ld();
    args.c = products;
    gemm_blocks(kernels, args, 0, count, 0, panel_end - panel);
  }
  int64_t product_ld() const { return round_up(cut.group_cols, 16); }

  // The same where a panel is that of a group of few channels, or of some.
  void multiply_groups(int64_t panel, int64_t panel_end, int64_t count, const float* inputs,
                       const float* weights, float* products) const {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const int64_t of_group = s.out_channels / s.groups;
    GroupTiles t;
    t.kernel_rows = t.kernel_cols = 1;
    t.channels = cut.depth;
    t.src_pixel = cut.row;
    t.dst_pixel = product_ld();
    t.count = count;
    t.low = -kInfinity;
    t.high = kInfinity;
    t.weights = weights;
    t.dst = products;
    for (int64_t p = panel; p < panel_end; ++p) {
      t.src = inputs + p * cut.panel_cols / of_group * cut.depth;
      cut.form.tiles(t);
      t.weights += panel_count();
      t.dst += cut.panel_cols;
    }
  }

  // Panels [panel, panel_end) of all planes, with weights that are transformed.
  template <class ForEach>
  void multiply_all(int64_t panel, int64_t panel_end, int64_t count, const float* inputs,
                    float* products, const ForEach& for_each) const {
    for_each(tiles.planes, [&](int64_t place) {
      multiply(panel, panel_end, plane_at(place), count, inputs,
               transformed + place * cut.weight_plane + panel * panel_count(), products);
    });
  }

  // The same with weights that are transformed where they are multiplied.
  template <class ForEach>
  void multiply_jobs(int64_t panel, int64_t panel_end, int64_t count, const float* inputs,
                     float* products, const ForEach& for_each) const {
    Spaces spaces(own_weights, cut.sharers, pair_count());
    const int64_t parts = divide_up(panel_end - panel, cut.job_panels);
    for_each(parts * tiles.pairs(), [&](int64_t job) {
      const int64_t pair = cut.pairs_first ? job / parts : job % tiles.pairs();
      const int64_t part = cut.pairs_first ? job % parts : job / tiles.pairs();
      const int64_t begin = panel + part * cut.job_panels;
      const int64_t end = std::min(begin + cut.job_panels, panel_end);
      const int64_t space = spaces.take();
      for (int64_t p = begin; p < end; ++p) {
        transform_weights(p, pair, 0, 1, spaces.at(space) + (p - begin) * panel_count());
      }
      const int64_t planes = 2 * tiles.patch;
      for (int64_t i = 0; i < planes; ++i) {
        multiply(begin, end, plane_at(pair * planes + i), count, inputs,
                 spaces.at(space) + i * cut.weight_plane, products);
      }
      spaces.give_back(space);
    });
  }

  bool needs_pass() const {
    return epilogue.activation != Activation::kNone && epilogue.activation != Activation::kClip;
  }

  void transform_output(int64_t tile, const float* products, int64_t col, int64_t cols) const {
    const Place p = place(tile);
    if (p.lines == 0 || p.pixels == 0) return;
    const int64_t pixel = pixel_index(p, 0);
    const int64_t line_step = s.dilation[1] * s.out[2], pixel_step = s.dilation[2];
    WinogradOutput t;
    t.products = products;
    t.plane_stride = cut.product_plane;
    t.channels = cols;
    t.alpha = epilogue.alpha;
    t.bias = epilogue.bias == nullptr ? nullptr : epilogue.bias + col;
    const bool clip = epilogue.activation == Activation::kClip;
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    t.low = clip ? epilogue.p0 : -kInfinity;
    t.high = clip ? epilogue.p1 : kInfinity;
    t.lines = p.lines;
    t.pixels = p.pixels;
    t.dst = dst + pixel * s.dst_stride() + col;
    t.dst_pixel = pixel_step * s.dst_stride();
    t.dst_line = line_step * s.dst_stride();
    t.residual_after = epilogue.residual_after;
    if (epilogue.residual != nullptr && !(needs_pass() && epilogue.residual_after)) {
      t.residual = epilogue.residual + pixel * epilogue.residual_ld + col;
      t.residual_pixel = pixel_step * epilogue.residual_ld;
      t.residual_line = line_step * epilogue.residual_ld;
    }
    transforms.output(t);
    finish(p, col, cols);
  }

  // What the transform does not apply itself, on pixels that it has just written.
  void finish(const Place& p, int64_t col, int64_t cols) const {
    if (!needs_pass() && epilogue.fn == nullptr) return;
    const int64_t dst_ld = s.dilation[2] * s.dst_stride();
    for (int64_t line = 0; line < p.lines; ++line) {
      const int64_t pixel = pixel_index(p, line);
      float* c = dst + pixel * s.dst_stride() + col;
      if (needs_pass()) {
        const bool later = epilogue.residual != nullptr && epilogue.residual_after;
        const float* residual =
            later ? epilogue.residual + pixel * epilogue.residual_ld + col : nullptr;
        kernels.activate(epilogue.activation, epilogue.p0, epilogue.p1, c, dst_ld, residual,
                         s.dilation[2] * epilogue.residual_ld, c, dst_ld, p.pixels, cols);
      }
      if (epilogue.fn == nullptr) continue;
      // Which takes pixels that follow one another.
      const int64_t rows = s.dilation[2] == 1 ? p.pixels : 1;
      for (int64_t i = 0; i < p.pixels; i += rows) {
        epilogue.fn(epilogue.context, c + i * dst_ld, dst_ld, rows, cols, pixel + i * s.dilation[2],
                    col0 + col);
      }
    }
  }

  // Tiles [first, first + count), count <= cut.block.
  template <class ForEach>
  void run_block(int64_t first, int64_t count, float* workspace, const ForEach& for_each) const {
    float* inputs = workspace;
    float* products = inputs + cut.input_count();
    for_each(count, [&](int64_t i) { transform_input(first + i, inputs + i * cut.row); });
    const int64_t group_panels = divide_up(cut.group_cols, cut.panel_cols);
    for (int64_t panel = 0; panel < panels(); panel += group_panels) {
      const int64_t panel_end = std::min(panel + group_panels, panels());
      if (transformed != nullptr) {
        multiply_all(panel, panel_end, count, inputs, products, for_each);
      } else {
        multiply_jobs(panel, panel_end, count, inputs, products, for_each);
      }
      const int64_t col = panel * cut.panel_cols;
      const int64_t cols = std::min(cut.group_cols, s.out_channels - col);
      for_each(count, [&](int64_t i) {
        transform_output(first + i, products + i * product_ld(), col, cols);
      });
    }
  }
};

}  // namespace

// Output pixels of a 3x3 kernel times the share of its taps that a plain product does: of those in
// the padding it leaves out what fills a tile of rows.
static double pixels_of_taps(const GemmKernels<float>& kernels, const ConvShape& s) {
  double pixels = 1;
  for (const size_t axis : {size_t{1}, size_t{2}}) {
    const int64_t length = s.out[axis], run = axis == 1 ? s.out[2] : 1;
    int64_t done = 3 * length;
    for (int64_t tap = 0; tap < 3; ++tap) {
      const int64_t before = s.pad[axis] - tap * s.dilation[axis];
      const int64_t behind = length - before - s.in[axis];
      for (const int64_t outside : {before, behind}) {
        const int64_t left_out = (std::min(outside, length) * run - kernels.tile_rows + 1) / run;
        done -= std::max<int64_t>(left_out, 0);
      }
    }
    pixels *= static_cast<double>(done) / 3;
  }
  return pixels;
}

int winograd_tile(Tier tier, const ConvShape& s) {
  using Sizes = std::array<int64_t, 3>;
  const GemmKernels<float>& kernels = gemm_kernels<float>(tier);
  const bool is_form = s.kernel == Sizes{1, 3, 3} && s.stride == Sizes{1, 1, 1} && s.in[0] == 1 &&
                       s.out[0] == 1 && s.pad[0] == 0;
  const int64_t depth = s.in_channels / s.groups, of_group = s.out_channels / s.groups;
  if (!is_form || depth > kMaxChunkDepth) return 0;
  const bool narrow = group_conv_form(tier, s).tiles != nullptr;
  if (!narrow && depth < kernels.lanes) return 0;
  // Below this, products of one group are too small for a matrix product.
  constexpr int64_t kFewOfGroup = 32;
  if (s.groups > 1 && !narrow && std::min(depth, of_group) < kFewOfGroup) return 0;
  // In multiply-adds that take as long, per pair of channels. A weight that comes from memory takes
  // as long as some of them, and so does transforming it; a transform of pixels moves every element
  // of its planes and computes little; few rows are multiplied slowly.
  constexpr double kWeightCost = 24, kWeightTransformCost = 8, kTransformCost = 8, kLeastRows = 10;
  constexpr double kBlockTiles = 48;
  constexpr double kCachedWeights = 250e3;  // elements
  const double plain = narrow ? 1 : 0.8;    // of the time of a product of planes
  const auto in = static_cast<double>(depth);
  const auto out = static_cast<double>(narrow ? of_group : round_up(of_group, kernels.lanes));
  const double pixels = static_cast<double>(s.batch) * pixels_of_taps(kernels, s);
  int best = 0;
  double least = 0.9 * std::max(plain * pixels, kWeightCost) * 9;
  for (const int tile : {4, 2}) {
    if (narrow && tile == 2) continue;
    const Tiles tiles(tile, s);
    const auto count = static_cast<double>(tiles.count);
    const auto planes = static_cast<double>(tiles.planes);
    const double blocks = count / kBlockTiles;
    const bool from_memory = blocks > 1 && planes * in * out > kCachedWeights;
    const double least_rows = from_memory                        ? blocks * kWeightCost
                              : stores_weights(tiles, s, narrow) ? kWeightCost
                                                                 : kLeastRows;
    const double rows = std::max(count, least_rows);
    const double work =
        planes * (rows + kWeightTransformCost + count * (in + out) / (in * out) * kTransformCost);
    if (work >= least) continue;
    best = tile;
    least = work;
  }
  return best;
}

WinogradPacking winograd_packing(Tier tier, int tile, const ConvShape& s) {
  const Bundles bundles = bundles_of(tier, Tiles(tile, s), s, 1);
  if (bundles.stored) return WinogradPacking::kTransformed;
  return bundles.is_narrow() ? WinogradPacking::kGroupConv : WinogradPacking::kConv;
}

namespace {

// Of the weights of one bundle.
int64_t bundle_packed_count(Tier tier, const Tiles& tiles, const Bundles& bundles,
                            const ConvShape& part) {
  const GemmKernels<float>& kernels = gemm_kernels<float>(tier);
  if (bundles.stored) return cut_work(kernels, bundles, tiles, part, 1).weight_count();
  if (!bundles.is_narrow()) return conv_packed_count(kernels, part);
  return part.in_channels / part.groups * part.out_channels * part.taps();
}

int64_t bundle_floats(Tier tier, const Tiles& tiles, const Bundles& bundles, const ConvShape& part,
                      int threads) {
  const Cut cut = cut_work(gemm_kernels<float>(tier), bundles, tiles, part, threads);
  int64_t count = cut.tasks_count() + cut.sharers * cut.pair_count(tiles.pairs());
  if (cut.transformed == Transformed::kOnce) count += cut.weight_count();
  return round_up(count, 16);
}

// Of any bundle: they differ by one unit.
int64_t most_floats(Tier tier, const Tiles& tiles, const Bundles& bundles, const ConvShape& s,
                    int threads) {
  int64_t most = 0;
  for (int64_t i = 0; i < bundles.count; ++i) {
    const ConvShape part = bundle_shape(s, bundles, i);
    most = std::max(most, bundle_floats(tier, tiles, bundles, part, threads));
  }
  return most;
}

void run_bundle(const Winograd& bundle, ThreadPool& pool, float* space) {
  Winograd work = bundle;
  const Cut& cut = work.cut;
  const int64_t count = work.tiles.count;
  float* weights = space + cut.tasks_count();
  if (cut.transformed == Transformed::kOnce) work.transform_all(weights, pool);
  switch (cut.transformed) {
    case Transformed::kStored:
      work.transformed = work.packed;
      break;
    case Transformed::kOnce:
      work.transformed = weights;
      break;
    case Transformed::kPerJob:
      work.own_weights = weights;
      break;
  }
  if (cut.tasks == 0) {
    for (int64_t first = 0; first < count; first += cut.block) {
      work.run_block(first, std::min(cut.block, count - first), space, Shared{pool});
    }
    return;
  }
  const int64_t blocks = divide_up(count, cut.block);
  pool.parallel_for(cut.tasks, [&](int64_t task) {
    float* own = space + task * (cut.input_count() + cut.product_count());
    for (int64_t b = blocks * task / cut.tasks; b < blocks * (task + 1) / cut.tasks; ++b) {
      const int64_t first = b * cut.block;
      work.run_block(first, std::min(cut.block, count - first), own, Serial());
    }
  });
}

}  // namespace

int64_t winograd_packed_count(Tier tier, int tile, const ConvShape& s) {
  const Tiles tiles(tile, s);
  const Bundles bundles = bundles_of(tier, tiles, s, 1);
  int64_t count = 0;
  for (int64_t i = 0; i < bundles.count; ++i) {
    count += bundle_packed_count(tier, tiles, bundles, bundle_shape(s, bundles, i));
  }
  return count;
}

void winograd_pack(Tier tier, int tile, const ConvShape& s, const float* weights, float* packed,
                   ThreadPool& pool) {
  const GemmKernels<float>& kernels = gemm_kernels<float>(tier);
  const Tiles tiles(tile, s);
  const Bundles bundles = bundles_of(tier, tiles, s, 1);
  const WinogradPacking packing = winograd_packing(tier, tile, s);
  if (packing == WinogradPacking::kGroupConv) {
    return group_conv_pack(bundles.form, s, weights, packed);
  }
  if (packing == WinogradPacking::kConv) return conv_pack(kernels, s, weights, packed, pool);
  const Epilogue<float> none;
  for (int64_t i = 0; i < bundles.count; ++i) {
    const ConvShape part = bundle_shape(s, bundles, i);
    std::vector<float> taps(static_cast<size_t>(conv_packed_count(kernels, part)));
    conv_pack(kernels, part, weights, taps.data(), pool);
    const Cut cut = cut_work(kernels, bundles, tiles, part, 1);
    const Winograd work{
        kernels, winograd_kernels(tier).of(tile), part, cut, tiles, nullptr, taps.data(), none,
        nullptr};
    work.transform_all(packed, pool);
    weights += part.out_channels * part.in_channels * part.taps();
    packed += cut.weight_count();
  }
}

size_t winograd_workspace_bytes(Tier tier, int tile, const ConvShape& s, int threads) {
  const Tiles tiles(tile, s);
  const Bundles bundles = bundles_of(tier, tiles, s, threads);
  const int64_t count = bundles.are_tasks
                            ? most_floats(tier, tiles, bundles, s, 1) * most_spaces(threads)
                            : most_floats(tier, tiles, bundles, s, threads);
  return static_cast<size_t>(count) * sizeof(float);
}

void winograd(Tier tier, int tile, const ConvShape& s, const float* src, const float* packed,
              const Epilogue<float>& epilogue, float* dst, void* workspace, ThreadPool& pool) {
  const GemmKernels<float>& kernels = gemm_kernels<float>(tier);
  const Tiles tiles(tile, s);
  const Bundles bundles = bundles_of(tier, tiles, s, pool.threads());
  const int threads = bundles.are_tasks ? 1 : pool.threads();
  const int64_t in = s.in_channels / s.groups, out = s.out_channels / s.groups;
  float* const space = static_cast<float*>(workspace);
  const auto run = [&](int64_t i, float* own) {
    const int64_t group = bundles.first_group(s, i);
    const ConvShape part = bundle_shape(s, bundles, i);
    const Cut cut = cut_work(kernels, bundles, tiles, part, threads);
    Epilogue<float> own_epilogue = epilogue;
    if (epilogue.bias != nullptr) own_epilogue.bias += group * out;
    if (epilogue.residual != nullptr) own_epilogue.residual += group * out;
    // Bundles of more than one group are packed without gaps.
    const int64_t of_group = bundle_packed_count(tier, tiles, bundles, part) / part.groups;
    const Winograd work{kernels,
                        winograd_kernels(tier).of(tile),
                        part,
                        cut,
                        tiles,
                        src + group * in,
                        packed + group * of_group,
                        own_epilogue,
                        dst + group * out,
                        group * out};
    run_bundle(work, pool, own);
  };
  if (!bundles.are_tasks) {
    for (int64_t i = 0; i < bundles.count; ++i) run(i, space);
    return;
  }
  const int64_t count = most_spaces(pool.threads());
  Spaces spaces(space, count, most_floats(tier, tiles, bundles, s, 1));
  pool.parallel_for(bundles.count, [&](int64_t i) {
    const int64_t own = spaces.take();
    run(i, spaces.at(own));
    spaces.give_back(own);
  });
}

}  // namespace sardonyx
