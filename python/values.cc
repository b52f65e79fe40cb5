// OrtValue and its companions, with ONNX Runtime's names.
#include "python/values.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <cctype>
#include <cstring>

#include "python/arrays.h"
#include "python/dlpack.h"
#include "python/errors.h"

namespace sardonyx::python {
namespace {

using namespace nb::literals;

OrtValue from_numpy(nb::handle array, nb::handle device, int id, int /*vendor*/) {
  require_cpu(device, id, "ortvalue_from_numpy");
  return {to_value(array, nullptr, "ortvalue_from_numpy")};
}

OrtValue from_numpy_as(nb::handle array, nb::handle dtype) {
  return {to_tensor_as(array, dtype_of_argument(dtype))};
}

OrtValue from_shape(nb::handle shape, nb::handle dtype, nb::handle device, int id, int /*vendor*/,
                    nb::handle /*memory_info*/) {
  require_cpu(device, id, "ortvalue_from_shape_and_type");
  return {unwrap(Tensor::allocate(dtype_of_argument(dtype), shape_from(shape)))};
}

OrtValue from_memory_info(nb::handle shape, nb::handle dtype, nb::handle /*memory_info*/) {
  return {unwrap(Tensor::allocate(dtype_of_argument(dtype), shape_from(shape)))};
}

void update_inplace(OrtValue& self, nb::handle source) {
  const Value other = to_value(source, nullptr, "update_inplace");
  const Tensor& dst = tensor_of(self);
  if (!other.is_tensor() || other.tensor().dtype() != dst.dtype() ||
      other.tensor().count() != dst.count()) {
    raise_error(Code::kInvalidArgument,
                "update_inplace: expected " + value_type_name(self.value) + " of " +
                    dst.shape().to_string() + ", got " + value_type_name(other) +
                    (other.is_tensor() ? " of " + other.tensor().shape().to_string() : ""));
  }
  copy_elements(other.tensor().reshaped(dst.shape()).view(), dst.view());
}

nb::object array_protocol(const OrtValue& self, nb::handle dtype, nb::handle copy) {
  nb::object array = to_array(tensor_of(self));
  if (!dtype.is_none()) array = array.attr("astype")(dtype, "copy"_a = false);
  if (!copy.is_none() && nb::cast<bool>(copy)) array = array.attr("copy")();
  return array;
}

nb::object dlpack_protocol(const OrtValue& self, nb::handle stream, const nb::kwargs& options) {
  if (!stream.is_none()) {
    raise_error(Code::kInvalidArgument, "__dlpack__: memory of the CPU has no streams");
  }
  if (options.contains("copy") && !nb::object(options["copy"]).is_none() &&
      nb::cast<bool>(options["copy"])) {
    const Tensor& tensor = tensor_of(self);
    Tensor copy = unwrap(Tensor::allocate(tensor.dtype(), tensor.shape()));
    copy_elements(tensor.view(), copy.view());
    return to_dlpack(copy);
  }
  return to_dlpack(tensor_of(self));
}

nb::list shape_of_value(const OrtValue& self) {
  if (self.value.kind() == Value::Kind::kSparse) {
    return list_dims(self.value.sparse().dense_shape);
  }
  return list_dims(tensor_of(self).shape());
}

void add_value_makers(nb::class_<OrtValue>& value) {
  value
      .def(
          "__init__",
          [](OrtValue* self, const OrtValue& other, nb::handle, nb::handle) {
            new (self) OrtValue(other);
          },
          "ortvalue"_a, "numpy_obj"_a = nb::none(), "session"_a = nb::none(),
          "The same value: what ONNX Runtime's class makes of its binding's is one class here.")
      .def_static("ortvalue_from_numpy", &from_numpy, "numpy_obj"_a, "device_type"_a = "cpu",
                  "device_id"_a = 0, "vendor_id"_a = -1,
                  "An OrtValue over the array's memory; strings are copied.")
      .def_static("ortvalue_from_numpy_with_onnx_type", &from_numpy_as, "data"_a,
                  "onnx_element_type"_a,
                  "The array's bytes taken as elements of another type of the same size.")
      .def_static("ortvalue_from_shape_and_type", &from_shape, "shape"_a, "element_type"_a,
                  "device_type"_a = "cpu", "device_id"_a = 0, "vendor_id"_a = -1,
                  "memory_info"_a = nb::none(), "A new tensor, zero-filled.")
      .def_static("ortvalue_from_shape_and_onnx_type", &from_shape, "shape"_a, "element_type"_a,
                  "device_type"_a = "cpu", "device_id"_a = 0, "vendor_id"_a = -1,
                  "memory_info"_a = nb::none())
      .def_static("ortvalue_from_shape_and_type_for_memory_info", &from_memory_info, "shape"_a,
                  "element_type"_a, "memory_info"_a)
      .def_static("ortvalue_from_shape_and_onnx_type_for_memory_info", &from_memory_info, "shape"_a,
                  "element_type"_a, "memory_info"_a)
      .def_static(
          "ort_value_from_sparse_tensor",
          [](const PySparse& sparse) {
            return OrtValue{Value::sparse(*sparse.sparse),
                            std::make_shared<const PySparse>(sparse)};
          },
          "sparse_tensor"_a)
      .def_static(
          "from_dlpack",
          [](nb::handle data, bool is_bool) { return OrtValue{from_dlpack(data, is_bool)}; },
          "data"_a, "is_bool_tensor"_a = false,
          "An OrtValue over the memory of another framework's tensor.");
}

void add_value_readers(nb::class_<OrtValue>& value) {
  value
      .def("data_ptr",
           [](const OrtValue& self) { return reinterpret_cast<uintptr_t>(tensor_of(self).data()); })
      .def("device_name", [](const OrtValue&) { return "cpu"; })
      .def("shape", &shape_of_value)
      .def(
          "data_type", [](const OrtValue& self) { return value_type_name(self.value); },
          "The ONNX type: 'tensor(float)', 'seq(tensor(int64))', ...")
      .def(
          "element_type",
          [](const OrtValue& self) { return static_cast<int>(tensor_of(self).dtype()); },
          "The number of the element type in onnx.TensorProto.")
      .def("tensor_size_in_bytes", [](const OrtValue& self) { return tensor_of(self).bytes(); })
      .def("has_value", [](const OrtValue& self) { return self.value.has_value(); })
      .def("is_tensor", [](const OrtValue& self) { return self.value.is_tensor(); })
      .def("is_sparse_tensor",
           [](const OrtValue& self) { return self.value.kind() == Value::Kind::kSparse; })
      .def("is_tensor_sequence",
           [](const OrtValue& self) { return self.value.kind() == Value::Kind::kSequence; })
      .def("as_sparse_tensor",
           [](const OrtValue& self) {
             if (self.value.kind() != Value::Kind::kSparse) {
               raise_error(Code::kInvalidArgument,
                           "this OrtValue is no sparse tensor but " + value_type_name(self.value));
             }
             if (self.form != nullptr) return *self.form;
             return PySparse(self.value.sparse());
           })
      .def(
          "numpy", [](const OrtValue& self) { return to_array(tensor_of(self)); },
          nb::sig("def numpy(self) -> numpy.ndarray"),
          "The tensor as an array over the same memory; strings are copied.")
      .def(
          "to_python", [](const OrtValue& self) { return to_python(self.value); },
          "What InferenceSession.run would give: arrays, lists, dicts, None.");
}

void add_value_protocols(nb::class_<OrtValue>& value) {
  value.def("_is_webgpu_buffer", [](const OrtValue&) { return false; })
      .def("__array__", &array_protocol, "dtype"_a = nb::none(), "copy"_a = nb::none())
      .def("__dlpack__", &dlpack_protocol, "stream"_a = nb::none(), "options"_a)
      .def("__dlpack_device__", [](const OrtValue&) { return nb::make_tuple(1, 0); })
      .def("to_dlpack", [](const OrtValue& self) { return to_dlpack(tensor_of(self)); })
      .def("update_inplace", &update_inplace, "data"_a,
           "Copies an array or OrtValue of the same type and count over this one's elements.")
      .def("_get_c_value", [](nb::object self) { return self; })
      .def_prop_ro("_ortvalue", [](nb::object self) { return self; })
      .def("__repr__", [](const OrtValue& self) {
        std::string text = "OrtValue(" + value_type_name(self.value);
        if (self.value.is_tensor()) text += " " + self.value.tensor().shape().to_string();
        return text + ")";
      });
}

}  // namespace

const Tensor& tensor_of(const OrtValue& self) {
  if (self.value.is_tensor()) return self.value.tensor();
  if (self.value.kind() == Value::Kind::kOptional && self.value.has_value() &&
      self.value.inner().is_tensor()) {
    return self.value.inner().tensor();
  }
  raise_error(Code::kInvalidArgument,
              "this OrtValue is no tensor but " +
                  (self.value.has_value() ? value_type_name(self.value) : "an empty optional"));
}

nb::list list_dims(const Shape& shape) {
  nb::list dims;
  for (int64_t dim : shape) dims.append(dim);
  return dims;
}

Shape shape_from(nb::handle dims) {
  Shape shape;
  for (nb::handle dim : dims) shape.push_back(nb::cast<int64_t>(nb::int_(dim)));
  if (!shape.checked_count()) {
    raise_error(Code::kInvalidArgument,
                "the shape " + shape.to_string() + " has a negative dim or too many elements");
  }
  return shape;
}

Tensor tensor_at(DType dtype, nb::handle shape, uintptr_t pointer, const std::string& what) {
  if (dtype == DType::kString) {
    raise_error(Code::kInvalidArgument,
                what + ": string tensors have no buffer; bind an OrtValue instead");
  }
  if (pointer == 0) raise_error(Code::kInvalidArgument, what + ": the buffer pointer is null");
  // NOLINTNEXTLINE(performance-no-int-to-ptr): Python gives addresses as integers
  return Tensor::wrap(dtype, shape_from(shape), reinterpret_cast<void*>(pointer), nullptr);
}

void add_values(nb::module_& module) {
  add_places(module);
  add_sparse(module);
  nb::class_<OrtValue> value(module, "OrtValue",
                             "What a model takes or gives: a tensor, sparse tensor, sequence, map "
                             "or optional.");
  add_value_makers(value);
  add_value_readers(value);
  add_value_protocols(value);
  add_value_vectors(module);
}

}  // namespace sardonyx::python
