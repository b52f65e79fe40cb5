// ai.onnx.ml operators that prepare features: FeatureVectorizer, Imputer, Normalizer,
// OneHotEncoder, Scaler, ArrayFeatureExtractor, Binarizer.
#include <algorithm>
#include <cmath>
#include <map>

#include "ops/cells.h"
#include "ops/ml/rows.h"
#include "ops/ml/scores.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

Result<void> infer_same_shape_f32(InferContext& context) {
  ValueType type = context.input(0);
  type.kind = ValueType::Kind::kTensor;
  type.dtype = DType::kFloat32;
  context.set_output(0, std::move(type));
  return {};
}

// ---- FeatureVectorizer

// Inputs of rank 1 are one row; what lies behind the second axis is flattened.
RowCount flat_rows(const Shape& shape) {
  if (shape.rank() < 2) return {1, shape.count()};
  return {shape[0], shape.count(1, shape.rank())};
}

Result<std::vector<int64_t>> read_widths(const AttrMap& attrs, size_t inputs) {
  const auto& widths = attrs.get_ints("inputdimensions");
  if (widths.size() != inputs) {
    return fail(Code::kInvalidGraph, "inputdimensions has {} entries for {} inputs", widths.size(),
                inputs);
  }
  int64_t total = 0;
  for (int64_t width : widths) {
    if (width < 0 || __builtin_add_overflow(total, width, &total)) {
      return fail(Code::kInvalidArgument, "inputdimensions has {}, expected a number of columns",
                  width);
    }
  }
  return widths;
}

Result<void> infer_vectorizer(InferContext& context) {
  const auto widths = TRY(read_widths(context.attrs(), context.input_count()));
  int64_t total = 0;
  Dim rows = Dim::unknown();
  for (size_t i = 0; i < widths.size(); ++i) {
    total += widths[i];
    if (!context.has_rank(i)) continue;
    TRY(expect_min_rank(context, i, 1));
    const Dim own = context.rank(i) == 1 ? Dim(1) : context.dims(i)[0];
    rows = TRY(same_dim(rows, own, "the number of rows"));
  }
  context.set_output(0, DType::kFloat32, {rows, Dim(total)});
  return {};
}

// Columns beyond what an input has are zero, those beyond its width are left out.
void run_vectorizer(const std::vector<int64_t>& widths, int64_t total, RunArgs& args) {
  const int64_t rows = flat_rows(args.inputs[0].shape).rows;
  const TensorView dst = args.allocate(0, DType::kFloat32, {rows, total});
  if (args.failed()) return;
  float* to = dst.as<float>();
  std::fill_n(to, dst.count(), 0.f);
  for (size_t i = 0; i < widths.size(); ++i) {
    const TensorView& src = args.inputs[i];
    const RowCount size = flat_rows(src.shape);
    const int64_t copied = std::min(size.features, widths[i]);
    for (int64_t row = 0; row < rows; ++row) {
      load_rows(src, row * size.features, std::span(to + row * total, static_cast<size_t>(copied)));
    }
    to += widths[i];
  }
}

Result<std::unique_ptr<Kernel>> make_vectorizer(const KernelRequest& request) {
  auto widths = TRY(read_widths(request.node.attrs, request.inputs.size()));
  int64_t total = 0;
  for (int64_t width : widths) total += width;
  return make_kernel(
      [widths = std::move(widths), total](RunArgs& args) { run_vectorizer(widths, total, args); });
}

// ---- Imputer

bool is_integer(DType dtype) { return dtype == DType::kInt64 || dtype == DType::kInt32; }

// What to write instead, one number for all columns or one for each.
size_t count_imputed(const AttrMap& attrs, bool integer) {
  return integer ? attrs.get_ints("imputed_value_int64s").size()
                 : attrs.get_floats("imputed_value_floats").size();
}

