// Arrays, lists and dicts to Values and back.
#include "python/arrays.h"

#include <cstring>

#include "python/errors.h"
#include "python/numpy_api.h"
#include "python/values.h"

namespace sardonyx::python {
namespace {

constexpr int kDense = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED;

PyArrayObject* as_array(nb::handle object) {
  return reinterpret_cast<PyArrayObject*>(object.ptr());
}

Shape shape_of(nb::handle array) {
  static_assert(sizeof(npy_intp) == sizeof(int64_t));
  const npy_intp* dims = PyArray_DIMS(as_array(array));
  return Shape(std::span(reinterpret_cast<const int64_t*>(dims),
                         static_cast<size_t>(PyArray_NDIM(as_array(array)))));
}

std::string type_of(nb::handle object) {
  return nb::cast<std::string>(
      nb::str(nb::handle(reinterpret_cast<PyObject*>(Py_TYPE(object.ptr())))));
}

// What is no text is taken as Python prints it: tables have None and numbers among their strings.
std::string to_string(nb::handle element) {
  if (PyUnicode_Check(element.ptr())) return to_utf8(element);
  if (PyBytes_Check(element.ptr())) {
    return std::string(PyBytes_AS_STRING(element.ptr()),
                       static_cast<size_t>(PyBytes_GET_SIZE(element.ptr())));
  }
  const nb::object text = nb::steal(PyObject_Str(element.ptr()));
  if (!text.is_valid()) throw nb::python_error();
  return to_utf8(text);
}

nb::object call_numpy(const char* name, nb::handle first, nb::handle second) {
  return nb::module_::import_("numpy").attr(name)(first, second);
}

Tensor string_tensor(nb::handle array) {
  nb::object objects = nb::steal(PyArray_FROMANY(array.ptr(), NPY_OBJECT, 0, 0, kDense));
  if (!objects.is_valid()) throw nb::python_error();
  Tensor tensor = unwrap(Tensor::allocate(DType::kString, shape_of(objects)));
  auto* const* elements = static_cast<PyObject**>(PyArray_DATA(as_array(objects)));
  for (int64_t i = 0; i < tensor.count(); ++i) {
    tensor.as<std::string>()[i] = to_string(nb::handle(elements[i]));
  }
  return tensor;
}

// NumPy keeps one element of a type below a byte in each byte; tensors keep them packed.
Tensor packed_tensor(nb::handle array, DType dtype) {
  Tensor tensor = unwrap(Tensor::allocate(dtype, shape_of(array)));
  const auto* src = static_cast<const uint8_t*>(PyArray_DATA(as_array(array)));
  const int bits = dtype_bits(dtype);
  const int per_byte = 8 / bits;
  for (int64_t i = 0; i < tensor.count(); ++i) {
    const int field = (src[i] & ((1 << bits) - 1)) << (i % per_byte * bits);
    tensor.as<uint8_t>()[i / per_byte] |= static_cast<uint8_t>(field);
  }
  return tensor;
}

void unpack_elements(const Tensor& tensor, uint8_t* dst) {
  const int bits = dtype_bits(tensor.dtype());
  const int per_byte = 8 / bits;
  for (int64_t i = 0; i < tensor.count(); ++i) {
    const int byte = tensor.as<uint8_t>()[i / per_byte];
    dst[i] = static_cast<uint8_t>((byte >> (i % per_byte * bits)) & ((1 << bits) - 1));
  }
}

nb::object new_array(const Tensor& tensor) {
  const nb::object descr = descr_of(tensor.dtype());
  nb::object array = nb::steal(PyArray_NewFromDescr(
      &PyArray_Type, reinterpret_cast<PyArray_Descr*>(descr.inc_ref().ptr()),
      static_cast<int>(tensor.shape().rank()),
      reinterpret_cast<const npy_intp*>(tensor.shape().data()), nullptr, nullptr, 0, nullptr));
  if (!array.is_valid()) throw nb::python_error();
  return array;
}

nb::object string_array(const Tensor& tensor) {
  nb::object array = new_array(tensor);
  auto** elements = static_cast<PyObject**>(PyArray_DATA(as_array(array)));
  for (int64_t i = 0; i < tensor.count(); ++i) {
    Py_XSETREF(elements[i], to_text(tensor.as<std::string>()[i]).release().ptr());
  }
  return array;
}

nb::object copied_array(const Tensor& tensor) {
  nb::object array = new_array(tensor);
  void* data = PyArray_DATA(as_array(array));
  if (dtype_is_sub_byte(tensor.dtype())) {
    unpack_elements(tensor, static_cast<uint8_t*>(data));
  } else if (tensor.bytes() > 0) {
    std::memcpy(data, tensor.data(), tensor.bytes());
  }
  return array;
}

// The array's base: a capsule that owns a reference to the tensor's memory.
nb::object shared_array(const Tensor& tensor) {
  const nb::object descr = descr_of(tensor.dtype());
  nb::object array = nb::steal(
      PyArray_NewFromDescr(&PyArray_Type, reinterpret_cast<PyArray_Descr*>(descr.inc_ref().ptr()),
                           static_cast<int>(tensor.shape().rank()),
                           reinterpret_cast<const npy_intp*>(tensor.shape().data()), nullptr,
                           tensor.data(), NPY_ARRAY_CARRAY, nullptr));
  if (!array.is_valid()) throw nb::python_error();
  auto* owner = new std::shared_ptr<void>(tensor.owner());
  nb::capsule capsule(
      owner, [](void* held) noexcept { delete static_cast<std::shared_ptr<void>*>(held); });
  if (PyArray_SetBaseObject(as_array(array), capsule.release().ptr()) != 0) {
    throw nb::python_error();
  }
  return array;
}

bool overlaps(const Tensor& tensor, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kTensor:
      return value.tensor().owner() == tensor.owner();
    case Value::Kind::kOptional:
      return value.has_value() && overlaps(tensor, value.inner());
    case Value::Kind::kSequence:
      for (const Value& item : value.items()) {
        if (overlaps(tensor, item)) return true;
      }
      return false;
    default:
      return false;
  }
}

bool must_copy(const Tensor& tensor, std::span<const NamedValue> shared) {
  if (tensor.owner() == nullptr || tensor.count() == 0) return true;
  if (dtype_is_sub_byte(tensor.dtype())) return true;
  for (const NamedValue& each : shared) {
    if (overlaps(tensor, each.value)) return true;
  }
  return false;
}

// Element `index` as Python has such a value: int, float, str.
nb::object element_object(const Tensor& tensor, int64_t index) {
  switch (tensor.dtype()) {
    case DType::kInt64:
      return nb::steal(PyLong_FromLongLong(tensor.as<const int64_t>()[index]));
    case DType::kFloat32:
      return nb::steal(PyFloat_FromDouble(tensor.as<const float>()[index]));
    case DType::kFloat64:
      return nb::steal(PyFloat_FromDouble(tensor.as<const double>()[index]));
    case DType::kString:
      return to_text(tensor.as<const std::string>()[index]);
    default:
      return to_array(tensor)[index];
  }
}

// Keys of maps as Python objects; the maps of a sequence mostly share theirs.
struct MapKeys {
  const void* source = nullptr;
  std::vector<nb::object> objects;
};

nb::object map_to_dict(const MapValue& map, MapKeys& keys) {
  if (keys.source != map.keys.data() || keys.source == nullptr) {
    keys.source = map.keys.data();
    keys.objects.clear();
    for (int64_t i = 0; i < map.keys.count(); ++i) {
      keys.objects.push_back(element_object(map.keys, i));
    }
  }
  nb::dict dict;
  for (int64_t i = 0; i < map.keys.count(); ++i) {
    const nb::object value = element_object(map.values, i);
    if (PyDict_SetItem(dict.ptr(), keys.objects[static_cast<size_t>(i)].ptr(), value.ptr()) != 0) {
      throw nb::python_error();
    }
  }
  return dict;
}

Tensor list_to_tensor(nb::handle list, DType dtype) {
  if (dtype == DType::kUndefined) return to_tensor(call_numpy("asarray", list, nb::none()));
  return to_tensor(call_numpy("asarray", list, descr_of(dtype)));
}

// Of a list that stands for a tensor: its rows may be of different lengths, or text for numbers.
Tensor fed_list(nb::handle list, DType dtype) {
  try {
    return list_to_tensor(list, dtype);
  } catch (nb::python_error& error) {
    if (!error.matches(PyExc_ValueError)) throw;
    raise_error(Code::kRuntimeException, "Could not create tensor from given input list: " +
                                             nb::cast<std::string>(nb::str(error.value())));
  }
}

Value dict_to_map(nb::handle object, const ArgInfo* arg) {
  const nb::dict dict = nb::borrow<nb::dict>(object);
  const DType values = arg != nullptr && arg->element ? arg->element->dtype : DType::kUndefined;
  DType keys = arg != nullptr ? arg->dtype : DType::kUndefined;
  if (keys == DType::kUndefined) {
    const bool text = !dict.empty() && nb::isinstance<nb::str>((*dict.begin()).first);
    keys = text ? DType::kString : DType::kInt64;
  }
  return Value::map(list_to_tensor(dict.keys(), keys), list_to_tensor(dict.values(), values));
}

Value list_to_sequence(nb::handle object, const ArgInfo* arg, const std::string& what) {
  const ArgInfo* element = arg != nullptr ? arg->element.get() : nullptr;
  std::vector<Value> items;
  DType dtype = element != nullptr ? element->dtype : DType::kUndefined;
  for (nb::handle item : object) {
    items.push_back(to_value(item, element, what));
    if (dtype == DType::kUndefined && items.back().is_tensor()) {
      dtype = items.back().tensor().dtype();
    }
  }
  return Value::sequence(std::move(items), dtype);
}

Value optional_to_value(nb::handle object, const ArgInfo& arg, const std::string& what) {
  if (object.is_none()) return Value::optional();
  Value inner = to_value(object, arg.element.get(), what);
  return inner.kind() == Value::Kind::kOptional ? inner : Value::optional(std::move(inner));
}

}  // namespace

