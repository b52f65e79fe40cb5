// NonMaxSuppression: of overlapping boxes keeps those with the highest scores, for each class of
// each batch; the rows [batch, class, box] come in that order.
#include <cmath>

#include "ops/cells.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

Result<void> infer_nms(InferContext& context) {
  TRY(expect_rank(context, 0, 3));
  TRY(expect_rank(context, 1, 3));
  if (context.has_rank(0) && context.has_rank(1)) {
    TRY(same_dim(context.dims(0)[0], context.dims(1)[0], "the batch of boxes and scores"));
    TRY(same_dim(context.dims(0)[1], context.dims(1)[2], "the count of boxes and scores"));
    TRY(same_dim(context.dims(0)[2], 4, "the last dim of boxes"));
  }
  context.set_output(0, DType::kInt64, {Dim::unknown(), 3});
  return {};
}

struct Box {
  float y1, x1, y2, x2;
  float area() const { return (y2 - y1) * (x2 - x1); }
};

Box read_box(const float* box, bool center) {
  if (center) {  // x, y, width, height
    const float half_w = box[2] / 2;
    const float half_h = box[3] / 2;
    return {box[1] - half_h, box[0] - half_w, box[1] + half_h, box[0] + half_w};
  }
  // Any two opposite corners.
  return {std::min(box[0], box[2]), std::min(box[1], box[3]), std::max(box[0], box[2]),
          std::max(box[1], box[3])};
}

bool overlaps(const Box& a, const Box& b, float threshold) {
  const float height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  const float width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  if (height <= 0 || width <= 0) return false;
  const float common = height * width;
  const float all = a.area() + b.area() - common;
  return all > 0 && common / all > threshold;
}

// Boxes that are kept, in bins by where they begin: one overlaps those alone that begin before it
// ends, and not farther before it than the widest box is wide.
class KeptBoxes {
 public:
  // Bins over [low, high]; one where these are no numbers.
  KeptBoxes(double low, double high, size_t bins)
      : bins_(std::isfinite(high - low) && high > low ? bins : 1),
        low_(low),
        per_unit_(bins_.size() > 1 ? static_cast<double>(bins) / (high - low) : 0) {}

  bool overlap(const Box& box, float threshold) const {
    const size_t first = bin_of(static_cast<double>(box.x1) - widest_), last = bin_of(box.x2);
    for (size_t bin = first > 0 ? first - 1 : 0; bin <= last; ++bin) {  // one more: it is rounded
      for (const Box& other : bins_[bin]) {
        if (overlaps(box, other, threshold)) return true;
      }
    }
    return false;
  }
  void add(const Box& box) {
    widest_ = std::max(widest_, static_cast<double>(box.x2) - box.x1);
    bins_[bin_of(box.x1)].push_back(box);
  }

 private:
  size_t bin_of(double x) const {
    if (bins_.size() == 1) return 0;
    const auto last = static_cast<double>(bins_.size() - 1);
    return static_cast<size_t>(std::clamp((x - low_) * per_unit_, 0.0, last));
  }

  std::vector<std::vector<Box>> bins_;
  double low_, per_unit_;
  double widest_ = 0;
};

struct Limits {
  int64_t per_class = 0;
  float iou = 0;
  std::optional<float> score;
  bool center = false;
};

// The boxes kept of one class, best first.
std::vector<int64_t> select_boxes(const float* boxes, const float* scores, int64_t count,
                                  const Limits& limits) {
  std::vector<int64_t> order;
  for (int64_t i = 0; i < count; ++i) {
    if (!limits.score || scores[i] > *limits.score) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [scores](int64_t a, int64_t b) { return scores[a] > scores[b]; });
  double low = INFINITY, high = -INFINITY;
  for (const int64_t index : order) {
    const Box box = read_box(boxes + 4 * index, limits.center);
    if (!std::isfinite(box.x1) || !std::isfinite(box.x2)) {
      low = high = 0;  // nothing is known of where such a one begins
      break;
    }
    low = std::min<double>(low, box.x1);
    high = std::max<double>(high, box.x2);
  }
  constexpr size_t kBins = 512, kFew = 64;
  KeptBoxes kept_boxes(low, high, order.size() > kFew ? kBins : 1);
  std::vector<int64_t> kept;
  for (const int64_t index : order) {
    if (static_cast<int64_t>(kept.size()) >= limits.per_class) break;
    const Box box = read_box(boxes + 4 * index, limits.center);
    if (kept_boxes.overlap(box, limits.iou)) continue;
    kept.push_back(index);
    kept_boxes.add(box);
  }
  return kept;
}

Limits read_limits(const RunArgs& args, bool center) {
  const auto given = [&](size_t i) {
    return i < args.inputs.size() && args.inputs[i].data != nullptr && args.inputs[i].count() > 0;
  };
  Limits limits;
  limits.center = center;
  if (given(2)) limits.per_class = std::max<int64_t>(*args.inputs[2].as<int64_t>(), 0);
  if (given(3)) limits.iou = *args.inputs[3].as<float>();
  if (given(4)) limits.score = *args.inputs[4].as<float>();
  return limits;
}

Result<std::unique_ptr<Kernel>> make_nms(const KernelRequest& request) {
  return make_kernel([center = request.node.attrs.get_int("center_point_box") != 0](RunArgs& args) {
    const Shape& scores = args.inputs[1].shape;
    const int64_t classes = scores[1];
    const int64_t boxes = scores[2];
    const Limits limits = read_limits(args, center);
    std::vector<std::vector<int64_t>> kept(static_cast<size_t>(scores[0] * classes));
    args.pool->parallel_for(scores[0] * classes, [&](int64_t task) {
      kept[static_cast<size_t>(task)] =
          select_boxes(args.inputs[0].as<const float>() + task / classes * boxes * 4,
                       args.inputs[1].as<const float>() + task * boxes, boxes, limits);
    });
    int64_t total = 0;
    for (const auto& list : kept) total += static_cast<int64_t>(list.size());
    const TensorView dst = args.allocate(0, DType::kInt64, {total, 3});
    if (args.failed()) return;
    int64_t* row = dst.as<int64_t>();
    for (size_t task = 0; task < kept.size(); ++task) {
      for (int64_t index : kept[task]) {
        *row++ = static_cast<int64_t>(task) / classes;
        *row++ = static_cast<int64_t>(task) % classes;
        *row++ = index;
      }
    }
  });
}

}  // namespace

OpDef op_NonMaxSuppression() {
  const DTypeSet f32 = dtype_set(DType::kFloat32);
  OpDef op;
  op.versions = {10, 11};
  op.inputs = {{"boxes", "", f32},
               {"scores", "", f32},
               {"max_output_boxes_per_class", "", dtype_set(DType::kInt64), Form::kOptional},
               {"iou_threshold", "", f32, Form::kOptional},
               {"score_threshold", "", f32, Form::kOptional}};
  op.outputs = {{"selected_indices", "", dtype_set(DType::kInt64)}};
  op.attrs = {int_attr("center_point_box", 0)};
  op.infer = infer_nms;
  op.kernels = {{"reference", make_nms}};
  return op;
}

}  // namespace sardonyx