Result<void> infer_imputer(InferContext& context) {
  const AttrMap& attrs = context.attrs();
  set_like_input(context);
  const bool ints = attrs.has("imputed_value_int64s");
  if (ints == attrs.has("imputed_value_floats")) {
    return fail(Code::kInvalidGraph,
                "{} of imputed_value_floats and imputed_value_int64s are given, expected one",
                ints ? "both" : "none");
  }
  if (context.dtype(0) == DType::kUndefined) return {};
  if (ints != is_integer(context.dtype(0))) {
    return fail(Code::kInvalidArgument, "{} needs imputed_value_{}, but imputed_value_{} are given",
                context.describe(0), ints ? "floats" : "int64s", ints ? "int64s" : "floats");
  }
  if (context.dtype(0) == DType::kInt32) {
    for (int64_t value : attrs.get_ints("imputed_value_int64s")) {
      if (value == static_cast<int32_t>(value)) continue;
      return fail(Code::kInvalidArgument, "the imputed value {} does not fit int32", value);
    }
  }
  if (!context.has_rank(0)) return {};
  TRY(expect_min_rank(context, 0, 1));
  const Dim& columns = context.dims(0).back();
  const size_t count = count_imputed(attrs, ints);
  if (count == 0 ||
      (count != 1 && columns.is_constant() && columns.value() != static_cast<int64_t>(count))) {
    return fail(Code::kInvalidArgument,
                "{} values are imputed, expected 1 or one for each of the "
                "columns of {}",
                count, context.describe(0));
  }
  set_like_input(context, context.dims(0));
  return {};
}

template <class T, class V>
std::unique_ptr<Kernel> make_imputing(std::vector<V> values, V replaced) {
  return make_kernel([values = std::move(values), replaced](RunArgs& args) {
    const TensorView& src = args.inputs[0];
    const TensorView dst = args.allocate(0, src.dtype, src.shape);
    if (args.failed()) return;
    bool missing_is_nan = false;
    if constexpr (std::is_floating_point_v<V>) missing_is_nan = std::isnan(replaced);
    const auto columns = static_cast<int64_t>(values.size());
    for (int64_t i = 0; i < src.count(); ++i) {
      const T x = src.as<const T>()[i];
      bool missing = x == static_cast<T>(replaced);
      if constexpr (std::is_floating_point_v<T>) missing = missing_is_nan ? std::isnan(x) : missing;
      dst.as<T>()[i] = missing ? static_cast<T>(values[static_cast<size_t>(i % columns)]) : x;
    }
  });
}

Result<std::unique_ptr<Kernel>> make_imputer(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  const auto& ints = attrs.get_ints("imputed_value_int64s");
  const auto& floats = attrs.get_floats("imputed_value_floats");
  const int64_t int_replaced = attrs.get_int("replaced_value_int64");
  const float float_replaced = attrs.get_float("replaced_value_float");
  std::unique_ptr<Kernel> kernel;
  visit_feature(request.inputs[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    if constexpr (std::is_integral_v<T>) {
      // A value beyond int32 equals no element.
      const bool reachable = int_replaced == static_cast<T>(int_replaced);
      kernel = reachable ? make_imputing<T>(ints, int_replaced) : make_kernel([](RunArgs& args) {
        const TensorView dst = args.allocate(0, args.inputs[0].dtype, args.inputs[0].shape);
        if (!args.failed()) copy_elements(args.inputs[0], dst);
      });
    } else {
      kernel = make_imputing<T>(floats, float_replaced);
    }
  });
  return kernel;
}

// ---- Normalizer

enum class Norm : uint8_t { kMax, kL1, kL2 };

Result<Norm> read_norm(const AttrMap& attrs) {
  const std::string& norm = attrs.get_string("norm");
  if (norm == "MAX") return Norm::kMax;
  if (norm == "L1") return Norm::kL1;
  if (norm == "L2") return Norm::kL2;
  return fail(Code::kInvalidArgument, "norm is '{}', expected MAX, L1 or L2", norm);
}

Result<void> infer_normalizer(InferContext& context) {
  TRY(read_norm(context.attrs()));
  TRY(row_dims(context));
  return infer_same_shape_f32(context);
}

template <class T>
double divisor(Norm norm, const T* x, int64_t count) {
  double sum = norm == Norm::kMax && count > 0 ? static_cast<double>(x[0]) : 0;
  for (int64_t i = 0; i < count; ++i) {
    const auto element = static_cast<double>(x[i]);
    if (norm == Norm::kMax) {
      sum = std::max(sum, element);
    } else {
      sum += norm == Norm::kL1 ? std::abs(element) : element * element;
    }
  }
  return norm == Norm::kL2 ? std::sqrt(sum) : sum;
}

