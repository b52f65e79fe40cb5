// DTypes and NumPy's dtypes: the built-in ones by type number, bfloat16, float8 and the types below
// a byte by those that the package ml_dtypes registers, when it is there.
#include <array>
#include <atomic>

#include "python/arrays.h"
#include "python/errors.h"
#include "python/numpy_api.h"

namespace sardonyx::python {
namespace {

struct Builtin {
  DType dtype;
  int type_num;
};

constexpr Builtin kBuiltins[] = {{DType::kFloat32, NPY_FLOAT32},
                                 {DType::kUint8, NPY_UINT8},
                                 {DType::kInt8, NPY_INT8},
                                 {DType::kUint16, NPY_UINT16},
                                 {DType::kInt16, NPY_INT16},
                                 {DType::kInt32, NPY_INT32},
                                 {DType::kInt64, NPY_INT64},
                                 {DType::kString, NPY_OBJECT},
                                 {DType::kBool, NPY_BOOL},
                                 {DType::kFloat16, NPY_FLOAT16},
                                 {DType::kFloat64, NPY_FLOAT64},
                                 {DType::kUint32, NPY_UINT32},
                                 {DType::kUint64, NPY_UINT64},
                                 {DType::kComplex64, NPY_COMPLEX64},
                                 {DType::kComplex128, NPY_COMPLEX128}};

struct Extension {
  DType dtype;
  const char* name;  // in ml_dtypes
};

constexpr Extension kExtensions[] = {{DType::kBfloat16, "bfloat16"},
                                     {DType::kFloat8E4M3FN, "float8_e4m3fn"},
                                     {DType::kFloat8E4M3FNUZ, "float8_e4m3fnuz"},
                                     {DType::kFloat8E5M2, "float8_e5m2"},
                                     {DType::kFloat8E5M2FNUZ, "float8_e5m2fnuz"},
                                     {DType::kFloat8E8M0, "float8_e8m0fnu"},
                                     {DType::kUint4, "uint4"},
                                     {DType::kInt4, "int4"},
                                     {DType::kFloat4E2M1, "float4_e2m1fn"},
                                     {DType::kUint2, "uint2"},
                                     {DType::kInt2, "int2"}};

// Type numbers that NumPy gave to the extensions in this process; 0: not asked for yet.
std::array<std::atomic<int>, kDTypeCount> extension_type_nums{};

nb::object extension_descr(const Extension& extension) {
  nb::object package = nb::steal(PyImport_ImportModule("ml_dtypes"));
  if (!package.is_valid()) {
    PyErr_Clear();
    return nb::object();
  }
  nb::object type = nb::getattr(package, extension.name, nb::none());
  if (type.is_none()) return nb::object();
  PyArray_Descr* descr = nullptr;
  if (PyArray_DescrConverter(type.ptr(), &descr) != NPY_SUCCEED) throw nb::python_error();
  extension_type_nums[static_cast<size_t>(extension.dtype)] = descr->type_num;
  return nb::steal(reinterpret_cast<PyObject*>(descr));
}

DType extension_of_type_num(int type_num) {
  for (const Extension& extension : kExtensions) {
    std::atomic<int>& known = extension_type_nums[static_cast<size_t>(extension.dtype)];
    if (known == 0) (void)extension_descr(extension);
    if (known == type_num) return extension.dtype;
  }
  return DType::kUndefined;
}

DType dtype_of_type_num(int type_num) {
  switch (type_num) {
    case NPY_FLOAT32:
      return DType::kFloat32;
    case NPY_INT64:
      return DType::kInt64;
    case NPY_UNICODE:
    case NPY_STRING:
    case NPY_VOID:
    case NPY_VSTRING:
      return DType::kString;
    default:
      break;
  }
  for (const Builtin& builtin : kBuiltins) {
    if (builtin.type_num == type_num) return builtin.dtype;
  }
  // Two C types of one width have two numbers (long and long long).
  if (type_num == NPY_LONGLONG) return DType::kInt64;
  if (type_num == NPY_ULONGLONG) return DType::kUint64;
  if (type_num == NPY_INT) return DType::kInt32;
  if (type_num == NPY_UINT) return DType::kUint32;
  return type_num >= NPY_USERDEF ? extension_of_type_num(type_num) : DType::kUndefined;
}

}  // namespace

DType dtype_of_array(nb::handle array) {
  return dtype_of_type_num(PyArray_TYPE(reinterpret_cast<PyArrayObject*>(array.ptr())));
}

DType dtype_of_descr(nb::handle descr) {
  return dtype_of_type_num(reinterpret_cast<PyArray_Descr*>(descr.ptr())->type_num);
}

nb::object descr_of(DType dtype) {
  for (const Builtin& builtin : kBuiltins) {
    if (builtin.dtype != dtype) continue;
    return nb::steal(reinterpret_cast<PyObject*>(PyArray_DescrFromType(builtin.type_num)));
  }
  for (const Extension& extension : kExtensions) {
    if (extension.dtype != dtype) continue;
    nb::object descr = extension_descr(extension);
    if (descr.is_valid()) return descr;
  }
  raise_error(Code::kNotImplemented,
              "NumPy has no type for " + std::string(dtype_name(dtype)) +
                  " without a recent package ml_dtypes: pip install ml_dtypes");
}

DType dtype_of_argument(nb::handle argument) {
  if (PyLong_Check(argument.ptr()) && !PyBool_Check(argument.ptr())) {
    const int64_t number = nb::cast<int64_t>(argument);
    if (number > 0 && number < kDTypeCount) return static_cast<DType>(number);
    raise_error(Code::kInvalidArgument,
                "no element type of ONNX has the number " + std::to_string(number));
  }
  PyArray_Descr* descr = nullptr;
  if (PyArray_DescrConverter(argument.ptr(), &descr) != NPY_SUCCEED) throw nb::python_error();
  const nb::object owner = nb::steal(reinterpret_cast<PyObject*>(descr));
  const DType dtype = dtype_of_descr(owner);
  if (dtype == DType::kUndefined) {
    raise_error(Code::kInvalidArgument,
                "ONNX has no element type like NumPy's " + std::string(nb::str(owner).c_str()));
  }
  return dtype;
}

}  // namespace sardonyx::python
