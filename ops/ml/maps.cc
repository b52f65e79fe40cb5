// ai.onnx.ml operators over maps: CastMap and DictVectorizer turn a map into a row, ZipMap turns
// rows into maps.
#include <charconv>
#include <cmath>
#include <map>

#include "ops/ml/rows.h"
#include "ops/ml/scores.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

Result<void> expect_map(const InferContext& context, DTypeSet keys, DTypeSet values) {
  const ValueType& type = context.input(0);
  if (type.kind == ValueType::Kind::kUnknown) return {};
  const auto allowed = [](DTypeSet set, DType dtype) {
    return dtype == DType::kUndefined || (set & dtype_bit(dtype)) != 0;
  };
  const bool fits = type.kind == ValueType::Kind::kMap && allowed(keys, type.dtype) &&
                    (!type.element || allowed(values, type.element->dtype));
  if (fits) return {};
  return fail(Code::kInvalidArgument, "{} is not a map that {} takes", context.describe(0),
              context.node().op_type);
}

// ---- CastMap

struct CastMap {
  DType dtype = DType::kFloat32;
  bool sparse = false;
  int64_t length = 0;  // when sparse
};

Result<CastMap> read_cast_map(const AttrMap& attrs) {
  CastMap cast;
  const std::string& to = attrs.get_string("cast_to");
  const std::string& form = attrs.get_string("map_form");
  if (to == "TO_STRING") {
    cast.dtype = DType::kString;
  } else if (to == "TO_INT64") {
    cast.dtype = DType::kInt64;
  } else if (to != "TO_FLOAT") {
    return fail(Code::kInvalidArgument, "cast_to is '{}', expected TO_FLOAT, TO_STRING or TO_INT64",
                to);
  }
  cast.sparse = form == "SPARSE";
  if (!cast.sparse && form != "DENSE") {
    return fail(Code::kInvalidArgument, "map_form is '{}', expected DENSE or SPARSE", form);
  }
  cast.length = attrs.get_int("max_map");
  if (cast.sparse && cast.length <= 0) {
    return fail(Code::kInvalidArgument, "max_map is {}, expected the length of the output",
                cast.length);
  }
  return cast;
}

Result<void> infer_cast_map(InferContext& context) {
  const CastMap cast = TRY(read_cast_map(context.attrs()));
  TRY(expect_map(context, dtype_set(DType::kInt64), dtype_set(DType::kFloat32, DType::kString)));
  context.set_output(0, cast.dtype, {Dim(1), cast.sparse ? Dim(cast.length) : Dim::unknown()});
  return {};
}

// The number that a text begins with, as C reads it; nothing when there is none.
std::optional<double> parse_number(const std::string& text) {
  const size_t start = text.find_first_not_of(" \t\n");
  if (start == std::string::npos) return std::nullopt;
  const char* first = text.data() + start + (text[start] == '+' ? 1 : 0);
  double number = 0;
  const auto parsed = std::from_chars(first, text.data() + text.size(), number);
  if (parsed.ec != std::errc()) return std::nullopt;
  return number;
}

int64_t to_int64(double number) {
  constexpr double kLimit = 9223372036854775808.0;
  if (!(number > -kLimit)) return INT64_MIN;
  return number < kLimit ? static_cast<int64_t>(number) : INT64_MAX;
}

// Element `from` of the values as element `to` of the row; false for a text that is no number.
bool cast_element(const Tensor& values, int64_t from, const TensorView& dst, int64_t to) {
  if (dst.dtype == DType::kString) {
    dst.as<std::string>()[to] = values.dtype() == DType::kString
                                    ? values.as<const std::string>()[from]
                                    : fmt::format("{:f}", values.as<const float>()[from]);
    return true;
  }
  std::optional<double> number;
  if (values.dtype() == DType::kString) {
    number = parse_number(values.as<const std::string>()[from]);
  } else {
    number = values.as<const float>()[from];
  }
  if (!number) return false;
  if (dst.dtype == DType::kFloat32) {
    dst.as<float>()[to] = static_cast<float>(*number);
  } else {
    dst.as<int64_t>()[to] = to_int64(*number);
  }
  return true;
}

// What the places of a sparse row hold that no key names.
void clear_row(const TensorView& dst) {
  if (dst.dtype == DType::kString) {
    std::fill_n(dst.as<std::string>(), dst.count(), "0.f");  // as other runtimes have it
  } else if (dst.dtype == DType::kFloat32) {
    std::fill_n(dst.as<float>(), dst.count(), 0.f);
  } else {
    std::fill_n(dst.as<int64_t>(), dst.count(), int64_t{0});
  }
}

