// OrtValue and its companions, with ONNX Runtime's names.
#include "python/values.h"

#include <nanobind/make_iterator.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <cctype>
#include <cstring>

#include "python/arrays.h"
#include "python/dlpack.h"
#include "python/errors.h"

namespace sardonyx::python {
namespace {

using nb::literals::operator""_a;

enum class AllocatorType { kInvalid = -1, kDevice = 0, kArena = 1 };
enum class MemType { kCpuInput = -2, kCpuOutput = -1, kDefault = 0 };
enum class MemoryDeviceType { kCpu = 0, kGpu = 1, kFpga = 2, kNpu = 3 };
enum class DeviceMemoryType { kDefault = 0, kHostAccessible = 5 };
enum class SparseFormat { kUndefined = 0, kCoo = 1, kCsrc = 2, kBlockSparse = 4 };

struct MemoryInfo {
  std::string name;
  AllocatorType allocator;
  int id;
  MemType type;
};

// The capsules and device arguments of a caller's: an OrtDevice, or a name with an id.
void require_device(nb::handle device, int id, const std::string& what) {
  if (nb::isinstance<OrtDevice>(device)) {
    const auto& wanted = nb::cast<const OrtDevice&>(device);
    require_cpu(wanted.name, wanted.id, what);
  } else {
    require_cpu(nb::cast<std::string>(device), id, what);
  }
}

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

OrtValue from_numpy(nb::handle array, nb::handle device, int id, int /*vendor*/) {
  require_device(device, id, "ortvalue_from_numpy");
  return {to_value(array, nullptr, "ortvalue_from_numpy")};
}

OrtValue from_numpy_as(nb::handle array, nb::handle dtype) {
  return {to_tensor_as(array, dtype_of_argument(dtype))};
}

OrtValue from_shape(nb::handle shape, nb::handle dtype, nb::handle device, int id, int /*vendor*/,
                    nb::handle /*memory_info*/) {
  require_device(device, id, "ortvalue_from_shape_and_type");
  return {unwrap(Tensor::allocate(dtype_of_argument(dtype), shape_from(shape)))};
}

void update_inplace(OrtValue& self, nb::handle source) {
  const Value other = to_value(source, nullptr, "update_inplace");
  const Tensor& dst = tensor_of(self);
  if (!other.is_tensor() || other.tensor().dtype() != dst.dtype() ||
      !(other.tensor().shape() == dst.shape())) {
    raise_error(Code::kInvalidArgument,
                "update_inplace: expected " + value_type_name(self.value) + " of " +
                    dst.shape().to_string() + ", got " + value_type_name(other) +
                    (other.is_tensor() ? " of " + other.tensor().shape().to_string() : ""));
  }
  copy_elements(other.tensor().view(), dst.view());
}

nb::object array_protocol(const OrtValue& self, nb::handle dtype, nb::handle copy) {
  nb::object array = to_array(tensor_of(self));
  if (!dtype.is_none()) array = array.attr("astype")(dtype, "copy"_a = false);
  if (!copy.is_none() && nb::cast<bool>(copy)) array = array.attr("copy")();
  return array;
}

nb::object dlpack_protocol(const OrtValue& self, nb::handle stream, nb::kwargs options) {
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

PySparse sparse_from_coo(nb::handle dense_shape, nb::handle values, nb::handle indices,
                         nb::handle device) {
  if (!device.is_none()) require_device(device, 0, "sparse_coo_from_numpy");
  SparseTensor sparse{shape_from(dense_shape), to_tensor(values), to_tensor(indices)};
  const Tensor& index = sparse.indices;
  const int64_t rank = static_cast<int64_t>(sparse.dense_shape.rank());
  const int64_t nnz = sparse.values.count();
  const bool fits =
      index.dtype() == DType::kInt64 && sparse.values.shape().rank() == 1 &&
      ((index.shape().rank() == 1 && index.shape()[0] == nnz) ||
       (index.shape().rank() == 2 && index.shape()[0] == nnz && index.shape()[1] == rank) ||
       (index.shape().rank() == 1 && index.shape()[0] == nnz * rank));
  if (!fits) {
    raise_error(Code::kInvalidArgument,
                "sparse_coo_from_numpy: expected values of one axis and int64 indices [" +
                    std::to_string(nnz) + "] or [" + std::to_string(nnz) + ", " +
                    std::to_string(rank) + "], got values " + sparse.values.shape().to_string() +
                    " and indices " + index.shape().to_string());
  }
  if (index.shape().rank() == 1 && index.shape()[0] != nnz) {
    sparse.indices = index.reshaped(Shape{nnz, rank});
  }
  return {std::make_shared<SparseTensor>(std::move(sparse))};
}

[[noreturn]] void no_sparse_format(const char* format) {
  raise_error(Code::kNotImplemented, std::string(format) +
                                         " sparse tensors are not available; use COO "
                                         "(SparseTensor.sparse_coo_from_numpy)");
}

void add_enums(nb::module_& module) {
  nb::enum_<AllocatorType>(module, "OrtAllocatorType", nb::is_arithmetic())
      .value("INVALID", AllocatorType::kInvalid)
      .value("ORT_DEVICE_ALLOCATOR", AllocatorType::kDevice)
      .value("ORT_ARENA_ALLOCATOR", AllocatorType::kArena);
  nb::enum_<MemType>(module, "OrtMemType", nb::is_arithmetic())
      .value("CPU_INPUT", MemType::kCpuInput)
      .value("CPU_OUTPUT", MemType::kCpuOutput)
      .value("DEFAULT", MemType::kDefault);
  module.attr("OrtMemType").attr("CPU") = module.attr("OrtMemType").attr("CPU_OUTPUT");
  nb::enum_<MemoryDeviceType>(module, "OrtMemoryInfoDeviceType", nb::is_arithmetic())
      .value("CPU", MemoryDeviceType::kCpu)
      .value("GPU", MemoryDeviceType::kGpu)
      .value("FPGA", MemoryDeviceType::kFpga)
      .value("NPU", MemoryDeviceType::kNpu);
  nb::enum_<DeviceMemoryType>(module, "OrtDeviceMemoryType", nb::is_arithmetic())
      .value("DEFAULT", DeviceMemoryType::kDefault)
      .value("HOST_ACCESSIBLE", DeviceMemoryType::kHostAccessible);
  nb::enum_<SparseFormat>(module, "OrtSparseFormat", nb::is_arithmetic())
      .value("ORT_SPARSE_UNDEFINED", SparseFormat::kUndefined)
      .value("ORT_SPARSE_COO", SparseFormat::kCoo)
      .value("ORT_SPARSE_CSRC", SparseFormat::kCsrc)
      .value("ORT_SPARSE_BLOCK_SPARSE", SparseFormat::kBlockSparse);
}

void add_places(nb::module_& module) {
  nb::class_<OrtDevice>(module, "OrtDevice", "A place that tensors can be in: the CPU's memory.")
      .def(
          "__init__",
          [](OrtDevice* self, nb::handle type, int /*memory*/, int id) {
            const bool cpu = PyLong_Check(type.ptr()) && nb::cast<int>(type) == 0;
            new (self) OrtDevice{cpu ? "cpu" : nb::cast<std::string>(nb::str(type)), id};
          },
          "device_type"_a, "memory_type"_a = 0, "device_id"_a = 0)
      .def_static(
          "make",
          [](const std::string& name, int id, int) {
            require_cpu(name, id, "OrtDevice.make");
            return OrtDevice{"cpu", id};
          },
          "ort_device_name"_a, "device_id"_a = 0, "vendor_id"_a = -1)
      .def_static("cpu", [] { return 0; })
      .def_static("default_memory", [] { return 0; })
      .def("device_id", [](const OrtDevice& self) { return self.id; })
      .def("device_type", [](const OrtDevice&) { return 0; })
      .def("device_vendor_id", [](const OrtDevice&) { return 0; })
      .def("device_mem_type", [](const OrtDevice&) { return 0; })
      .def("_get_c_device", [](nb::object self) { return self; })
      .def("__repr__", [](const OrtDevice& self) {
        return "OrtDevice(name='" + self.name + "', device_id=" + std::to_string(self.id) + ")";
      });
  nb::class_<MemoryInfo>(module, "OrtMemoryInfo")
      .def(
          "__init__",
          [](MemoryInfo* self, std::string name, AllocatorType allocator, int id, MemType type) {
            require_cpu(name, id, "OrtMemoryInfo");
            new (self) MemoryInfo{"Cpu", allocator, id, type};
          },
          "name"_a, "allocator_type"_a, "id"_a, "mem_type"_a)
      .def_prop_ro("name", [](const MemoryInfo& self) { return self.name; })
      .def_prop_ro("device_id", [](const MemoryInfo& self) { return self.id; })
      .def_prop_ro("mem_type", [](const MemoryInfo& self) { return self.type; })
      .def_prop_ro("allocator_type", [](const MemoryInfo& self) { return self.allocator; })
      .def_prop_ro("device_mem_type", [](const MemoryInfo&) { return DeviceMemoryType::kDefault; })
      .def_prop_ro("device_vendor_id", [](const MemoryInfo&) { return 0; });
}

void add_sparse(nb::module_& module) {
  nb::class_<PySparse> sparse(module, "SparseTensor",
                              "A tensor of which only some elements are stored (COO).");
  struct CooView {
    Tensor indices;
  };
  nb::class_<CooView>(module, "SparseCooView").def("indices", [](const CooView& self) {
    return to_array(self.indices);
  });
  sparse
      .def_static("sparse_coo_from_numpy", &sparse_from_coo, "dense_shape"_a, "values"_a,
                  "coo_indices"_a, "ort_device"_a = nb::none())
      .def_static("sparse_csr_from_numpy", [](nb::args, nb::kwargs) { no_sparse_format("CSR"); })
      .def("values", [](const PySparse& self) { return to_array(self.sparse->values); })
      .def("as_coo_view", [](const PySparse& self) { return CooView{self.sparse->indices}; })
      .def("as_csrc_view", [](const PySparse&) { no_sparse_format("CSR"); })
      .def("as_blocksparse_view", [](const PySparse&) { no_sparse_format("block"); })
      .def("dense_shape", [](const PySparse& self) { return list_dims(self.sparse->dense_shape); })
      .def("shape", [](const PySparse& self) { return list_dims(self.sparse->dense_shape); })
      .def("format", [](const PySparse&) { return SparseFormat::kCoo; })
      .def("device_name", [](const PySparse&) { return "cpu"; })
      .def("data_type",
           [](const PySparse& self) { return value_type_name(Value::sparse(*self.sparse)); })
      .def("_get_c_tensor", [](nb::object self) { return self; })
      .def("to_cuda", [](const PySparse&, nb::handle) {
        raise_error(Code::kNotImplemented, "to_cuda: there is no CUDA provider in this build");
      });
}

void add_value_makers(nb::class_<OrtValue>& value) {
  value
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
      .def_static(
          "ort_value_from_sparse_tensor",
          [](const PySparse& sparse) { return OrtValue{Value::sparse(*sparse.sparse)}; },
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
             return PySparse{std::make_shared<SparseTensor>(self.value.sparse())};
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
  value.def("__array__", &array_protocol, "dtype"_a = nb::none(), "copy"_a = nb::none())
      .def("__dlpack__", &dlpack_protocol, "stream"_a = nb::none(), "options"_a)
      .def("__dlpack_device__", [](const OrtValue&) { return nb::make_tuple(1, 0); })
      .def("to_dlpack", [](const OrtValue& self) { return to_dlpack(tensor_of(self)); })
      .def("update_inplace", &update_inplace, "data"_a,
           "Copies an array or OrtValue of the same type and shape over this one's elements.")
      .def("_get_c_value", [](nb::object self) { return self; })
      .def_prop_ro("_ortvalue", [](nb::object self) { return self; })
      .def("__repr__", [](const OrtValue& self) {
        std::string text = "OrtValue(" + value_type_name(self.value);
        if (self.value.is_tensor()) text += " " + self.value.tensor().shape().to_string();
        return text + ")";
      });
}

OrtValue item_at(const OrtValueVector& self, int64_t index) {
  const auto count = static_cast<int64_t>(self.values.size());
  if (index < 0) index += count;
  if (index < 0 || index >= count) throw nb::index_error();
  return {self.values[static_cast<size_t>(index)]};
}

void add_vector(nb::module_& module) {
  nb::class_<OrtValueVector>(module, "OrtValueVector", "A list of OrtValues.")
      .def(nb::init<>())
      .def("push_back",
           [](OrtValueVector& self, const OrtValue& value) { self.values.push_back(value.value); })
      .def("reserve", [](OrtValueVector& self, size_t count) { self.values.reserve(count); })
      .def("shrink_to_fit", [](OrtValueVector& self) { self.values.shrink_to_fit(); })
      .def("__len__", [](const OrtValueVector& self) { return self.values.size(); })
      .def("__getitem__", &item_at)
      .def("bool_tensor_indices",
           [](const OrtValueVector& self) {
             std::vector<int64_t> indices;
             for (size_t i = 0; i < self.values.size(); ++i) {
               const Value& value = self.values[i];
               if (value.is_tensor() && value.tensor().dtype() == DType::kBool) {
                 indices.push_back(static_cast<int64_t>(i));
               }
             }
             return indices;
           })
      .def("element_type_at",
           [](const OrtValueVector& self, int64_t index) {
             return static_cast<int>(tensor_of(item_at(self, index)).dtype());
           })
      .def("dlpack_at", [](const OrtValueVector& self, int64_t index) {
        return to_dlpack(tensor_of(item_at(self, index)));
      });
}

}  // namespace

void require_cpu(const std::string& name, int id, const std::string& what) {
  std::string lower = name;
  for (char& letter : lower) letter = static_cast<char>(std::tolower(letter));
  if (lower == "cpu" && id == 0) return;
  raise_error(Code::kInvalidArgument, what + ": there is no device '" + name + "' with id " +
                                          std::to_string(id) +
                                          " in this build; the devices are: cpu (id 0)");
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
  return Tensor::wrap(dtype, shape_from(shape), reinterpret_cast<void*>(pointer), nullptr);
}

void add_values(nb::module_& module) {
  add_enums(module);
  add_places(module);
  add_sparse(module);
  nb::class_<OrtValue> value(module, "OrtValue",
                             "What a model takes or gives: a tensor, sparse tensor, sequence, map "
                             "or optional.");
  add_value_makers(value);
  add_value_readers(value);
  add_value_protocols(value);
  add_vector(module);
}

}  // namespace sardonyx::python