std::shared_ptr<void> hold_python(nb::handle object) {
  return std::shared_ptr<void>(object.inc_ref().ptr(), [](void* held) {
    if (!nb::is_alive()) return;  // the interpreter is gone, and the object with it
    nb::gil_scoped_acquire gil;
    Py_DECREF(static_cast<PyObject*>(held));
  });
}

Tensor to_tensor(nb::handle array) {
  const DType dtype = dtype_of_array(array);
  if (dtype == DType::kString) return string_tensor(array);
  if (dtype == DType::kUndefined) {
    const nb::object descr = array.attr("dtype");
    raise_error(Code::kInvalidArgument,
                "ONNX has no element type like NumPy's " + nb::cast<std::string>(nb::str(descr)));
  }
  nb::object dense;
  if (PyArray_ISCARRAY_RO(as_array(array))) {
    dense = nb::borrow(array);
  } else {
    PyArray_Descr* descr = PyArray_DescrNewByteorder(PyArray_DESCR(as_array(array)), NPY_NATIVE);
    if (descr == nullptr) throw nb::python_error();
    dense = nb::steal(PyArray_FromArray(as_array(array), descr, kDense));
    if (!dense.is_valid()) throw nb::python_error();
  }
  if (dtype_is_sub_byte(dtype)) return packed_tensor(dense, dtype);
  if (PyArray_SIZE(as_array(dense)) == 0) return unwrap(Tensor::allocate(dtype, shape_of(dense)));
  return Tensor::wrap(dtype, shape_of(dense), PyArray_DATA(as_array(dense)), hold_python(dense));
}