Result<std::unique_ptr<Kernel>> make_normalizer(const KernelRequest& request) {
  return make_kernel([norm = TRY(read_norm(request.node.attrs))](RunArgs& args) {
    const TensorView& src = args.inputs[0];
    const TensorView dst = args.allocate(0, DType::kFloat32, src.shape);
    if (args.failed()) return;
    const RowCount size = rows_of(src.shape);
    visit_feature(src.dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      parallel_ranges(args.pool, size.rows, size.features * 16, [&](int64_t first, int64_t last) {
        for (int64_t row = first; row < last; ++row) {
          const T* x = src.as<const T>() + row * size.features;
          float* y = dst.as<float>() + row * size.features;
          const double by = divisor(norm, x, size.features);
          for (int64_t i = 0; i < size.features; ++i) {
            const auto element = static_cast<double>(x[i]);
            y[i] = static_cast<float>(by == 0 ? element : element / by);
          }
        }
      });
    });
  });
}

// ---- OneHotEncoder

Result<Tensor> read_categories(const AttrMap& attrs) {
  const bool strings = attrs.has("cats_strings");
  if (strings == attrs.has("cats_int64s")) {
    return fail(Code::kInvalidGraph, "{} of cats_int64s and cats_strings are given, expected one",
                strings ? "both" : "none");
  }
  const auto length = [](size_t count) { return Shape{static_cast<int64_t>(count)}; };
  if (!strings) {
    const auto& ints = attrs.get_ints("cats_int64s");
    return Tensor::from<int64_t>(length(ints.size()), ints);
  }
  const auto& words = attrs.get_strings("cats_strings");
  return Tensor::from<std::string>(length(words.size()), words);
}

Result<void> infer_one_hot(InferContext& context) {
  const Tensor categories = TRY(read_categories(context.attrs()));
  const bool strings = categories.dtype() == DType::kString;
  if (context.dtype(0) != DType::kUndefined && strings != (context.dtype(0) == DType::kString)) {
    return fail(Code::kInvalidArgument, "{} does not go with {}", context.describe(0),
                strings ? "cats_strings" : "cats_int64s");
  }
  if (!context.has_rank(0)) {
    context.set_output(0, DType::kFloat32);
    return {};
  }
  Dims dims = context.dims(0);
  dims.push_back(categories.count());
  context.set_output(0, DType::kFloat32, std::move(dims));
  return {};
}

// Numbers are categories when cut to integers; what no integer can hold is none.
template <class T>
std::optional<int64_t> category_of(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    if (!(x > T(-9223372036854775808.0) && x < T(9223372036854775808.0))) return std::nullopt;
  }
  return static_cast<int64_t>(x);
}
std::optional<std::string> category_of(const std::string& x) { return x; }

template <class K, class T>
std::unique_ptr<Kernel> make_encoding(const Tensor& categories, bool zeros) {
  std::map<K, int64_t> places;
  for (int64_t i = 0; i < categories.count(); ++i) places[categories.as<const K>()[i]] = i;
  return make_kernel([places = std::move(places), width = categories.count(),
                      zeros](RunArgs& args) {
    const TensorView& src = args.inputs[0];
    Shape shape = src.shape;
    shape.push_back(width);
    const TensorView dst = args.allocate(0, DType::kFloat32, shape);
    if (args.failed()) return;
    std::fill_n(dst.as<float>(), dst.count(), 0.f);
    for (int64_t i = 0; i < src.count(); ++i) {
      const auto category = category_of(src.as<const T>()[i]);
      const auto place = category ? places.find(*category) : places.end();
      if (place != places.end()) {
        dst.as<float>()[i * width + place->second] = 1;
      } else if (!zeros) {
        return args.report(Code::kInvalidArgument,
                           fmt::format("element {} of the input, {}, is none of the categories, "
                                       "and zeros is 0",
                                       i, src.as<const T>()[i]));
      }
    }
  });
}

