// Reshape, Flatten, Squeeze, Unsqueeze: the same elements under other dims. Views when planned; the
// kernel copies where the bytes cannot be shared.
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

Result<std::unique_ptr<Kernel>> make_view_copy(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  return make_kernel([shape = request.outputs[0].shape()](RunArgs& args) {
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
    if (args.failed()) return;
    copy_elements(args.inputs[0], dst);
  });
}

// Sets the output, and hands known numbers on.
void set_view(InferContext& context, Dims dims) {
  if (auto ints = context.peek_ints(0)) propagate_ints(context, dims, std::move(*ints));
  set_like_input(context, std::move(dims));
}

OpDef view_op(std::vector<int> versions, StaticText input, StaticText output, InferRule infer) {
  OpDef op;
  op.versions = std::move(versions);
  op.inputs = {{input, "T"}};
  op.outputs = {{output, "T"}};
  op.infer = infer;
  op.kernels = {{"copy", make_view_copy}};
  op.is_view = true;
  return op;
}

// ---- Reshape

// The wanted dims with 0 replaced by the input's dim (kept in `copied`) and the place of -1.
struct Wanted {
  Dims dims;
  std::vector<bool> copied;
  std::optional<size_t> inferred;  // the dim that makes the counts equal
};

Result<Wanted> read_wanted(const InferContext& context, const Dims& shape) {
  const bool allow_zero = context.attrs().get_int("allowzero") != 0;
  Wanted wanted{shape, std::vector<bool>(shape.size(), false), std::nullopt};
  bool any_zero = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!shape[i].is_constant() || shape[i].value() > 0) continue;
    const int64_t number = shape[i].value();
    if (number < -1) {
      return fail(Code::kInvalidArgument, "shape[{}] is {}, but only -1 may be negative", i,
                  number);
    }
    if (number == -1) {
      if (wanted.inferred) {
        return fail(Code::kInvalidArgument, "shape {} has more than one -1", to_string(shape));
      }
      wanted.inferred = i;
      continue;
    }
    any_zero = true;
    if (allow_zero) continue;
    if (!context.has_rank(0)) {
      wanted.dims[i] = Dim::unknown();
      continue;
    }
    if (static_cast<int64_t>(i) >= context.rank(0)) {
      return fail(Code::kInvalidArgument,
                  "shape[{}] is 0 (copy the input's dim), but {} has rank {}", i,
                  context.describe(0), context.rank(0));
    }
    wanted.dims[i] = context.dims(0)[i];
    wanted.copied[i] = true;
  }
  if (allow_zero && any_zero && wanted.inferred) {
    return fail(Code::kInvalidArgument, "shape {} has both 0 and -1, which allowzero=1 forbids",
                to_string(shape));
  }
  return wanted;
}

// Counts on both sides without the dims that stand on both.
std::pair<Dim, Dim> remaining_counts(const Dims& data, const Wanted& wanted) {
  Dims left = data;
  Dims right;
  for (size_t i = 0; i < wanted.dims.size(); ++i) {
    if (wanted.inferred == i) continue;
    const Dim& dim = wanted.dims[i];
    const auto same = std::find(left.begin(), left.end(), dim);
    if (same != left.end() && (wanted.copied[i] || !(dim == Dim(0)))) {
      left.erase(same);
    } else {
      right.push_back(dim);
    }
  }
  return {product(left), product(right)};
}

Result<void> fill_inferred(const InferContext& context, Wanted& wanted) {
  if (!context.has_rank(0)) {
    if (wanted.inferred) wanted.dims[*wanted.inferred] = Dim::unknown();
    return {};
  }
  const auto [have, taken] = remaining_counts(context.dims(0), wanted);
  const bool known = have.is_constant() && taken.is_constant();
  if (!wanted.inferred) {
    if (!known || have == taken) return {};
    return fail(Code::kInvalidArgument, "cannot reshape {} to {}: the counts differ",
                context.describe(0), to_string(wanted.dims));
  }
  Dim& dim = wanted.dims[*wanted.inferred];
  if (known && (taken.value() == 0 || have.value() % taken.value() != 0)) {
    dim = -1;
    return fail(Code::kInvalidArgument, "cannot reshape {} to {}: no number for -1 fits",
                context.describe(0), to_string(wanted.dims));
  }
  dim = floor_div(have, taken);
  return {};
}

