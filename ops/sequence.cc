// Sequences and optionals: SequenceConstruct, Empty, At, Insert, Erase, Length; ConcatFromSequence,
// SplitToSequence; Optional, OptionalGetElement, OptionalHasElement. Items are shared, not copied.
#include "ops/bodies.h"
#include "ops/cells.h"
#include "ops/rule_parts.h"
#include "ops/strided_copy.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kItemTypes =
    kNumericTypes | kComplexTypes | dtype_set(DType::kBool, DType::kString);
constexpr DTypeSet kPositionTypes = dtype_set(DType::kInt32, DType::kInt64);

// An input as a Value of its own: planned tensors are copied, because their memory is reused.
std::optional<Value> own_input(RunArgs& args, size_t index) {
  if (args.input_values[index] != nullptr) return *args.input_values[index];
  const TensorView& view = args.inputs[index];
  auto copy = Tensor::allocate(view.dtype, view.shape);
  if (!copy) {
    args.report(copy.error().code, copy.error().message);
    return std::nullopt;
  }
  copy_elements(view, copy->view());
  return Value(std::move(*copy));
}

// A tensor Value as the output, planned or not.
void give_value(RunArgs& args, size_t index, const Value& value) {
  if (!value.is_tensor() || args.output_values[index] != nullptr) {
    args.set_value(index, value);
    return;
  }
  const TensorView& planned = args.outputs[index];
  const Tensor& tensor = value.tensor();
  if (planned.dtype != tensor.dtype() || !(planned.shape == tensor.shape())) {
    args.report(Code::kInvalidArgument,
                fmt::format("the element is {} {}, but its declared type is {} {}",
                            dtype_name(tensor.dtype()), tensor.shape().to_string(),
                            dtype_name(planned.dtype), planned.shape.to_string()));
    return;
  }
  copy_elements(value.tensor().view(), args.outputs[index]);
}

bool has_operand(const RunArgs& args, size_t index) {
  return index < args.inputs.size() &&
         (args.inputs[index].data != nullptr || args.input_values[index] != nullptr);
}

// The items of the sequence that is input 0.
const std::vector<Value>& items_of(const RunArgs& args) { return args.input_values[0]->items(); }

Result<void> expect_sequence(const InferContext& context) {
  const ValueType& type = context.input(0);
  if (type.kind == ValueType::Kind::kSequence || type.kind == ValueType::Kind::kUnknown) return {};
  return fail(Code::kInvalidArgument, "{} must be a sequence", context.describe(0));
}

// The type of the items, with dims forgotten.
ValueType item_type(const InferContext& context) {
  const ValueType& type = context.input(0);
  return type.element ? *type.element : ValueType();
}

DType item_dtype(const Value& sequence) { return sequence.element_dtype(); }

// A position in [0, count), or [0, count] for insertion; reports what is out of range.
std::optional<int64_t> position_of(RunArgs& args, size_t index, int64_t count, bool insert) {
  int64_t position = IndexView(args.inputs[index])[0];
  const int64_t last = insert ? count : count - 1;
  if (position < -count || position > last) {
    args.report(
        Code::kInvalidArgument,
        fmt::format("position {} is out of range: the sequence has {} items", position, count));
    return std::nullopt;
  }
  return position < 0 ? position + count : position;
}

// ---- SequenceConstruct, SequenceEmpty

Result<void> infer_construct(InferContext& context) {
  ValueType element = context.input(0);
  for (size_t i = 1; i < context.input_count(); ++i) {
    const ValueType& other = context.input(i);
    const bool same_rank = element.dims && other.dims && element.dims->size() == other.dims->size();
    if (!same_rank) element.dims.reset();
    for (size_t d = 0; same_rank && d < element.dims->size(); ++d) {
      if (!((*element.dims)[d] == (*other.dims)[d])) (*element.dims)[d] = Dim::unknown();
    }
  }
  context.set_output(0, ValueType::sequence(std::move(element)));
  return {};
}

void run_construct(RunArgs& args) {
  std::vector<Value> items;
  for (size_t i = 0; i < args.inputs.size(); ++i) {
    auto item = own_input(args, i);
    if (!item) return;
    items.push_back(std::move(*item));
  }
  const DType dtype = items.empty() ? DType::kUndefined : items[0].tensor().dtype();
  args.set_value(0, Value::sequence(std::move(items), dtype));
}

