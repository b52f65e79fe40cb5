// Features of ai.onnx.ml operators: [N, F] or [F], which is one row, of any of the four numeric
// types. Entry points: row_dims, rows_of, visit_feature, load_rows.
#pragma once

#include <span>

#include "ops/number.h"
#include "ops/op.h"

namespace sardonyx {

inline constexpr DTypeSet kFeatureTypes =
    dtype_set(DType::kFloat32, DType::kFloat64, DType::kInt64, DType::kInt32);

struct RowDims {
  Dim rows, features;
};
// Of the input 0, whose rank must be 1 or 2; unknown dims when it has no rank.
Result<RowDims> row_dims(const InferContext& context);
// An error when input 0 is known to have another number of features.
Result<void> expect_features(const InferContext& context, const RowDims& dims, int64_t features,
                             std::string_view what);

struct RowCount {
  int64_t rows = 0;
  int64_t features = 0;
};
RowCount rows_of(const Shape& shape);

// Calls fn(TypeTag<T>()) for the element type of features.
template <class Fn>
void visit_feature(DType dtype, Fn&& fn) {
  visit_dtype<float, double, int32_t, int64_t>(dtype, fn);
}

// Elements [first, first + dst.size()) of the tensor as numbers of another type.
template <class T>
void load_rows(const TensorView& src, int64_t first, std::span<T> dst) {
  visit_dtype<float, double, int32_t, int64_t, Float16>(src.dtype, [&](auto tag) {
    const auto* from = src.as<const typename decltype(tag)::Type>() + first;
    for (T& element : dst) element = static_cast<T>(widen(*from++));
  });
}

}  // namespace sardonyx