Result<std::unique_ptr<Kernel>> make_one_hot(const KernelRequest& request) {
  const Tensor categories = TRY(read_categories(request.node.attrs));
  const bool zeros = request.node.attrs.get_int("zeros") != 0;
  if (categories.dtype() == DType::kString) {
    return make_encoding<std::string, std::string>(categories, zeros);
  }
  std::unique_ptr<Kernel> kernel;
  visit_feature(request.inputs[0].dtype(), [&](auto tag) {
    kernel = make_encoding<int64_t, typename decltype(tag)::Type>(categories, zeros);
  });
  return kernel;
}

// ---- Scaler

// An offset and a scale for each column, or one for all; those left out are 0 and 1.
struct Scaling {
  std::vector<float> offset, scale;
};

Result<Scaling> read_scaling(const AttrMap& attrs) {
  Scaling scaling{attrs.get_floats("offset"), attrs.get_floats("scale")};
  const size_t columns = std::max({scaling.offset.size(), scaling.scale.size(), size_t{1}});
  if (scaling.offset.empty()) scaling.offset.assign(columns, 0.f);
  if (scaling.scale.empty()) scaling.scale.assign(columns, 1.f);
  if (scaling.offset.size() == scaling.scale.size()) return scaling;
  return fail(Code::kInvalidArgument, "offset has {} entries and scale {}; expected as many",
              scaling.offset.size(), scaling.scale.size());
}

Result<void> infer_scaler(InferContext& context) {
  const Scaling scaling = TRY(read_scaling(context.attrs()));
  const auto columns = static_cast<int64_t>(scaling.scale.size());
  if (columns != 1 && context.has_rank(0)) {
    TRY(expect_min_rank(context, 0, 1));
    const Dim& features = context.dims(0).back();
    if (features.is_constant() && features.value() != columns) {
      return fail(Code::kInvalidArgument,
                  "{} has {} features, but scale and offset have {} entries", context.describe(0),
                  features.value(), columns);
    }
  }
  return infer_same_shape_f32(context);
}

Result<std::unique_ptr<Kernel>> make_scaler(const KernelRequest& request) {
  return make_kernel([scaling = TRY(read_scaling(request.node.attrs))](RunArgs& args) {
    const TensorView& src = args.inputs[0];
    const TensorView dst = args.allocate(0, DType::kFloat32, src.shape);
    if (args.failed()) return;
    const auto columns = static_cast<int64_t>(scaling.scale.size());
    visit_feature(src.dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      using Between = std::conditional_t<std::is_same_v<T, float>, float, double>;
      parallel_ranges(args.pool, src.count(), sizeof(T), [&](int64_t first, int64_t last) {
        int64_t column = first % columns;
        for (int64_t i = first; i < last; ++i) {
          const auto at = static_cast<size_t>(column);
          dst.as<float>()[i] =
              static_cast<float>((static_cast<Between>(src.as<const T>()[i]) - scaling.offset[at]) *
                                 scaling.scale[at]);
          if (++column == columns) column = 0;
        }
      });
    });
  });
}

// ---- ArrayFeatureExtractor

Result<void> infer_extractor(InferContext& context) {
  TRY(expect_min_rank(context, 0, 1));
  if (!context.has_rank(0)) {
    set_like_input(context);
    return {};
  }
  Dims dims = context.dims(0);
  dims.back() = context.has_rank(1) ? product(context.dims(1)) : Dim::unknown();
  if (dims.size() == 1) dims.insert(dims.begin(), Dim(1));
  set_like_input(context, std::move(dims));
  return {};
}

void run_extractor(RunArgs& args) {
  const TensorView& src = args.inputs[0];
  const IndexView indices(args.inputs[1]);
  const int64_t wanted = args.inputs[1].count();
  const int64_t columns = src.shape[src.shape.rank() - 1];
  for (int64_t i = 0; i < wanted; ++i) {
    if (indices[i] < 0 || indices[i] >= columns) {
      return args.report(
          Code::kInvalidArgument,
          fmt::format("index {} is out of range: there are {} columns", indices[i], columns));
    }
  }
  Shape shape = src.shape;
  shape[shape.rank() - 1] = wanted;
  const int64_t rows = shape.count(0, shape.rank() - 1);
  if (shape.rank() == 1) shape = Shape{1, wanted};
  const TensorView dst = args.allocate(0, src.dtype, shape);
  if (args.failed()) return;
  with_cell(src.dtype, [&]<class T>() {
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t i = 0; i < wanted; ++i) {
        dst.as<T>()[row * wanted + i] = src.as<const T>()[row * columns + indices[i]];
      }
    }
  });
}