DType empty_dtype(const AttrMap& attrs) {
  return attrs.has("dtype") ? static_cast<DType>(attrs.get_int("dtype")) : DType::kFloat32;
}

Result<void> infer_empty(InferContext& context) {
  const int64_t dtype = context.attrs().get_int("dtype", 1);
  if (dtype < 1 || dtype >= kDTypeCount) {
    return fail(Code::kInvalidArgument, "dtype is {}, which is no element type", dtype);
  }
  context.set_output(0, ValueType::sequence(ValueType::tensor(static_cast<DType>(dtype))));
  return {};
}

Result<std::unique_ptr<Kernel>> make_empty(const KernelRequest& request) {
  return make_kernel([dtype = empty_dtype(request.node.attrs)](RunArgs& args) {
    args.set_value(0, Value::sequence({}, dtype));
  });
}

// ---- SequenceAt, Insert, Erase, Length

Result<void> infer_at(InferContext& context) {
  TRY(expect_sequence(context));
  context.set_output(0, item_type(context));
  return {};
}

void run_at(RunArgs& args) {
  const auto& items = items_of(args);
  const auto position = position_of(args, 1, static_cast<int64_t>(items.size()), false);
  if (position) give_value(args, 0, items[static_cast<size_t>(*position)]);
}

Result<void> infer_erase(InferContext& context) {
  TRY(expect_sequence(context));
  context.set_output(0, ValueType::sequence(item_type(context)));
  return {};
}

Result<void> infer_insert(InferContext& context) {
  TRY(expect_sequence(context));
  const ValueType element = item_type(context);
  const ValueType& item = context.input(1);
  if (element.is_tensor() && element.dtype != DType::kUndefined &&
      item.dtype != DType::kUndefined && element.dtype != item.dtype) {
    return fail(Code::kInvalidArgument, "{} cannot go into a sequence of {}", context.describe(1),
                dtype_name(element.dtype));
  }
  const bool known = element.is_tensor() && element.dtype != DType::kUndefined && item.is_tensor();
  context.set_output(0, ValueType::sequence(known ? either_type(element, item) : element));
  return {};
}

void run_insert(RunArgs& args) {
  std::vector<Value> items = items_of(args);
  auto position = std::optional(static_cast<int64_t>(items.size()));
  if (has_operand(args, 2)) position = position_of(args, 2, *position, true);
  if (!position) return;
  auto item = own_input(args, 1);
  if (!item) return;
  items.insert(items.begin() + *position, std::move(*item));
  args.set_value(0, Value::sequence(std::move(items), item_dtype(*args.input_values[0])));
}

void run_erase(RunArgs& args) {
  std::vector<Value> items = items_of(args);
  const auto count = static_cast<int64_t>(items.size());
  std::optional<int64_t> position = count - 1;
  if (has_operand(args, 1)) {
    position = position_of(args, 1, count, false);
  } else if (count == 0) {
    args.report(Code::kInvalidArgument, "the sequence is empty, nothing can be erased");
    return;
  }
  if (!position) return;
  items.erase(items.begin() + *position);
  args.set_value(0, Value::sequence(std::move(items), item_dtype(*args.input_values[0])));
}

Result<void> infer_length(InferContext& context) {
  TRY(expect_sequence(context));
  context.set_output(0, DType::kInt64, Dims{});
  return {};
}

void run_length(RunArgs& args) {
  const auto length = static_cast<int64_t>(items_of(args).size());
  const TensorView dst = args.allocate(0, DType::kInt64, {});
  if (!args.failed()) *dst.as<int64_t>() = length;
}

// ---- ConcatFromSequence

Result<void> infer_concat_from(InferContext& context) {
  TRY(expect_sequence(context));
  const int64_t new_axis = context.attrs().get_int("new_axis");
  if (new_axis != 0 && new_axis != 1) {
    return fail(Code::kInvalidArgument, "new_axis is {}, expected 0 or 1", new_axis);
  }
  const ValueType element = item_type(context);
  if (dtype_is_sub_byte(element.dtype)) {
    return fail(Code::kInvalidArgument, "sequences of {} cannot be joined",
                dtype_name(element.dtype));
  }
  if (!element.is_tensor() || !element.dims) {
    context.set_output(0, ValueType::tensor(element.dtype));
    return {};
  }
  const int64_t rank = static_cast<int64_t>(element.dims->size()) + new_axis;
  const int64_t axis = TRY(context.axis(context.attrs().get_int("axis"), rank));
  Dims dims = *element.dims;
  if (new_axis != 0) dims.insert(dims.begin() + axis, Dim(0));
  dims[static_cast<size_t>(axis)] = Dim::unknown();
  context.set_output(0, element.dtype, std::move(dims));
  return {};
}