void run_cast_map(const CastMap& cast, RunArgs& args) {
  const MapValue& map = args.input_values[0]->map();
  const int64_t count = map.keys.count();
  const auto* keys = map.keys.as<const int64_t>();
  std::map<int64_t, int64_t> places;  // where each key stands, in ascending order of keys
  for (int64_t i = 0; i < count; ++i) places[keys[i]] = i;
  const auto length = cast.sparse ? cast.length : static_cast<int64_t>(places.size());
  const TensorView dst = args.allocate(0, cast.dtype, {1, length});
  if (args.failed()) return;
  clear_row(dst);
  int64_t next = 0;
  for (const auto& [key, from] : places) {
    if (cast.sparse && key < 0) {
      return args.report(Code::kInvalidArgument,
                         fmt::format("the key {} of the map is negative: it is no place in the "
                                     "sparse form",
                                     key));
    }
    const int64_t to = cast.sparse ? key : next++;
    if (to >= length) continue;
    if (!cast_element(map.values, from, dst, to)) {
      return args.report(Code::kInvalidArgument,
                         fmt::format("the value '{}' of key {} is no number",
                                     map.values.as<const std::string>()[from], key));
    }
  }
}

Result<std::unique_ptr<Kernel>> make_cast_map(const KernelRequest& request) {
  const CastMap cast = TRY(read_cast_map(request.node.attrs));
  return make_kernel([cast](RunArgs& args) { run_cast_map(cast, args); });
}

// ---- DictVectorizer

// string_vocabulary or int64_vocabulary.
Result<Tensor> read_vocabulary(const AttrMap& attrs) {
  const bool strings = attrs.has("string_vocabulary");
  if (strings == attrs.has("int64_vocabulary")) {
    return fail(Code::kInvalidGraph,
                "{} of string_vocabulary and int64_vocabulary are given, expected one",
                strings ? "both" : "none");
  }
  const auto length = [](size_t count) { return Shape{static_cast<int64_t>(count)}; };
  if (!strings) {
    const auto& ints = attrs.get_ints("int64_vocabulary");
    return Tensor::from<int64_t>(length(ints.size()), ints);
  }
  const auto& words = attrs.get_strings("string_vocabulary");
  return Tensor::from<std::string>(length(words.size()), words);
}

constexpr DTypeSet kDictValues =
    dtype_set(DType::kFloat32, DType::kFloat64, DType::kInt64, DType::kString);

Result<void> infer_dict_vectorizer(InferContext& context) {
  const Tensor vocabulary = TRY(read_vocabulary(context.attrs()));
  TRY(expect_map(context, dtype_bit(vocabulary.dtype()), kDictValues));
  const auto& element = context.input(0).element;
  context.set_output(0, element ? element->dtype : DType::kUndefined,
                     {Dim(1), Dim(vocabulary.count())});
  return {};
}

// Calls fn(TypeTag<T>()) for the element type of the values of a map.
template <class Fn>
void visit_dict_value(DType dtype, Fn&& fn) {
  if (dtype == DType::kString) {
    fn(TypeTag<std::string>());
  } else {
    visit_dtype<float, double, int64_t>(dtype, fn);
  }
}

template <class K>
std::unique_ptr<Kernel> make_dict_row(const Tensor& vocabulary) {
  std::map<K, int64_t> places;
  for (int64_t i = 0; i < vocabulary.count(); ++i) places[vocabulary.as<const K>()[i]] = i;
  return make_kernel([places = std::move(places), length = vocabulary.count()](RunArgs& args) {
    const MapValue& map = args.input_values[0]->map();
    const TensorView dst = args.allocate(0, map.values.dtype(), {1, length});
    if (args.failed()) return;
    visit_dict_value(dst.dtype, [&](auto tag) {
      using V = typename decltype(tag)::Type;
      std::fill_n(dst.as<V>(), length, V());
      for (int64_t i = 0; i < map.keys.count(); ++i) {
        const auto place = places.find(map.keys.as<const K>()[i]);
        if (place != places.end()) dst.as<V>()[place->second] = map.values.as<const V>()[i];
      }
    });
  });
}

