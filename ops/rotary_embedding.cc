// RotaryEmbedding: turns pairs of each head's elements by angles that depend on the position.
#include "ops/op.h"
#include "ops/rotary.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kTypes = dtype_set(DType::kFloat32, DType::kFloat16, DType::kBfloat16);

Result<void> infer(InferContext& context) {
  const AttrMap& attrs = context.attrs();
  context.set_output(0, context.input(0));
  if (!context.has_rank(0)) return {};
  const Dims& x = context.dims(0);
  if (x.size() != 3 && x.size() != 4) {
    return fail(Code::kInvalidArgument, "{} must have rank 3 or 4", context.describe(0));
  }
  const int64_t heads = attrs.get_int("num_heads");
  if (x.size() == 3 && (heads < 1 || (x[2].is_constant() && x[2].value() % heads != 0))) {
    return fail(Code::kInvalidArgument, "{} has rank 3 and num_heads is {}, which must divide {}",
                context.describe(0), heads, x[2].to_string());
  }
  const Dim size = x.size() == 4 ? x[3] : floor_div(x[2], heads);
  const int64_t rotated = attrs.get_int("rotary_embedding_dim");
  if (!size.is_constant()) return {};
  if (rotated < 0 || rotated > size.value() || (rotated == 0 ? size.value() : rotated) % 2 != 0) {
    return fail(Code::kInvalidArgument,
                "rotary_embedding_dim is {}, expected an even number of at most {}", rotated,
                size.value());
  }
  const int64_t half = (rotated == 0 ? size.value() : rotated) / 2;
  const size_t cache_rank = context.has_input(3) ? 2 : 3;
  for (size_t index : {1, 2}) {
    if (!context.has_rank(index)) continue;
    const Dims& cache = context.dims(index);
    if (cache.size() != cache_rank || (cache.back().is_constant() && cache.back() != Dim(half))) {
      return fail(Code::kInvalidArgument, "{} must have rank {} and {} columns",
                  context.describe(index), cache_rank, half);
    }
  }
  return {};
}

struct RotaryShape {
  int64_t batch = 0, heads = 0, length = 0, size = 0, half = 0, cache_rows = 0;
  bool heads_inside = false;
  bool interleaved = false;

  int64_t offset(int64_t item, int64_t head, int64_t at) const {
    return (heads_inside ? (item * length + at) * heads + head
                         : (item * heads + head) * length + at) *
           size;
  }
};

// The row of the caches for each position; reports the first position outside.
bool check_positions(const RotaryShape& shape, RunArgs& args) {
  if (args.inputs.size() <= 3 || args.inputs[3].data == nullptr) return true;
  for (int64_t position : args.inputs[3].elements<const int64_t>()) {
    if (position >= 0 && position < shape.cache_rows) continue;
    args.report(Code::kInvalidArgument,
                fmt::format("position_ids has {}, expected 0 to {} (the rows of cos_cache)",
                            position, shape.cache_rows - 1));
    return false;
  }
  return true;
}

template <class T>
void run(const RotaryShape& shape, RunArgs& args) {
  if (!check_positions(shape, args)) return;
  const bool by_id = args.inputs.size() > 3 && args.inputs[3].data != nullptr;
  args.pool->parallel_for(shape.batch * shape.length, [&](int64_t task) {
    const int64_t row = by_id ? args.inputs[3].as<int64_t>()[task] : task;
    const T* cosines = args.inputs[1].as<T>() + row * shape.half;
    const T* sines = args.inputs[2].as<T>() + row * shape.half;
    for (int64_t head = 0; head < shape.heads; ++head) {
      const int64_t at = shape.offset(task / shape.length, head, task % shape.length);
      const T* x = args.inputs[0].as<T>() + at;
      T* y = args.outputs[0].as<T>() + at;
      rotate_vector(x, cosines, sines, shape.half, shape.interleaved, y);
      std::copy(x + 2 * shape.half, x + shape.size, y + 2 * shape.half);
    }
  });
}

Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  for (const Operand& operand : request.inputs) {
    if (operand.present() && !operand.is_concrete()) {
      return decline("its shapes are not known when the plan is made");
    }
  }
  const AttrMap& attrs = request.node.attrs;
  const Shape x = request.inputs[0].shape();
  RotaryShape shape;
  shape.heads_inside = x.rank() == 3;
  shape.batch = x[0];
  shape.heads = shape.heads_inside ? attrs.get_int("num_heads") : x[1];
  shape.length = shape.heads_inside ? x[1] : x[2];
  shape.size = shape.heads_inside ? x[2] / shape.heads : x[3];
  const int64_t rotated = attrs.get_int("rotary_embedding_dim");
  shape.half = (rotated == 0 ? shape.size : rotated) / 2;
  shape.interleaved = attrs.get_int("interleaved") != 0;
  shape.cache_rows = request.inputs[1].shape()[0];
  const Shape cache = request.inputs[1].shape();
  if (cache.rank() == 3 && (cache[0] != shape.batch || cache[1] != shape.length)) {
    return fail(Code::kInvalidArgument, "cos_cache is {}, expected {}x{}x{}", cache.to_string(),
                shape.batch, shape.length, shape.half);
  }
  if (!(request.inputs[2].shape() == cache)) {
    return fail(Code::kInvalidArgument, "sin_cache is {}, but cos_cache {}",
                request.inputs[2].shape().to_string(), cache.to_string());
  }
  if (request.has_input(3) && !(request.inputs[3].shape() == Shape{shape.batch, shape.length})) {
    return fail(Code::kInvalidArgument, "position_ids are {}, expected {}x{}",
                request.inputs[3].shape().to_string(), shape.batch, shape.length);
  }
  std::unique_ptr<Kernel> kernel;
  visit_float(request.inputs[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel([shape](RunArgs& args) { run<T>(shape, args); });
  });
  if (kernel == nullptr) return decline("its input is not a float");
  return kernel;
}

}  // namespace

OpDef op_RotaryEmbedding() {
  OpDef op;
  op.versions = {23};
  op.inputs = {{"X", "T", kTypes},
               {"cos_cache", "T", kTypes},
               {"sin_cache", "T", kTypes},
               {"position_ids", "M", dtype_set(DType::kInt64), Form::kOptional}};
  op.outputs = {{"Y", "T", kTypes}};
  op.attrs = {int_attr("interleaved", 0), int_attr("num_heads", 0),
              int_attr("rotary_embedding_dim", 0)};
  op.infer = infer;
  op.kernels = {{"reference", make_reference}};
  return op;
}

}  // namespace sardonyx