// The items as views, with a dim of 1 where a new axis is wanted, and the shape they join to.
struct Joined {
  std::vector<TensorView> views;
  Shape shape;
  size_t axis = 0;
};

std::optional<Joined> join_items(RunArgs& args, int64_t given, bool new_axis) {
  const auto& items = items_of(args);
  Joined joined;
  if (items.empty()) {
    args.report(Code::kInvalidArgument, "the sequence is empty, nothing can be joined");
    return std::nullopt;
  }
  const auto rank = static_cast<int64_t>(items[0].tensor().shape().rank()) + (new_axis ? 1 : 0);
  if (given < -rank || given >= rank) {
    args.report(Code::kInvalidArgument,
                fmt::format("axis is {} for items of rank {}", given, rank));
    return std::nullopt;
  }
  joined.axis = static_cast<size_t>(given < 0 ? given + rank : given);
  for (const Value& item : items) {
    TensorView view = item.tensor().view();
    if (static_cast<int64_t>(view.shape.rank()) + (new_axis ? 1 : 0) == rank && new_axis) {
      view.shape.insert(joined.axis, 1);
    }
    bool fits = static_cast<int64_t>(view.shape.rank()) == rank;
    for (size_t d = 0; fits && !joined.views.empty() && d < view.shape.rank(); ++d) {
      fits = d == joined.axis || view.shape[d] == joined.shape[d];
    }
    if (!fits) {
      args.report(Code::kInvalidArgument,
                  fmt::format("item {} has shape {}, which does not join the others",
                              joined.views.size(), view.shape.to_string()));
      return std::nullopt;
    }
    if (joined.views.empty()) {
      joined.shape = view.shape;
    } else {
      joined.shape[joined.axis] += view.shape[joined.axis];
    }
    joined.views.push_back(std::move(view));
  }
  return joined;
}

Result<std::unique_ptr<Kernel>> make_concat_from(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  return make_kernel(
      [axis = attrs.get_int("axis"), new_axis = attrs.get_int("new_axis") != 0](RunArgs& args) {
        const auto joined = join_items(args, axis, new_axis);
        if (!joined) return;
        const DType dtype = joined->views[0].dtype;
        const TensorView dst = args.allocate(0, dtype, joined->shape);
        if (args.failed()) return;
        const int64_t rows = joined->shape.count(0, joined->axis);
        const int64_t stride = joined->shape.count(joined->axis, joined->shape.rank());
        int64_t offset = 0;
        for (const TensorView& view : joined->views) {
          const int64_t length = view.shape.count(joined->axis, view.shape.rank());
          StridedCopy copy{dtype, {rows, length}, {length, 1}, {stride, 1}};
          copy.dst_offset = offset;
          offset += length;
          if (view.count() != 0)
            run_strided_copy(copy.simplified(), view.data, dst.data, args.pool);
        }
      });
}

// ---- SplitToSequence

// The length of all pieces of a dim when they have the same one.
Dim piece_length(const InferContext& context, const Dim& dim) {
  const auto split = context.peek_ints(1);
  if (!split || split->empty() || !context.has_rank(1)) return Dim::unknown();
  const Dim& first = split->front();
  if (context.rank(1) == 0) {
    const bool even = dim.is_constant() && first.is_constant() && first.value() > 0 &&
                      dim.value() % first.value() == 0;
    return even ? first : Dim::unknown();
  }
  for (const Dim& length : *split) {
    if (!(length == first)) return Dim::unknown();
  }
  return first;
}

Result<void> infer_split_to(InferContext& context) {
  ValueType element = context.input(0);
  if (element.is_tensor() && element.dims) {
    const int64_t axis = TRY(context.axis(context.attrs().get_int("axis"), context.rank(0)));
    const bool drop = !context.has_input(1) && context.attrs().get_int("keepdims") == 0;
    if (drop) {
      element.dims->erase(element.dims->begin() + axis);
    } else {
      Dim& dim = (*element.dims)[static_cast<size_t>(axis)];
      dim = context.has_input(1) ? piece_length(context, dim) : Dim(1);
    }
  }
  context.set_output(0, ValueType::sequence(std::move(element)));
  return {};
}

