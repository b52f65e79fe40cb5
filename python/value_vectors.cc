// OrtValueVector: a list of OrtValues that is passed whole, with DLPack in and out.
#include <nanobind/make_iterator.h>
#include <nanobind/stl/vector.h>

#include "python/arrays.h"
#include "python/dlpack.h"
#include "python/errors.h"
#include "python/values.h"

namespace sardonyx::python {
namespace {

using namespace nb::literals;

OrtValue item_at(const OrtValueVector& self, int64_t index) {
  const auto count = static_cast<int64_t>(self.values.size());
  if (index < 0) index += count;
  if (index < 0 || index >= count) throw nb::index_error();
  return {self.values[static_cast<size_t>(index)]};
}

bool is_bool(const Value& value) {
  return value.is_tensor() && value.tensor().dtype() == DType::kBool;
}

std::vector<int64_t> bool_indices(const OrtValueVector& self) {
  std::vector<int64_t> indices;
  for (size_t i = 0; i < self.values.size(); ++i) {
    if (is_bool(self.values[i])) indices.push_back(static_cast<int64_t>(i));
  }
  return indices;
}

// Tensors over memory that others own: the objects are kept, the addresses are theirs.
void push_back_batch(OrtValueVector& self, const nb::list& owners,
                     const std::vector<uintptr_t>& pointers, const nb::list& element_types,
                     const nb::list& shapes, const nb::list& devices) {
  const size_t count = owners.size();
  if (pointers.size() != count || element_types.size() != count || shapes.size() != count ||
      devices.size() != count) {
    raise_error(Code::kInvalidArgument,
                "push_back_batch: expected as many pointers, types, shapes and devices as tensors");
  }
  for (size_t i = 0; i < count; ++i) {
    require_cpu(devices[i], 0, "push_back_batch");
    const Tensor view =
        tensor_at(dtype_of_argument(element_types[i]), shapes[i], pointers[i], "push_back_batch");
    self.values.emplace_back(
        Tensor::wrap(view.dtype(), view.shape(), view.data(), hold_python(owners[i])));
  }
}

nb::list to_dlpacks(const OrtValueVector& self, nb::handle to_tensor) {
  nb::list list;
  for (const Value& value : self.values) {
    nb::object capsule = to_dlpack(tensor_of({value}));
    list.append(to_tensor.is_none() ? capsule : to_tensor(capsule));
  }
  return list;
}

}  // namespace

void add_value_vectors(nb::module_& module) {
  module.def("is_dlpack_uint8_tensor", &is_uint8_capsule, "capsule"_a);
  nb::class_<OrtValueVector>(module, "OrtValueVector", "A list of OrtValues.")
      .def(nb::init<>())
      .def("push_back",
           [](OrtValueVector& self, const OrtValue& value) { self.values.push_back(value.value); })
      .def(
          "push_back",
          [](OrtValueVector& self, nb::handle data, bool is_bool) {
            self.values.emplace_back(from_dlpack(data, is_bool));
          },
          "dlpack_tensor"_a, "is_bool_tensor"_a = false)
      .def("push_back_batch", &push_back_batch, "tensors"_a, "data_ptrs"_a, "element_types"_a,
           "shapes"_a, "devices"_a, "Tensors over memory of other objects, which are kept.")
      .def("reserve", [](OrtValueVector& self, size_t count) { self.values.reserve(count); })
      .def("shrink_to_fit", [](OrtValueVector& self) { self.values.shrink_to_fit(); })
      .def("__len__", [](const OrtValueVector& self) { return self.values.size(); })
      .def("__getitem__", &item_at)
      .def("__iter__",
           [](const OrtValueVector& self) {
             nb::list items;
             for (const Value& value : self.values) items.append(nb::cast(OrtValue{value}));
             return nb::iter(items);
           })
      .def("bool_tensor_indices", &bool_indices)
      .def("element_type_at",
           [](const OrtValueVector& self, int64_t index) {
             return static_cast<int>(tensor_of(item_at(self, index)).dtype());
           })
      .def("dlpack_at", [](const OrtValueVector& self,
                           int64_t index) { return to_dlpack(tensor_of(item_at(self, index))); })
      .def("to_dlpacks", &to_dlpacks, "to_tensor"_a.none(),
           "DLPack capsules, or what `to_tensor` makes of each.");
}

}  // namespace sardonyx::python
