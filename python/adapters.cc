// See python/adapters.h.
#include "python/adapters.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>

#include "python/errors.h"
#include "python/values.h"

namespace sardonyx::python {
namespace {

namespace nb = nanobind;
using namespace nb::literals;

void set_parameters(Adapter& self, const std::map<std::string, OrtValue>& parameters) {
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, value] : parameters) {
    if (!value.value.is_tensor()) {
      raise_error(Code::kInvalidArgument, "adapter: parameter '" + name + "' must be a tensor");
    }
    tensors.emplace(name, value.value.tensor());
  }
  self.parameters = std::move(tensors);
}

nb::dict parameters_of(const Adapter& self) {
  nb::dict result;
  for (const auto& [name, tensor] : self.parameters) {
    result[to_text(name)] = nb::cast(OrtValue{tensor});
  }
  return result;
}

}  // namespace

void add_adapters(nb::module_& module) {
  nb::class_<PyLoraAdapter>(module, "LoraAdapter",
                            "Parameters that take the place of a model's inputs of their names.")
      .def(nb::init<>())
      .def(
          "Load",
          [](PyLoraAdapter& self, nb::handle path) {
            self.adapter = std::make_shared<const Adapter>(unwrap(Adapter::load(to_path(path))));
          },
          "file_path"_a, "Reads a .onnx_adapter file.");
  nb::class_<Adapter>(module, "AdapterFormat", "The contents of a .onnx_adapter file.")
      .def(nb::init<>())
      .def_static(
          "read_adapter", [](nb::handle path) { return unwrap(Adapter::load(to_path(path))); },
          "file_path"_a)
      .def(
          "export_adapter",
          [](const Adapter& self, nb::handle path) { unwrap(self.save(to_path(path))); },
          "file_path"_a, "Writes the file; an older one is replaced when the new one is complete.")
      .def("get_format_version", [](const Adapter&) { return 1; })
      .def("get_adapter_version", [](const Adapter& self) { return self.adapter_version; })
      .def("set_adapter_version",
           [](Adapter& self, int32_t version) { self.adapter_version = version; })
      .def("get_model_version", [](const Adapter& self) { return self.model_version; })
      .def("set_model_version",
           [](Adapter& self, int32_t version) { self.model_version = version; })
      .def_prop_ro("format_version", [](const Adapter&) { return 1; })
      .def_rw("adapter_version", &Adapter::adapter_version)
      .def_rw("model_version", &Adapter::model_version)
      .def_prop_rw("parameters", &parameters_of, &set_parameters)
      .def("get_parameters", &parameters_of, "OrtValues by name.")
      .def("set_parameters", &set_parameters, "params"_a);
}

}  // namespace sardonyx::python
