// ai.onnx.ml operators that replace keys by values: LabelEncoder, CategoryMapper.
#include <cmath>
#include <map>

#include "ops/cells.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kKeyTypes = dtype_set(DType::kString, DType::kInt64, DType::kInt32,
                                         DType::kInt16, DType::kFloat32, DType::kFloat64);

// Calls fn(TypeTag<T>()) for the element type of a label.
template <class Fn>
void visit_label(DType dtype, Fn&& fn) {
  if (dtype == DType::kString) {
    fn(TypeTag<std::string>());
  } else {
    visit_dtype<int64_t, int32_t, int16_t, float, double>(dtype, fn);
  }
}

// Keys, the value of each, and what a key that is not listed gives.
struct Labels {
  Tensor keys, values, otherwise;
};

// ---- LabelEncoder

// The one list among <side>_tensor, <side>_strings, <side>_int64s, <side>_floats.
Result<Tensor> read_list(const AttrMap& attrs, const std::string& side) {
  std::vector<Tensor> lists;
  const auto length = [](size_t count) { return Shape{static_cast<int64_t>(count)}; };
  if (const Tensor* tensor = attrs.get_tensor(side + "_tensor")) lists.push_back(*tensor);
  if (attrs.has(side + "_strings")) {
    const auto& list = attrs.get_strings(side + "_strings");
    lists.push_back(Tensor::from<std::string>(length(list.size()), list));
  }
  if (attrs.has(side + "_int64s")) {
    const auto& list = attrs.get_ints(side + "_int64s");
    lists.push_back(Tensor::from<int64_t>(length(list.size()), list));
  }
  if (attrs.has(side + "_floats")) {
    const auto& list = attrs.get_floats(side + "_floats");
    lists.push_back(Tensor::from<float>(length(list.size()), list));
  }
  if (lists.size() != 1) {
    return fail(Code::kInvalidGraph,
                "{} lists of {} are given, expected 1 of {}_tensor, "
                "{}_strings, {}_int64s, {}_floats",
                lists.size(), side, side, side, side, side);
  }
  if ((dtype_bit(lists[0].dtype()) & kKeyTypes) == 0) {
    return fail(Code::kInvalidArgument, "the {} cannot be {}", side, dtype_name(lists[0].dtype()));
  }
  return lists[0];
}

// What a key that is not listed gives.
Result<Tensor> read_default(const AttrMap& attrs, DType dtype) {
  if (const Tensor* tensor = attrs.get_tensor("default_tensor")) {
    if (tensor->dtype() == dtype && tensor->count() == 1) return *tensor;
    return fail(Code::kInvalidArgument, "default_tensor is {} {}, expected one {}",
                dtype_name(tensor->dtype()), tensor->shape().to_string(), dtype_name(dtype));
  }
  Tensor value = TRY(Tensor::allocate(dtype, {1}));
  switch (dtype) {
    case DType::kString:
      *value.as<std::string>() = attrs.get_string("default_string");
      break;
    case DType::kFloat32:
      *value.as<float>() = attrs.get_float("default_float");
      break;
    case DType::kFloat64:
      *value.as<double>() = -0.0;
      break;
    case DType::kInt64:
      *value.as<int64_t>() = attrs.get_int("default_int64");
      break;
    case DType::kInt32:
      *value.as<int32_t>() = -1;
      break;
    default:
      *value.as<int16_t>() = -1;
  }
  return value;
}

Result<Labels> read_labels(const AttrMap& attrs) {
  Labels labels;
  labels.keys = TRY(read_list(attrs, "keys"));
  labels.values = TRY(read_list(attrs, "values"));
  labels.otherwise = TRY(read_default(attrs, labels.values.dtype()));
  if (labels.keys.count() == labels.values.count()) return labels;
  return fail(Code::kInvalidArgument, "{} keys for {} values; expected as many",
              labels.keys.count(), labels.values.count());
}

Result<void> infer_label_encoder(InferContext& context) {
  const Labels labels = TRY(read_labels(context.attrs()));
  if (context.dtype(0) != DType::kUndefined && context.dtype(0) != labels.keys.dtype()) {
    return fail(Code::kInvalidArgument, "{} must be {}, as the keys are", context.describe(0),
                dtype_name(labels.keys.dtype()));
  }
  ValueType type = context.input(0);
  type.dtype = labels.values.dtype();
  context.set_output(0, std::move(type));
  return {};
}

// Keys in an order in which NaNs are equal to each other and follow all numbers.
template <class K>
struct KeyOrder {
  bool operator()(const K& a, const K& b) const {
    if constexpr (std::is_floating_point_v<K>) {
      if (std::isnan(a)) return false;
      if (std::isnan(b)) return true;
    }
    return a < b;
  }
};

