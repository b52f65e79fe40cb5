// IOBinding: inputs and outputs bound once, in memory of the caller's choice, and run many times.
#include <nanobind/stl/vector.h>

#include "python/arrays.h"
#include "python/errors.h"
#include "python/session.h"
#include "python/values.h"

namespace sardonyx::python {
namespace {

using namespace nb::literals;

struct PyBinding {
  nb::object owner;  // keeps the session alive
  PySession* session;
  std::vector<NamedValue> inputs;
  std::vector<std::string> output_names;
  std::vector<Value> outputs;  // what run_with_iobinding writes into, or kNone
  std::vector<Value> results;  // of the last run
};

void bind_value(PyBinding& self, const std::string& name, Value value) {
  if (find_input(self.session->session, name) == nullptr) {
    raise_error(Code::kInvalidArgument,
                "Error when binding input: Failed to find input name in the mapping: " + name);
  }
  for (NamedValue& input : self.inputs) {
    if (input.name != name) continue;
    input.value = std::move(value);
    return;
  }
  self.inputs.push_back({name, std::move(value)});
}

void bind_output_value(PyBinding& self, const std::string& name, Value value) {
  const std::vector<std::string>& names = self.session->output_names;
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    raise_error(Code::kInvalidArgument, "Invalid output name: " + name);
  }
  for (size_t i = 0; i < self.output_names.size(); ++i) {
    if (self.output_names[i] != name) continue;
    self.outputs[i] = std::move(value);
    return;
  }
  self.output_names.push_back(name);
  self.outputs.push_back(std::move(value));
}

void bind_array(PyBinding& self, const std::string& name, nb::handle array) {
  const ArgInfo* input = find_input(self.session->session, name);
  if (input == nullptr) {
    raise_error(Code::kInvalidArgument,
                "Failed to find NodeArg with name: " + name + " in the def list");
  }
  bind_value(self, name, to_value(array, input, name));
}

void bind_input(PyBinding& self, const std::string& name, nb::handle device, int id,
                nb::handle dtype, nb::handle shape, uintptr_t pointer) {
  const std::string what = "bind_input '" + name + "'";
  require_cpu(device, id, what);
  bind_value(self, name, tensor_at(dtype_of_argument(dtype), shape, pointer, what));
}

void bind_output(PyBinding& self, const std::string& name, nb::handle device, int id,
                 nb::handle dtype, nb::handle shape, nb::handle pointer) {
  require_cpu(device, id, "bind_output '" + name + "'");
  if (pointer.is_none()) {
    bind_output_value(self, name, Value());
    return;
  }
  if (dtype.is_none() || shape.is_none()) {
    raise_python(PyExc_ValueError,
                 "`element_type` and `shape` are to be provided if pre-allocated memory is "
                 "provided (bind_output '" +
                     name + "')");
  }
  bind_output_value(self, name,
                    tensor_at(dtype_of_argument(dtype), shape, nb::cast<uintptr_t>(pointer),
                              "bind_output '" + name + "'"));
}

std::string describe(const Tensor& tensor) {
  return std::string(dtype_name(tensor.dtype())) + " " + tensor.shape().to_string();
}

// A bound buffer is a promise of where the result goes.
void check_written(const PyBinding& self, const std::vector<Value>& results) {
  for (size_t i = 0; i < results.size(); ++i) {
    if (!self.outputs[i].is_tensor() || self.outputs[i].tensor().dtype() == DType::kString)
      continue;
    const Tensor& bound = self.outputs[i].tensor();
    if (results[i].is_tensor() && results[i].tensor().data() == bound.data()) continue;
    raise_error(
        Code::kInvalidArgument,
        "output '" + self.output_names[i] + "' is bound to memory for " + describe(bound) +
            ", but the result is " +
            (results[i].is_tensor() ? describe(results[i].tensor()) : value_type_name(results[i])));
  }
}

void run_with_binding(const PySession& session, PyBinding& self, const PyRunOptions* options) {
  constexpr const char* kWhat = "Error in execution: ";
  if (&session != self.session) {
    raise_error(Code::kInvalidArgument, "the IOBinding was made by another session");
  }
  if (self.output_names.empty()) {
    raise_error({Code::kInvalidArgument, "At least one output should be requested.", ""}, kWhat);
  }
  std::vector<Value> results = self.outputs;
  const Result<void> done = try_run(session, self.inputs, self.output_names, results, options);
  if (!done) raise_error(done.error(), kWhat);
  check_written(self, results);
  self.results = std::move(results);
}

OrtValueVector results_of(const PyBinding& self) { return {self.results}; }

nb::list get_outputs(const PyBinding& self) {
  nb::list list;
  for (const Value& result : self.results) list.append(nb::cast(OrtValue{result}));
  return list;
}

nb::list copy_outputs(const PyBinding& self) {
  nb::list list;
  for (const Value& result : self.results) {
    nb::object value = to_python(result, self.inputs);
    const bool owned = !result.is_tensor() || result.tensor().owner() == nullptr;
    list.append(owned ? value : nb::object(value.attr("copy")()));
  }
  return list;
}

}  // namespace