Result<std::unique_ptr<Kernel>> make_dict_vectorizer(const KernelRequest& request) {
  const Tensor vocabulary = TRY(read_vocabulary(request.node.attrs));
  if (vocabulary.dtype() == DType::kString) return make_dict_row<std::string>(vocabulary);
  return make_dict_row<int64_t>(vocabulary);
}

// ---- ZipMap

Result<void> infer_zip_map(InferContext& context) {
  const ClassLabels labels = TRY(ClassLabels::read(context.attrs(), "classlabels_int64s"));
  const RowDims dims = TRY(row_dims(context));
  TRY(expect_features(context, dims, labels.count(), "the number of keys is"));
  context.set_output(0, ValueType::sequence(ValueType::map(
                            labels.dtype(), ValueType::tensor(DType::kFloat32, Dims()))));
  return {};
}

// The columns in ascending order of their keys, of equal keys the last.
template <class K>
std::vector<int64_t> order_columns(const Tensor& keys) {
  std::map<K, int64_t> columns;
  for (int64_t i = 0; i < keys.count(); ++i) columns[keys.as<const K>()[i]] = i;
  std::vector<int64_t> order;
  order.reserve(columns.size());
  for (const auto& [key, column] : columns) order.push_back(column);
  return order;
}

struct ZipMap {
  Tensor keys;  // sorted
  std::vector<int64_t> columns;
};

template <class K>
ZipMap sort_keys(const Tensor& labels) {
  ZipMap zip;
  zip.columns = order_columns<K>(labels);
  std::vector<K> keys;
  for (int64_t column : zip.columns) keys.push_back(labels.as<const K>()[column]);
  zip.keys = Tensor::from<K>({static_cast<int64_t>(keys.size())}, std::span<const K>(keys));
  return zip;
}

// All maps share the keys and one block of values.
void run_zip_map(const ZipMap& zip, RunArgs& args) {
  const TensorView& src = args.inputs[0];
  const RowCount size = rows_of(src.shape);
  const auto width = static_cast<int64_t>(zip.columns.size());
  auto values = Tensor::allocate(DType::kFloat32, {size.rows, width});
  if (!values) return args.report(values.error().code, values.error().message);
  std::vector<Value> maps;
  maps.reserve(static_cast<size_t>(size.rows));
  for (int64_t row = 0; row < size.rows; ++row) {
    const float* from = src.as<const float>() + row * size.features;
    float* to = values->as<float>() + row * width;
    for (int64_t i = 0; i < width; ++i) to[i] = from[zip.columns[static_cast<size_t>(i)]];
    maps.push_back(
        Value::map(zip.keys, Tensor::wrap(DType::kFloat32, {width}, to, values->owner())));
  }
  args.set_value(0, Value::sequence(std::move(maps)));
}

Result<std::unique_ptr<Kernel>> make_zip_map(const KernelRequest& request) {
  const ClassLabels labels = TRY(ClassLabels::read(request.node.attrs, "classlabels_int64s"));
  ZipMap zip = labels.dtype() == DType::kString ? sort_keys<std::string>(labels.tensor())
                                                : sort_keys<int64_t>(labels.tensor());
  return make_kernel([zip = std::move(zip)](RunArgs& args) { run_zip_map(zip, args); });
}

}  // namespace

OpDef op_CastMap() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "", kAnyValue}};
  op.outputs = {{"Y", "T2", dtype_set(DType::kFloat32, DType::kString, DType::kInt64)}};
  op.attrs = {string_attr("cast_to", "TO_FLOAT"), string_attr("map_form", "DENSE"),
              int_attr("max_map", 1)};
  op.infer = infer_cast_map;
  op.kernels = {{"copy", make_cast_map}};
  return op;
}

OpDef op_DictVectorizer() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "", kAnyValue}};
  op.outputs = {{"Y", "T2", kDictValues}};
  op.attrs = {optional_attr("string_vocabulary", FormalAttr::Kind::kStrings),
              optional_attr("int64_vocabulary", FormalAttr::Kind::kInts)};
  op.infer = infer_dict_vectorizer;
  op.kernels = {{"search", make_dict_vectorizer}};
  return op;
}

OpDef op_ZipMap() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "", dtype_set(DType::kFloat32)}};
  op.outputs = {{"Z", "", kAnyValue}};
  op.attrs = {optional_attr("classlabels_strings", FormalAttr::Kind::kStrings),
              optional_attr("classlabels_int64s", FormalAttr::Kind::kInts)};
  op.infer = infer_zip_map;
  op.kernels = {{"share", make_zip_map}};
  return op;
}

}  // namespace sardonyx