template <class K>
std::unique_ptr<Kernel> make_mapping(const Labels& labels) {
  std::map<K, int64_t, KeyOrder<K>> places;
  for (int64_t i = 0; i < labels.keys.count(); ++i) {
    places[labels.keys.as<const K>()[i]] = i;  // the last of equal keys counts
  }
  return make_kernel([labels, places = std::move(places)](RunArgs& args) {
    const TensorView& src = args.inputs[0];
    const TensorView dst = args.allocate(0, labels.values.dtype(), src.shape);
    if (args.failed()) return;
    visit_label(dst.dtype, [&](auto tag) {
      using V = typename decltype(tag)::Type;
      parallel_ranges(args.pool, src.count(), 256, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
          const auto found = places.find(src.as<const K>()[i]);
          dst.as<V>()[i] = found == places.end() ? *labels.otherwise.as<const V>()
                                                 : labels.values.as<const V>()[found->second];
        }
      });
    });
  });
}

std::unique_ptr<Kernel> make_mapping_of(const Labels& labels) {
  std::unique_ptr<Kernel> kernel;
  visit_label(labels.keys.dtype(),
              [&](auto tag) { kernel = make_mapping<typename decltype(tag)::Type>(labels); });
  return kernel;
}

Result<std::unique_ptr<Kernel>> make_label_encoder(const KernelRequest& request) {
  return make_mapping_of(TRY(read_labels(request.node.attrs)));
}

// ---- CategoryMapper

Result<void> infer_category_mapper(InferContext& context) {
  const size_t strings = context.attrs().get_strings("cats_strings").size();
  const size_t ints = context.attrs().get_ints("cats_int64s").size();
  if (strings != ints || ints == 0) {
    return fail(Code::kInvalidArgument,
                "cats_strings has {} entries and cats_int64s {}; expected as many, and some",
                strings, ints);
  }
  ValueType type = context.input(0);
  if (type.dtype == DType::kString) {
    type.dtype = DType::kInt64;
  } else if (type.dtype == DType::kInt64) {
    type.dtype = DType::kString;
  }
  context.set_output(0, std::move(type));
  return {};
}

Result<std::unique_ptr<Kernel>> make_category_mapper(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  const auto& names = attrs.get_strings("cats_strings");
  const auto& numbers = attrs.get_ints("cats_int64s");
  const Shape length{static_cast<int64_t>(names.size())};
  Labels labels{Tensor::from<std::string>(length, names), Tensor::from<int64_t>(length, numbers),
                Tensor::scalar(attrs.get_int("default_int64"))};
  if (request.inputs[0].dtype() == DType::kInt64) {
    std::swap(labels.keys, labels.values);
    labels.otherwise = Tensor::scalar(attrs.get_string("default_string"));
  }
  return make_mapping_of(labels);
}

}  // namespace

OpDef op_CategoryMapper() {
  constexpr DTypeSet types = dtype_set(DType::kString, DType::kInt64);
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T1", types}};
  op.outputs = {{"Y", "T2", types}};
  op.attrs = {optional_attr("cats_strings", FormalAttr::Kind::kStrings),
              optional_attr("cats_int64s", FormalAttr::Kind::kInts),
              string_attr("default_string", "_Unused"), int_attr("default_int64", -1)};
  op.infer = infer_category_mapper;
  op.kernels = {{"search", make_category_mapper}};
  return op;
}

OpDef op_LabelEncoder() {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.versions = {1, 2, 4};
  op.inputs = {{"X", "T1", kKeyTypes}};
  op.outputs = {{"Y", "T2", kKeyTypes}};
  op.attrs = {optional_attr("keys_tensor", Kind::kTensor),
              optional_attr("keys_strings", Kind::kStrings),
              optional_attr("keys_int64s", Kind::kInts),
              optional_attr("keys_floats", Kind::kFloats),
              optional_attr("values_tensor", Kind::kTensor),
              optional_attr("values_strings", Kind::kStrings),
              optional_attr("values_int64s", Kind::kInts),
              optional_attr("values_floats", Kind::kFloats),
              optional_attr("default_tensor", Kind::kTensor),
              string_attr("default_string", "_Unused"),
              int_attr("default_int64", -1),
              float_attr("default_float", -0.0f)};
  op.keeps_denormals = true;
  op.infer = infer_label_encoder;
  op.kernels = {{"search", make_label_encoder}};
  return op;
}

}  // namespace sardonyx