// The lengths of the pieces, or nothing after a report.
std::optional<std::vector<int64_t>> piece_lengths(RunArgs& args, int64_t dim) {
  std::vector<int64_t> lengths;
  if (!has_operand(args, 1)) return std::vector<int64_t>(static_cast<size_t>(dim), 1);
  const TensorView& split = args.inputs[1];
  const IndexView numbers(split);
  if (split.shape.rank() == 0) {
    if (numbers[0] < 1) {
      args.report(Code::kInvalidArgument, fmt::format("split is {}", numbers[0]));
      return std::nullopt;
    }
    for (int64_t left = dim; left > 0; left -= std::min(left, numbers[0])) {
      lengths.push_back(std::min(left, numbers[0]));
    }
    return lengths;
  }
  int64_t sum = 0;
  for (int64_t i = 0; i < split.count(); ++i) {
    const bool fits = numbers[i] >= 0 && numbers[i] <= dim - sum;
    if (!fits) sum = -1;
    if (sum < 0) break;
    sum += numbers[i];
    lengths.push_back(numbers[i]);
  }
  if (sum != dim) {
    args.report(Code::kInvalidArgument,
                fmt::format("split does not add up to the {} elements of the axis", dim));
    return std::nullopt;
  }
  return lengths;
}

Result<std::unique_ptr<Kernel>> make_split_to(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  const bool keep = attrs.get_int("keepdims") != 0 || request.has_input(1);
  return make_kernel([given = attrs.get_int("axis"), keep](RunArgs& args) {
    const TensorView& src = args.inputs[0];
    const auto rank = static_cast<int64_t>(src.shape.rank());
    const auto axis = static_cast<size_t>(given < 0 ? given + rank : given);
    const auto lengths = piece_lengths(args, src.shape[axis]);
    if (!lengths) return;
    const int64_t rows = src.shape.count(0, axis);
    const int64_t inner = src.shape.count(axis + 1, src.shape.rank());
    std::vector<Value> items;
    int64_t offset = 0;
    for (int64_t length : *lengths) {
      Shape shape = src.shape;
      shape[axis] = length;
      auto piece = Tensor::allocate(src.dtype, shape);
      if (!piece) return args.report(piece.error().code, piece.error().message);
      StridedCopy copy{
          src.dtype, {rows, length * inner}, {src.shape[axis] * inner, 1}, {length * inner, 1}};
      copy.src_offset = offset;
      offset += length * inner;
      if (piece->count() != 0) {
        run_strided_copy(copy.simplified(), src.data, piece->data(), args.pool);
      }
      if (!keep) shape.erase(axis);
      items.emplace_back(piece->reshaped(shape));
    }
    args.set_value(0, Value::sequence(std::move(items), src.dtype));
  });
}

// ---- optionals

Result<void> infer_optional(InferContext& context) {
  if (context.input_count() > 0 && context.has_input(0)) {
    context.set_output(0, ValueType::optional(context.input(0)));
    return {};
  }
  const Attr* type = context.attrs().find("type");
  if (type == nullptr) {
    return fail(Code::kInvalidArgument, "an empty optional needs the attribute 'type'");
  }
  context.set_output(0, ValueType::optional(std::get<ValueType>(*type)));
  return {};
}

void run_optional(RunArgs& args) {
  if (!has_operand(args, 0)) {
    args.set_value(0, Value::optional());
    return;
  }
  if (auto inner = own_input(args, 0)) args.set_value(0, Value::optional(std::move(*inner)));
}

Result<void> infer_get_element(InferContext& context) {
  const ValueType& type = context.input(0);
  const bool optional = type.kind == ValueType::Kind::kOptional;
  context.set_output(0, optional && type.element ? *type.element : type);
  return {};
}

void run_get_element(RunArgs& args) {
  const Value* value = args.input_values[0];
  if (value == nullptr) {  // a plain tensor stands for itself
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, args.inputs[0].shape);
    if (!args.failed()) copy_elements(args.inputs[0], dst);
  } else if (value->kind() != Value::Kind::kOptional) {
    give_value(args, 0, *value);
  } else if (!value->has_value()) {
    args.report(Code::kInvalidArgument, "the optional is empty, it has no element to get");
  } else {
    give_value(args, 0, value->inner());
  }
}

