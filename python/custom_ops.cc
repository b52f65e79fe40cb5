// See python/custom_ops.h.
#include "python/custom_ops.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "python/arrays.h"
#include "python/errors.h"
#include "python/values.h"

namespace sardonyx::python {
namespace {

namespace nb = nanobind;
using namespace nb::literals;

nb::object attr_to_python(const CustomAttr& attr) {
  struct Convert {
    nb::object operator()(int64_t value) const { return nb::int_(value); }
    nb::object operator()(float value) const { return nb::float_(value); }
    nb::object operator()(const std::string& value) const { return to_text(value); }
    nb::object operator()(const Tensor& value) const { return to_array(value); }
    nb::object operator()(const std::vector<int64_t>& value) const { return nb::cast(value); }
    nb::object operator()(const std::vector<float>& value) const { return nb::cast(value); }
    nb::object operator()(const std::vector<std::string>& value) const {
      nb::list list;
      for (const std::string& each : value) list.append(to_text(each));
      return list;
    }
    nb::object operator()(const std::vector<Tensor>& value) const {
      nb::list list;
      for (const Tensor& each : value) list.append(to_array(each));
      return list;
    }
  };
  return std::visit(Convert(), attr);
}

nb::dict attrs_to_python(const CustomNode& node) {
  nb::dict attrs;
  for (const auto& [name, attr] : node.attrs) attrs[to_text(name)] = attr_to_python(attr);
  return attrs;
}

tl::unexpected<Error> failure(std::string message) {
  return tl::unexpected(Error{Code::kRuntimeException, std::move(message), ""});
}

// Runs Python code of the user; what it raises becomes an Error. The GIL is held.
template <class Fn>
auto guarded(const std::string& title, Fn fn) -> Result<decltype(fn())> {
  try {
    return fn();
  } catch (nb::python_error& error) {
    const std::string kind = nb::cast<std::string>(error.type().attr("__name__"));
    const std::string text = nb::cast<std::string>(nb::str(error.value()));
    return failure("custom operator " + title + ": " + kind + ": " + text);
  } catch (const std::exception& error) {
    return failure("custom operator " + title + ": " + error.what());
  }
}

ArgInfo tensor_info(DType dtype) {
  ArgInfo info;
  info.kind = ArgInfo::Kind::kTensor;
  info.dtype = dtype;
  return info;
}

ArgInfo::Dim dim_from(nb::handle dim) {
  if (dim.is_none()) return {};
  if (nb::isinstance<nb::str>(dim)) return {-1, nb::cast<std::string>(dim)};
  return {nb::cast<int64_t>(dim), ""};
}

// "tensor(float)" as in NodeArg.type, or whatever NumPy takes for a dtype.
DType element_type(nb::handle described) {
  if (nb::isinstance<nb::str>(described)) {
    const std::string text = nb::cast<std::string>(described);
    const std::string_view prefix = "tensor(";
    if (text.starts_with(prefix) && text.ends_with(')')) {
      const std::string name = text.substr(prefix.size(), text.size() - prefix.size() - 1);
      const DType dtype = dtype_from_name(name);
      if (dtype != DType::kUndefined) return dtype;
    }
  }
  return dtype_of_argument(described);
}

// A NodeArg as it is, a dtype, or (dtype, shape).
ArgInfo info_from(nb::handle described) {
  if (nb::isinstance<ArgInfo>(described)) return nb::cast<ArgInfo>(described);
  if (!nb::isinstance<nb::tuple>(described)) return tensor_info(element_type(described));
  const auto pair = nb::cast<nb::tuple>(described);
  if (pair.size() != 2) throw std::invalid_argument("an output is (dtype, shape), or a dtype");
  ArgInfo info = tensor_info(element_type(pair[0]));
  if (nb::handle(pair[1]).is_none()) return info;
  info.has_rank = true;
  for (nb::handle dim : pair[1]) info.dims.push_back(dim_from(dim));
  return info;
}

// Arrays of the user's own: they may keep them.
nb::object copied(const Value& value) {
  if (!value.is_tensor()) return to_python(value);
  const Tensor& tensor = value.tensor();
  if (tensor.dtype() == DType::kString) return to_array(tensor);
  Tensor copy = unwrap(Tensor::allocate(tensor.dtype(), tensor.shape()));
  copy_elements(tensor.view(), copy.view());
  return to_array(copy);
}

std::vector<Value> call_compute(nb::handle compute, const CustomNode& node, const nb::dict& attrs,
                                std::span<const Value> inputs) {
  nb::list arguments;
  for (const Value& input : inputs) {
    arguments.append(input.kind() == Value::Kind::kNone ? nb::none() : copied(input));
  }
  const nb::object result = compute(*nb::tuple(arguments), **attrs);
  std::vector<Value> values;
  const bool is_many = nb::isinstance<nb::tuple>(result);
  const nb::tuple many = is_many ? nb::cast<nb::tuple>(result) : nb::make_tuple(result);
  for (nb::handle each : many) {
    // A number or a NumPy scalar stands for a tensor of rank 0, a list for a sequence.
    nb::object value = nb::borrow(each);
    const bool is_container = nb::isinstance<nb::list>(value) || nb::isinstance<nb::dict>(value);
    if (!is_container) value = nb::module_::import_("numpy").attr("asarray")(value);
    values.push_back(to_value(value, nullptr, "an output of custom operator " + node.op_type));
  }
  return values;
}

CustomOp::Infer make_infer(nb::handle infer) {
  const std::shared_ptr<void> held = hold_python(infer);
  return [held](const CustomNode& node) -> Result<std::vector<ArgInfo>> {
    nb::gil_scoped_acquire gil;
    return guarded(node.op_type, [&] {
      const nb::handle callable(static_cast<PyObject*>(held.get()));
      std::vector<ArgInfo> outputs;
      for (nb::handle each : callable(nb::cast(node))) outputs.push_back(info_from(each));
      return outputs;
    });
  };
}

CustomOp::Make make_maker(nb::handle compute) {
  const std::shared_ptr<void> held = hold_python(compute);
  return [held](const CustomNode& node) -> Result<CustomOp::Compute> {
    return CustomOp::Compute(
        [held, node](std::span<const Value> inputs) -> Result<std::vector<Value>> {
          nb::gil_scoped_acquire gil;
          return guarded(node.op_type, [&] {
            const nb::handle callable(static_cast<PyObject*>(held.get()));
            return call_compute(callable, node, attrs_to_python(node), inputs);
          });
        });
  };
}

void init_op(PyCustomOp* self, std::string domain, std::string name, nb::handle compute,
             nb::handle outputs, int since_version, size_t min_inputs,
             std::optional<size_t> max_inputs) {
  if (PyCallable_Check(compute.ptr()) == 0) {
    raise_python(PyExc_TypeError, "CustomOp: compute must be callable");
  }
  auto op = std::make_shared<CustomOp>();
  op->domain = std::move(domain);
  op->name = std::move(name);
  op->since_version = since_version;
  op->min_inputs = min_inputs;
  if (max_inputs) op->max_inputs = *max_inputs;
  op->make = make_maker(compute);
  if (PyCallable_Check(outputs.ptr()) != 0 && !PyType_Check(outputs.ptr())) {
    op->infer = make_infer(outputs);
  } else {
    for (nb::handle each : outputs) op->output_types.push_back(element_type(each));
  }
  new (self) PyCustomOp{std::move(op)};
}

}  // namespace

void add_custom_ops(nb::module_& module) {
  nb::class_<CustomNode>(module, "CustomNode", "A node of a model that calls a custom operator.")
      .def_prop_ro("name", [](const CustomNode& self) { return to_text(self.name); })
      .def_prop_ro("op_type", [](const CustomNode& self) { return to_text(self.op_type); })
      .def_prop_ro("domain", [](const CustomNode& self) { return to_text(self.domain); })
      .def_prop_ro("attributes", &attrs_to_python, "Values by name.")
      .def_prop_ro(
          "inputs", [](const CustomNode& self) { return self.inputs; },
          "NodeArgs: what is known of the inputs.")
      .def_ro("output_count", &CustomNode::output_count);
  nb::class_<PyCustomOp>(
      module, "CustomOp",
      "An operator computed by a Python function; give it to SessionOptions.register_custom_op.\n\n"
      "domain, name: what nodes call it.\n"
      "compute: called with an array for each input (None where it is omitted) and the node's "
      "attributes as keywords; returns an array, or a tuple of them.\n"
      "outputs: types of the outputs (NumPy's, or \"tensor(float)\"), or a function that takes a "
      "CustomNode and returns a list of types, NodeArgs or (type, shape) pairs, dims being int, "
      "str "
      "(a symbol) or None.\n"
      "since_version: from which version of the domain on nodes mean this operator.")
      .def("__init__", &init_op, "domain"_a, "name"_a, "compute"_a, "outputs"_a,
           "since_version"_a = 1, "min_inputs"_a = 0, "max_inputs"_a.none() = nb::none())
      .def_prop_ro("domain", [](const PyCustomOp& self) { return to_text(self.op->domain); })
      .def_prop_ro("name", [](const PyCustomOp& self) { return to_text(self.op->name); });
}

}  // namespace sardonyx::python