Tensor to_tensor_as(nb::handle array, DType dtype) {
  const DType stored = dtype_of_array(array);
  if (stored == dtype) return to_tensor(array);
  if (dtype_is_sub_byte(dtype) || stored == DType::kString || dtype == DType::kString ||
      dtype_bits(stored) != dtype_bits(dtype)) {
    raise_error(Code::kInvalidArgument, "an array of " + std::string(dtype_name(stored)) +
                                            " cannot stand for " + std::string(dtype_name(dtype)) +
                                            ": elements must have the same size");
  }
  const Tensor tensor = to_tensor(array);
  return Tensor::wrap(dtype, tensor.shape(), tensor.data(), tensor.owner());
}

Value to_value(nb::handle object, const ArgInfo* arg, const std::string& what) {
  const bool optional = arg != nullptr && arg->kind == ArgInfo::Kind::kOptional;
  if (optional && !nb::isinstance<OrtValue>(object)) return optional_to_value(object, *arg, what);
  if (PyArray_Check(object.ptr())) return to_tensor(object);
  if (nb::isinstance<OrtValue>(object)) return nb::cast<const OrtValue&>(object).value;
  if (nb::isinstance<PySparse>(object)) {
    return Value::sparse(*nb::cast<const PySparse&>(object).sparse);
  }
  const bool tensor = arg != nullptr && arg->kind == ArgInfo::Kind::kTensor;
  if (PyList_Check(object.ptr()) || PyTuple_Check(object.ptr())) {
    if (tensor) return fed_list(object, arg->dtype);
    return list_to_sequence(object, arg, what);
  }
  if (PyDict_Check(object.ptr())) return dict_to_map(object, tensor ? nullptr : arg);
  if (nb::hasattr(object, "__array__")) {
    return to_tensor(call_numpy("asarray", object, nb::none()));
  }
  raise_error(Code::kRuntimeException,
              "Unable to handle object of type " + type_of(object) + " (" + what +
                  "); give a NumPy array, an OrtValue, or a list or dict of them");
}

