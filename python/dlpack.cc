// DLPack capsules. The structs follow the ABI that dmlc/dlpack publishes (version 0.8, unversioned
// capsules, which every framework takes and gives).
#include "python/dlpack.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "python/errors.h"

namespace sardonyx::python {
namespace {

struct DlDevice {
  int32_t type;  // 1: CPU, 3: pinned host memory
  int32_t id;
};

struct DlType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
};

struct DlTensor {
  void* data;
  DlDevice device;
  int32_t rank;
  DlType dtype;
  int64_t* dims;
  int64_t* strides;  // in elements; null: dense, row-major
  uint64_t byte_offset;
};

struct DlManaged {
  DlTensor tensor;
  void* context;
  void (*deleter)(DlManaged*);
};

struct TypeCode {
  DType dtype;
  uint8_t code;
};

constexpr uint8_t kInt = 0, kUint = 1, kFloat = 2, kBfloat = 4, kComplex = 5, kBoolean = 6;
constexpr TypeCode kCodes[] = {
    {DType::kInt8, kInt},          {DType::kInt16, kInt},          {DType::kInt32, kInt},
    {DType::kInt64, kInt},         {DType::kUint8, kUint},         {DType::kUint16, kUint},
    {DType::kUint32, kUint},       {DType::kUint64, kUint},        {DType::kFloat16, kFloat},
    {DType::kFloat32, kFloat},     {DType::kFloat64, kFloat},      {DType::kBfloat16, kBfloat},
    {DType::kComplex64, kComplex}, {DType::kComplex128, kComplex}, {DType::kBool, kBoolean},
    {DType::kFloat8E4M3FN, 10},    {DType::kFloat8E4M3FNUZ, 11},   {DType::kFloat8E5M2, 12},
    {DType::kFloat8E5M2FNUZ, 13},  {DType::kFloat8E8M0, 14}};

struct Export {
  DlManaged managed;
  Tensor tensor;
  std::vector<int64_t> dims;
};

void delete_export(DlManaged* managed) { delete static_cast<Export*>(managed->context); }

// Consumers rename a capsule that they have taken over.
void delete_unused(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, "dltensor")) return;
  auto* managed = static_cast<DlManaged*>(PyCapsule_GetPointer(capsule, "dltensor"));
  if (managed->deleter != nullptr) managed->deleter(managed);
}

bool is_dense(const DlTensor& tensor) {
  if (tensor.strides == nullptr) return true;
  if (std::find(tensor.dims, tensor.dims + tensor.rank, 0) != tensor.dims + tensor.rank)
    return true;
  int64_t expected = 1;
  for (int32_t axis = tensor.rank - 1; axis >= 0; --axis) {
    if (tensor.dims[axis] != 1 && tensor.strides[axis] != expected) return false;
    expected *= tensor.dims[axis];
  }
  return true;
}

DType dtype_from(DlType type, bool is_bool) {
  if (is_bool && type.code == kUint && type.bits == 8) return DType::kBool;
  for (const TypeCode& each : kCodes) {
    if (each.code == type.code && dtype_bits(each.dtype) == type.bits && type.lanes == 1) {
      return each.dtype;
    }
  }
  raise_error(Code::kInvalidArgument, "DLPack: no element type of ONNX has type code " +
                                          std::to_string(type.code) + " with " +
                                          std::to_string(type.bits) + " bits and " +
                                          std::to_string(type.lanes) + " lanes");
}

void check_importable(const DlTensor& tensor) {
  if (tensor.device.type != 1 && tensor.device.type != 3) {
    raise_error(Code::kInvalidArgument, "DLPack: the tensor is on device type " +
                                            std::to_string(tensor.device.type) +
                                            "; expected CPU (1). Copy it to the CPU first");
  }
  if (!is_dense(tensor)) {
    raise_error(Code::kInvalidArgument,
                "DLPack: the tensor is not contiguous (row-major); make a contiguous copy first");
  }
}

DlManaged* managed_of(nb::handle capsule) {
  if (!PyCapsule_IsValid(capsule.ptr(), "dltensor")) {
    raise_python(PyExc_TypeError,
                 "DLPack: expected an object with __dlpack__, or an unused capsule 'dltensor'");
  }
  return static_cast<DlManaged*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
}

}  // namespace

bool is_uint8_capsule(nb::handle capsule) {
  const DlType type = managed_of(capsule)->tensor.dtype;
  return type.code == kUint && type.bits == 8;
}

nb::object to_dlpack(const Tensor& tensor) {
  const TypeCode* found = nullptr;
  for (const TypeCode& each : kCodes) {
    if (each.dtype == tensor.dtype()) found = &each;
  }
  if (found == nullptr) {
    raise_error(Code::kInvalidArgument,
                "DLPack has no type for tensors of " + std::string(dtype_name(tensor.dtype())));
  }
  auto exported = std::make_unique<Export>();
  exported->tensor = tensor;
  exported->dims.assign(tensor.shape().begin(), tensor.shape().end());
  const auto bits = static_cast<uint8_t>(dtype_bits(tensor.dtype()));
  exported->managed.tensor = {tensor.data(),
                              {1, 0},
                              static_cast<int32_t>(exported->dims.size()),
                              {found->code, bits, 1},
                              exported->dims.data(),
                              nullptr,
                              0};
  exported->managed.context = exported.get();
  exported->managed.deleter = delete_export;
  nb::object capsule = nb::steal(PyCapsule_New(&exported->managed, "dltensor", delete_unused));
  if (!capsule.is_valid()) throw nb::python_error();
  static_cast<void>(exported.release());  // the capsule owns it
  return capsule;
}

Tensor from_dlpack(nb::handle source, bool is_bool) {
  nb::object capsule = nb::borrow(source);
  if (nb::hasattr(source, "__dlpack__")) capsule = source.attr("__dlpack__")();
  DlManaged* managed = managed_of(capsule);
  const DlTensor& tensor = managed->tensor;
  check_importable(tensor);
  const DType dtype = dtype_from(tensor.dtype, is_bool);
  const Shape shape(std::span<const int64_t>(tensor.dims, static_cast<size_t>(tensor.rank)));
  PyCapsule_SetName(capsule.ptr(), "used_dltensor");
  std::shared_ptr<void> owner(managed, [](void* held) {
    auto* used = static_cast<DlManaged*>(held);
    if (used->deleter == nullptr || !nb::is_alive()) return;
    nb::gil_scoped_acquire gil;
    used->deleter(used);
  });
  void* data = static_cast<char*>(tensor.data) + tensor.byte_offset;
  if (!shape.checked_count()) raise_error(Code::kInvalidArgument, "DLPack: a dim is negative");
  if (shape.count() == 0) return unwrap(Tensor::allocate(dtype, shape));
  return Tensor::wrap(dtype, shape, data, std::move(owner));
}

}  // namespace sardonyx::python