Result<std::unique_ptr<Kernel>> make_extractor(const KernelRequest&) {
  return make_kernel(run_extractor);
}

// ---- Binarizer

Result<void> infer_binarizer(InferContext& context) {
  context.set_output(0, context.input(0));
  return {};
}

Result<std::unique_ptr<Kernel>> make_binarizer(const KernelRequest& request) {
  return make_kernel([threshold = request.node.attrs.get_float("threshold")](RunArgs& args) {
    const TensorView& src = args.inputs[0];
    const TensorView dst = args.allocate(0, src.dtype, src.shape);
    if (args.failed()) return;
    visit_dtype<float, double, int32_t, int64_t>(src.dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      parallel_ranges(args.pool, src.count(), sizeof(T), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
          dst.as<T>()[i] = static_cast<double>(src.as<const T>()[i]) > threshold ? T(1) : T(0);
        }
      });
    });
  });
}

}  // namespace

OpDef op_ArrayFeatureExtractor() {
  const DTypeSet types = kFeatureTypes | dtype_set(DType::kString);
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T", types}, {"Y", "", dtype_set(DType::kInt64)}};
  op.outputs = {{"Z", "T", types}};
  op.infer = infer_extractor;
  op.kernels = {{"copy", make_extractor}};
  return op;
}

OpDef op_Binarizer() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T", kFeatureTypes}};
  op.outputs = {{"Y", "T", kFeatureTypes}};
  op.attrs = {float_attr("threshold", 0)};
  op.keeps_denormals = true;
  op.infer = infer_binarizer;
  op.kernels = {{"reference", make_binarizer}};
  return op;
}

OpDef op_FeatureVectorizer() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T1", kFeatureTypes, Form::kVariadic}};
  op.outputs = {{"Y", "", dtype_set(DType::kFloat32)}};
  op.attrs = {optional_attr("inputdimensions", FormalAttr::Kind::kInts)};
  op.infer = infer_vectorizer;
  op.kernels = {{"copy", make_vectorizer}};
  return op;
}

OpDef op_Imputer() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T", kFeatureTypes}};
  op.outputs = {{"Y", "T", kFeatureTypes}};
  op.attrs = {optional_attr("imputed_value_floats", FormalAttr::Kind::kFloats),
              optional_attr("imputed_value_int64s", FormalAttr::Kind::kInts),
              float_attr("replaced_value_float", 0), int_attr("replaced_value_int64", 0)};
  op.infer = infer_imputer;
  op.kernels = {{"compare", make_imputer}};
  return op;
}

OpDef op_Normalizer() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T", kFeatureTypes}};
  op.outputs = {{"Y", "", dtype_set(DType::kFloat32)}};
  op.attrs = {string_attr("norm", "MAX")};
  op.infer = infer_normalizer;
  op.kernels = {{"divide", make_normalizer}};
  return op;
}

OpDef op_OneHotEncoder() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T", kFeatureTypes | dtype_set(DType::kString)}};
  op.outputs = {{"Y", "", dtype_set(DType::kFloat32)}};
  op.attrs = {optional_attr("cats_int64s", FormalAttr::Kind::kInts),
              optional_attr("cats_strings", FormalAttr::Kind::kStrings), int_attr("zeros", 1)};
  op.keeps_denormals = true;
  op.infer = infer_one_hot;
  op.kernels = {{"search", make_one_hot}};
  return op;
}

OpDef op_Scaler() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T", kFeatureTypes}};
  op.outputs = {{"Y", "", dtype_set(DType::kFloat32)}};
  op.attrs = {optional_attr("offset", FormalAttr::Kind::kFloats),
              optional_attr("scale", FormalAttr::Kind::kFloats)};
  op.infer = infer_scaler;
  op.kernels = {{"scale", make_scaler}};
  return op;
}

}  // namespace sardonyx