nb::object to_array(const Tensor& tensor) {
  if (tensor.dtype() == DType::kString) return string_array(tensor);
  return must_copy(tensor, {}) ? copied_array(tensor) : shared_array(tensor);
}

nb::object to_python(const Value& value, std::span<const NamedValue> shared) {
  switch (value.kind()) {
    case Value::Kind::kNone:
      return nb::none();
    case Value::Kind::kTensor: {
      const Tensor& tensor = value.tensor();
      if (tensor.dtype() == DType::kString) return string_array(tensor);
      return must_copy(tensor, shared) ? copied_array(tensor) : shared_array(tensor);
    }
    case Value::Kind::kSparse:
      return nb::cast(PySparse(value.sparse()));
    case Value::Kind::kSequence: {
      nb::list list;
      MapKeys keys;
      for (const Value& item : value.items()) {
        list.append(item.kind() == Value::Kind::kMap ? map_to_dict(item.map(), keys)
                                                     : to_python(item, shared));
      }
      return list;
    }
    case Value::Kind::kMap: {
      MapKeys keys;
      return map_to_dict(value.map(), keys);
    }
    case Value::Kind::kOptional:
      return value.has_value() ? to_python(value.inner(), shared) : nb::none();
  }
  return nb::none();
}

std::string value_type_name(const Value& value) {
  auto tensor_name = [](DType dtype) {
    return "tensor(" + std::string(dtype_onnx_name(dtype)) + ")";
  };
  switch (value.kind()) {
    case Value::Kind::kNone:
      return "";
    case Value::Kind::kTensor:
      return tensor_name(value.tensor().dtype());
    case Value::Kind::kSparse:
      return "sparse_" + tensor_name(value.sparse().values.dtype());
    case Value::Kind::kSequence:
      if (!value.items().empty() && !value.items().front().is_tensor()) {
        return "seq(" + value_type_name(value.items().front()) + ")";
      }
      return "seq(" + tensor_name(value.element_dtype()) + ")";
    case Value::Kind::kMap:
      return "map(" + std::string(dtype_onnx_name(value.map().keys.dtype())) + "," +
             tensor_name(value.map().values.dtype()) + ")";
    case Value::Kind::kOptional:
      return "optional(" + (value.has_value() ? value_type_name(value.inner()) : "") + ")";
  }
  return "";
}

}  // namespace sardonyx::python