Result<void> infer_reshape(InferContext& context) {
  TRY(expect_rank(context, 1, 1));
  const auto shape = context.ints(1);
  if (!shape) {
    if (const auto rank = known_length(context, 1)) {
      set_like_input(context, unknown_dims(static_cast<size_t>(*rank)));
    } else {
      set_like_input(context);
    }
    return {};
  }
  Wanted wanted = TRY(read_wanted(context, *shape));
  // One number that may be anything: the counts decide it, whether it is -1 or not.
  const auto is_unknown = [](const Dim& dim) { return dim.is_unknown(); };
  const auto unknowns = std::count_if(shape->begin(), shape->end(), is_unknown);
  if (!wanted.inferred && unknowns == 1) {
    const auto at = std::find_if(shape->begin(), shape->end(), is_unknown);
    wanted.inferred = static_cast<size_t>(at - shape->begin());
  } else if (wanted.inferred && unknowns > 0) {
    wanted.dims[*wanted.inferred] = Dim::unknown();
    set_view(context, std::move(wanted.dims));
    return {};
  }
  TRY(fill_inferred(context, wanted));
  set_view(context, std::move(wanted.dims));
  return {};
}

// ---- Flatten

Result<void> infer_flatten(InferContext& context) {
  if (!context.has_rank(0)) {
    set_like_input(context, unknown_dims(2));
    return {};
  }
  const int64_t rank = context.rank(0);
  const int64_t given = context.attrs().get_int("axis");
  if (given < -rank || given > rank) {
    return fail(Code::kInvalidArgument, "axis is {}, but must be in [{}, {}] for {}", given, -rank,
                rank, context.describe(0));
  }
  const int64_t axis = given < 0 ? given + rank : given;
  const Dims& dims = context.dims(0);
  set_view(context, {product(Dims(dims.begin(), dims.begin() + axis)),
                     product(Dims(dims.begin() + axis, dims.end()))});
  return {};
}

// ---- Squeeze, Unsqueeze

Result<void> infer_squeeze(InferContext& context) {
  if (!context.has_rank(0)) {
    set_like_input(context);
    return {};
  }
  const Dims& dims = context.dims(0);
  std::vector<bool> drop(dims.size(), false);
  if (context.has_input(1)) {
    const auto given = known_numbers(context, 1);
    if (!given) {
      const auto count = known_length(context, 1);
      if (count && *count <= context.rank(0)) {
        set_like_input(context, unknown_dims(dims.size() - static_cast<size_t>(*count)));
      } else {
        set_like_input(context);
      }
      return {};
    }
    for (int64_t axis : TRY(normalized_axes(context, *given, context.rank(0)))) {
      const Dim& dim = dims[static_cast<size_t>(axis)];
      if (dim.is_constant() && dim.value() != 1) {
        return fail(Code::kInvalidArgument, "axis {} of {} is {}, only a dim of 1 can be squeezed",
                    axis, context.describe(0), dim.value());
      }
      drop[static_cast<size_t>(axis)] = true;
    }
  } else {
    if (!all_constant(dims)) {
      set_like_input(context);
      return {};
    }
    for (size_t i = 0; i < dims.size(); ++i) drop[i] = dims[i] == Dim(1);
  }
  Dims left;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (!drop[i]) left.push_back(dims[i]);
  }
  set_view(context, std::move(left));
  return {};
}

Result<void> infer_unsqueeze(InferContext& context) {
  const auto given = known_numbers(context, 1);
  const auto count =
      given ? std::optional(static_cast<int64_t>(given->size())) : known_length(context, 1);
  if (!context.has_rank(0) || !count) {
    set_like_input(context);
    return {};
  }
  const auto rank = static_cast<size_t>(context.rank(0) + *count);
  if (!given) {
    set_like_input(context, unknown_dims(rank));
    return {};
  }
  std::vector<bool> added(rank, false);
  for (int64_t axis : TRY(normalized_axes(context, *given, static_cast<int64_t>(rank)))) {
    added[static_cast<size_t>(axis)] = true;
  }
  Dims dims;
  auto next = context.dims(0).begin();
  for (size_t i = 0; i < rank; ++i) dims.push_back(added[i] ? Dim(1) : *next++);
  set_view(context, std::move(dims));
  return {};
}

}  // namespace

OpDef op_Reshape() {
  OpDef op = view_op({1, 5, 13, 14, 19, 21, 23, 24, 25}, "data", "reshaped", infer_reshape);
  op.inputs.push_back({"shape", "", dtype_set(DType::kInt64)});
  op.attrs = {int_attr("allowzero", 0)};
  return op;
}

OpDef op_Flatten() {
  OpDef op = view_op({1, 9, 11, 13, 21, 23, 24, 25}, "input", "output", infer_flatten);
  op.attrs = {int_attr("axis", 1)};
  return op;
}

OpDef op_Squeeze() {
  OpDef op = view_op({1, 11, 13, 21, 23, 24, 25}, "data", "squeezed", infer_squeeze);
  op.inputs.push_back({"axes", "", dtype_set(DType::kInt64), Form::kOptional});
  return op;
}

OpDef op_Unsqueeze() {
  OpDef op = view_op({1, 11, 13, 21, 23, 24, 25}, "data", "expanded", infer_unsqueeze);
  op.inputs.push_back({"axes", "", dtype_set(DType::kInt64)});
  return op;
}

}  // namespace sardonyx