Result<void> infer_has_element(InferContext& context) {
  context.set_output(0, DType::kBool, Dims{});
  return {};
}

void run_has_element(RunArgs& args) {
  bool has = has_operand(args, 0);
  if (has && args.input_values[0] != nullptr) has = args.input_values[0]->has_value();
  const TensorView dst = args.allocate(0, DType::kBool, {});
  if (!args.failed()) *dst.as<bool>() = has;
}

template <void (*run)(RunArgs&)>
Result<std::unique_ptr<Kernel>> make_plain(const KernelRequest&) {
  return make_kernel(run);
}

OpDef value_op(std::vector<int> versions, std::vector<FormalParam> inputs, FormalParam output,
               InferRule infer, MakeKernel make) {
  OpDef op;
  op.versions = std::move(versions);
  op.inputs = std::move(inputs);
  op.outputs = {output};
  op.infer = infer;
  op.kernels = {{"reference", make}};
  return op;
}

}  // namespace

OpDef op_SequenceConstruct() {
  return value_op({11}, {{"inputs", "T", kItemTypes, Form::kVariadic}},
                  {"output_sequence", "", kAnyValue}, infer_construct, make_plain<run_construct>);
}

OpDef op_SequenceEmpty() {
  OpDef op = value_op({11}, {}, {"output", "", kAnyValue}, infer_empty, make_empty);
  op.attrs = {optional_attr("dtype", FormalAttr::Kind::kInt)};
  return op;
}

OpDef op_SequenceAt() {
  return value_op({11}, {{"input_sequence", "", kAnyValue}, {"position", "I", kPositionTypes}},
                  {"tensor", "T", kItemTypes}, infer_at, make_plain<run_at>);
}

OpDef op_SequenceInsert() {
  return value_op({11},
                  {{"input_sequence", "", kAnyValue},
                   {"tensor", "T", kItemTypes},
                   {"position", "I", kPositionTypes, Form::kOptional}},
                  {"output_sequence", "", kAnyValue}, infer_insert, make_plain<run_insert>);
}

OpDef op_SequenceErase() {
  return value_op(
      {11}, {{"input_sequence", "", kAnyValue}, {"position", "I", kPositionTypes, Form::kOptional}},
      {"output_sequence", "", kAnyValue}, infer_erase, make_plain<run_erase>);
}

OpDef op_SequenceLength() {
  return value_op({11}, {{"input_sequence", "", kAnyValue}},
                  {"length", "", dtype_set(DType::kInt64)}, infer_length, make_plain<run_length>);
}

OpDef op_ConcatFromSequence() {
  OpDef op = value_op({11}, {{"input_sequence", "", kAnyValue}}, {"concat_result", "T"},
                      infer_concat_from, make_concat_from);
  op.attrs = {required_attr("axis", FormalAttr::Kind::kInt), int_attr("new_axis", 0)};
  return op;
}

OpDef op_SplitToSequence() {
  OpDef op = value_op({11, 24},
                      {{"input", "T", kItemTypes}, {"split", "I", kPositionTypes, Form::kOptional}},
                      {"output_sequence", "", kAnyValue}, infer_split_to, make_split_to);
  op.attrs = {int_attr("axis", 0), int_attr("keepdims", 1)};
  return op;
}

OpDef op_Optional() {
  OpDef op = value_op({15}, {{"input", "", kAnyValue, Form::kOptional}}, {"output", "", kAnyValue},
                      infer_optional, make_plain<run_optional>);
  op.attrs = {optional_attr("type", FormalAttr::Kind::kType)};
  return op;
}

OpDef op_OptionalGetElement() {
  return value_op({15, 18}, {{"input", "", kAnyValue}}, {"output", "", kAnyValue},
                  infer_get_element, make_plain<run_get_element>);
}

OpDef op_OptionalHasElement() {
  return value_op({15, 18}, {{"input", "", kAnyValue, Form::kOptional}},
                  {"output", "", dtype_set(DType::kBool)}, infer_has_element,
                  make_plain<run_has_element>);
}

}  // namespace sardonyx
