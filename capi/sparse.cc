// Sparse tensors: COO, CSR and block-sparse, given by copy or by reference. Models take COO, which
// the other two are turned into when they are given; queries answer with the form that was given.
#include <cstring>

#include "api/sparse_forms.h"
#include "capi/door.h"
#include "capi/memory.h"
#include "capi/tables.h"
#include "capi/types.h"
#include "capi/values.h"

namespace sardonyx::capi {
namespace {

using Form = SparseForm;

Tensor no_indices() { return Tensor::from<int64_t>(Shape{0}, std::span<const int64_t>()); }

// Indices of the client's memory as a tensor: a view, or a copy.
template <class T>
Result<Tensor> index_tensor(const T* data, const Shape& shape, bool is_copy) {
  const Tensor view = Tensor::wrap(dtype_of<T>, shape, const_cast<T*>(data), nullptr);
  if (!is_copy && data != nullptr) return view;
  Tensor copy = TRY(Tensor::allocate(dtype_of<T>, shape));
  if (shape.count() != 0) copy_elements(view.view(), copy.view());
  return copy;
}

Result<Shape> coo_shape(const Form& form, size_t count) {
  const auto values = static_cast<size_t>(form.values.count());
  const size_t rank = form.dense_shape.rank();
  if (count == values) return Shape{static_cast<int64_t>(values)};
  if (count == values * rank)
    return Shape{static_cast<int64_t>(values), static_cast<int64_t>(rank)};
  return fail(Code::kInvalidArgument,
              "COO: there are {} values in a shape of rank {}, so there must be {} or {} indices; "
              "got {}",
              values, rank, values, values * rank, count);
}

Result<SparseTensor> coo_of(const Form& form) {
  const SparseTensor sparse{form.dense_shape, form.values, form.indices};
  TRY(check_coo(sparse));
  return sparse;
}

Result<void> set_form(OrtValue* value, std::shared_ptr<Form> form) {
  switch (form->format) {
    case ORT_SPARSE_COO:
      value->value = Value::sparse(TRY(coo_of(*form)));
      break;
    case ORT_SPARSE_CSRC:
      value->value = Value::sparse(
          TRY(coo_of_csr(form->dense_shape, form->values, form->indices, form->outer)));
      break;
    case ORT_SPARSE_BLOCK_SPARSE:
      value->value =
          Value::sparse(TRY(coo_of_blocks(form->dense_shape, form->values, form->indices)));
      break;
    case ORT_SPARSE_UNDEFINED:
      break;
  }
  value->sparse = std::move(form);
  return {};
}

Result<std::shared_ptr<Form>> form_to_fill(const OrtValue* value) {
  if (value->value.kind() != Value::Kind::kSparse || value->sparse == nullptr) {
    return fail(Code::kRuntimeException, "the value is not a sparse tensor made to be filled");
  }
  if (value->sparse->format != ORT_SPARSE_UNDEFINED) {
    return fail(Code::kInvalidArgument, "the sparse tensor has been filled already");
  }
  return std::make_shared<Form>(*value->sparse);
}

Result<Tensor> copy_values(DType dtype, const Shape& shape, const void* data) {
  Tensor copy = TRY(Tensor::allocate(dtype, shape));
  if (shape.count() == 0) return copy;
  REQUIRE(data);
  if (dtype != DType::kString) {
    std::memcpy(copy.data(), data, copy.bytes());
    return copy;
  }
  const auto* texts = static_cast<const char* const*>(data);
  for (int64_t i = 0; i < shape.count(); ++i) {
    REQUIRE(texts[i]);
    copy.as<std::string>()[i] = texts[i];
  }
  return copy;
}

Result<void> set_coo(OrtValue* value, std::shared_ptr<Form> form, const int64_t* data, size_t count,
                     bool is_copy) {
  if (count != 0) REQUIRE(data);
  const Shape shape = TRY(coo_shape(*form, count));
  form->indices = TRY(index_tensor(data, shape, is_copy));
  form->format = ORT_SPARSE_COO;
  return set_form(value, std::move(form));
}

Result<void> set_csr(OrtValue* value, std::shared_ptr<Form> form, const int64_t* inner,
                     size_t inner_count, const int64_t* outer, size_t outer_count, bool is_copy) {
  if (inner_count != 0) REQUIRE(inner);
  REQUIRE(outer);
  form->indices = TRY(index_tensor(inner, Shape{static_cast<int64_t>(inner_count)}, is_copy));
  form->outer = TRY(index_tensor(outer, Shape{static_cast<int64_t>(outer_count)}, is_copy));
  form->format = ORT_SPARSE_CSRC;
  return set_form(value, std::move(form));
}

Result<void> set_blocks(OrtValue* value, std::shared_ptr<Form> form, const int64_t* dims,
                        size_t rank, const int32_t* data, bool is_copy) {
  const Shape shape = TRY(shape_of(dims, rank));
  if (shape.count() != 0) REQUIRE(data);
  form->indices = TRY(index_tensor(data, shape, is_copy));
  form->format = ORT_SPARSE_BLOCK_SPARSE;
  return set_form(value, std::move(form));
}

Result<void> make_sparse(Form form, OrtValue** out) {
  const auto shared = std::make_shared<const Form>(std::move(form));
  auto* value = make_value(Value::sparse({shared->dense_shape, shared->values, no_indices()}));
  value->sparse = shared;
  *out = value;
  return {};
}

Result<void> CreateSparseTensorAsOrtValue(OrtAllocator* allocator, const int64_t* dims, size_t rank,
                                          ONNXTensorElementDataType type, OrtValue** out) {
  REQUIRE(allocator, out);
  Form form;
  form.dense_shape = TRY(shape_of(dims, rank));
  form.values = TRY(Tensor::allocate(dtype_of_element(type), Shape{0}));
  return make_sparse(std::move(form), out);
}

Result<void> CreateSparseTensorWithValuesAsOrtValue(const OrtMemoryInfo* info, void* data,
                                                    const int64_t* dims, size_t rank,
                                                    const int64_t* value_dims, size_t value_rank,
                                                    ONNXTensorElementDataType type,
                                                    OrtValue** out) {
  REQUIRE(info, out);
  TRY(check_cpu(*info, __func__));
  Form form;
  form.dense_shape = TRY(shape_of(dims, rank));
  const Shape shape = TRY(shape_of(value_dims, value_rank));
  const DType dtype = dtype_of_element(type);
  if (dtype == DType::kUndefined || dtype == DType::kString) {
    return fail(Code::kInvalidArgument, "values in the caller's memory cannot be of type {}",
                static_cast<int>(type));
  }
  if (shape.count() != 0) REQUIRE(data);
  form.values = data != nullptr ? Tensor::wrap(dtype, shape, data, nullptr)
                                : TRY(Tensor::allocate(dtype, shape));
  return make_sparse(std::move(form), out);
}

Result<std::shared_ptr<Form>> filled_form(OrtValue* value, const OrtMemoryInfo* info,
                                          const int64_t* dims, size_t rank, const void* values) {
  TRY(check_cpu(*info, "FillSparseTensor"));
  std::shared_ptr<Form> form = TRY(form_to_fill(value));
  const Shape shape = TRY(shape_of(dims, rank));
  form->values = TRY(copy_values(form->values.dtype(), shape, values));
  return form;
}

Result<void> FillSparseTensorCoo(OrtValue* value, const OrtMemoryInfo* info, const int64_t* dims,
                                 size_t rank, const void* values, const int64_t* indices,
                                 size_t count) {
  REQUIRE(value, info);
  auto form = TRY(filled_form(value, info, dims, rank, values));
  return set_coo(value, std::move(form), indices, count, true);
}

Result<void> FillSparseTensorCsr(OrtValue* value, const OrtMemoryInfo* info, const int64_t* dims,
                                 size_t rank, const void* values, const int64_t* inner,
                                 size_t inner_count, const int64_t* outer, size_t outer_count) {
  REQUIRE(value, info);
  auto form = TRY(filled_form(value, info, dims, rank, values));
  return set_csr(value, std::move(form), inner, inner_count, outer, outer_count, true);
}

Result<void> FillSparseTensorBlockSparse(OrtValue* value, const OrtMemoryInfo* info,
                                         const int64_t* dims, size_t rank, const void* values,
                                         const int64_t* index_dims, size_t index_rank,
                                         const int32_t* indices) {
  REQUIRE(value, info);
  auto form = TRY(filled_form(value, info, dims, rank, values));
  return set_blocks(value, std::move(form), index_dims, index_rank, indices, true);
}

Result<void> UseCooIndices(OrtValue* value, int64_t* indices, size_t count) {
  REQUIRE(value);
  return set_coo(value, TRY(form_to_fill(value)), indices, count, false);
}

Result<void> UseCsrIndices(OrtValue* value, int64_t* inner, size_t inner_count, int64_t* outer,
                           size_t outer_count) {
  REQUIRE(value);
  return set_csr(value, TRY(form_to_fill(value)), inner, inner_count, outer, outer_count, false);
}

Result<void> UseBlockSparseIndices(OrtValue* value, const int64_t* dims, size_t rank,
                                   int32_t* indices) {
  REQUIRE(value);
  return set_blocks(value, TRY(form_to_fill(value)), dims, rank, indices, false);
}

// What a run gave is COO.
Result<Form> form_of(const OrtValue* value) {
  if (value->value.kind() != Value::Kind::kSparse) {
    return fail(Code::kRuntimeException, "the value is not a sparse tensor");
  }
  if (value->sparse != nullptr) return *value->sparse;
  const SparseTensor& sparse = value->value.sparse();
  return Form{ORT_SPARSE_COO, sparse.dense_shape, sparse.values, sparse.indices, Tensor()};
}

Result<Tensor> indices_of(const OrtValue* value, OrtSparseIndicesFormat wanted) {
  const Form form = TRY(form_of(value));
  if (wanted == ORT_SPARSE_COO_INDICES && form.format == ORT_SPARSE_COO) return form.indices;
  if (form.format == ORT_SPARSE_CSRC && wanted == ORT_SPARSE_CSR_INNER_INDICES) return form.indices;
  if (form.format == ORT_SPARSE_CSRC && wanted == ORT_SPARSE_CSR_OUTER_INDICES) return form.outer;
  if (wanted == ORT_SPARSE_BLOCK_SPARSE_INDICES && form.format == ORT_SPARSE_BLOCK_SPARSE) {
    return form.indices;
  }
  return fail(Code::kInvalidArgument, "a sparse tensor of format {} has no indices of format {}",
              static_cast<int>(form.format), static_cast<int>(wanted));
}

Result<void> IsSparseTensor(const OrtValue* value, int* out) {
  REQUIRE(value, out);
  *out = value->value.kind() == Value::Kind::kSparse ? 1 : 0;
  return {};
}

Result<void> GetSparseTensorFormat(const OrtValue* value, OrtSparseFormat* out) {
  REQUIRE(value, out);
  *out = TRY(form_of(value)).format;
  return {};
}

Result<void> GetSparseTensorValuesTypeAndShape(const OrtValue* value,
                                               OrtTensorTypeAndShapeInfo** out) {
  REQUIRE(value, out);
  *out = tensor_info(TRY(form_of(value)).values).release();
  return {};
}

Result<void> GetSparseTensorValues(const OrtValue* value, const void** out) {
  REQUIRE(value, out);
  *out = TRY(form_of(value)).values.data();
  return {};
}

Result<void> GetSparseTensorIndicesTypeShape(const OrtValue* value, OrtSparseIndicesFormat format,
                                             OrtTensorTypeAndShapeInfo** out) {
  REQUIRE(value, out);
  *out = tensor_info(TRY(indices_of(value, format))).release();
  return {};
}

Result<void> GetSparseTensorIndices(const OrtValue* value, OrtSparseIndicesFormat format,
                                    size_t* count, const void** out) {
  REQUIRE(value, count, out);
  const Tensor indices = TRY(indices_of(value, format));
  *count = static_cast<size_t>(indices.count());
  *out = indices.data();
  return {};
}

}  // namespace

void add_sparse(OrtApi& api) {
  DOOR(IsSparseTensor);
  DOOR(CreateSparseTensorAsOrtValue);
  DOOR(CreateSparseTensorWithValuesAsOrtValue);
  DOOR(FillSparseTensorCoo);
  DOOR(FillSparseTensorCsr);
  DOOR(FillSparseTensorBlockSparse);
  DOOR(UseCooIndices);
  DOOR(UseCsrIndices);
  DOOR(UseBlockSparseIndices);
  DOOR(GetSparseTensorFormat);
  DOOR(GetSparseTensorValuesTypeAndShape);
  DOOR(GetSparseTensorValues);
  DOOR(GetSparseTensorIndicesTypeShape);
  DOOR(GetSparseTensorIndices);
}

}  // namespace sardonyx::capi