void add_binding(nb::module_& module) {
  nb::class_<PyBinding>(module, "IOBinding", "Inputs and outputs of a session bound to memory.")
      .def(
          "__init__",
          [](PyBinding* self, const nb::object& session) {
            new (self) PyBinding{session, nb::cast<PySession*>(session), {}, {}, {}, {}};
          },
          "session"_a)
      .def("bind_cpu_input", &bind_array, "name"_a, "arr_on_cpu"_a)
      .def("bind_input", &bind_array, "name"_a, "arr_on_cpu"_a)
      .def("bind_input", &bind_input, "name"_a, "device_type"_a, "device_id"_a, "element_type"_a,
           "shape"_a, "buffer_ptr"_a,
           "Binds the caller's memory; it must stay as it is until the run is over.")
      .def(
          "bind_input",
          [](PyBinding& self, const std::string& name, const OrtDevice& device, nb::handle dtype,
             nb::handle shape, uintptr_t pointer) {
            bind_input(self, name, nb::cast(device), 0, dtype, shape, pointer);
          },
          "name"_a, "device"_a, "element_type"_a, "shape"_a, "buffer_ptr"_a)
      .def(
          "bind_ortvalue_input",
          [](PyBinding& self, const std::string& name, const OrtValue& value) {
            bind_value(self, name, value.value);
          },
          "name"_a, "ortvalue"_a)
      .def(
          "bind_output",
          [](PyBinding& self, const std::string& name, const OrtDevice& device, nb::handle dtype,
             nb::handle shape, nb::handle pointer) {
            bind_output(self, name, nb::cast(device), 0, dtype, shape, pointer);
          },
          "name"_a, "device"_a, "element_type"_a, "shape"_a, "buffer_ptr"_a)
      .def("bind_output", &bind_output, "name"_a, "device_type"_a = "cpu", "device_id"_a = 0,
           "element_type"_a = nb::none(), "shape"_a = nb::none(), "buffer_ptr"_a = nb::none(),
           "Binds an output to new memory, or to the caller's when buffer_ptr is given.")
      .def(
          "bind_ortvalue_output",
          [](PyBinding& self, const std::string& name, const OrtValue& value) {
            bind_output_value(self, name, value.value);
          },
          "name"_a, "ortvalue"_a)
      .def("get_outputs", &get_outputs)
      .def("get_outputs_as_ortvaluevector", &results_of)
      .def("copy_outputs_to_cpu", &copy_outputs)
      .def("synchronize_inputs", [](const PyBinding&) {})
      .def("synchronize_outputs", [](const PyBinding&) {})
      .def("clear_binding_inputs", [](PyBinding& self) { self.inputs.clear(); })
      .def("clear_binding_outputs",
           [](PyBinding& self) {
             self.output_names.clear();
             self.outputs.clear();
             self.results.clear();
           })
      .def_prop_ro("_iobinding", [](nb::object self) { return self; });
  nb::borrow<nb::class_<PySession>>(module.attr("Session"))
      .def("run_with_iobinding", &run_with_binding, "iobinding"_a,
           "run_options"_a.none() = nb::none());
  module.attr("SessionIOBinding") = module.attr("IOBinding");
}

}  // namespace sardonyx::python
