// The exception classes. They live as long as the process, as Python's own do.
#include "python/errors.h"

#include <array>

namespace sardonyx::python {
namespace {

struct ErrorClass {
  Code code;
  const char* name;
  PyObject* type;
};

std::array<ErrorClass, 15> error_classes = {{
    {Code::kFail, "Fail", nullptr},
    {Code::kInvalidArgument, "InvalidArgument", nullptr},
    {Code::kNoSuchFile, "NoSuchFile", nullptr},
    {Code::kNoModel, "NoModel", nullptr},
    {Code::kEngineError, "EngineError", nullptr},
    {Code::kRuntimeException, "RuntimeException", nullptr},
    {Code::kInvalidProtobuf, "InvalidProtobuf", nullptr},
    {Code::kModelLoaded, "ModelLoaded", nullptr},
    {Code::kNotImplemented, "NotImplemented", nullptr},
    {Code::kInvalidGraph, "InvalidGraph", nullptr},
    {Code::kEpFail, "EPFail", nullptr},
    {Code::kModelLoadCanceled, "ModelLoadCanceled", nullptr},
    {Code::kModelRequiresCompilation, "ModelRequiresCompilation", nullptr},
    {Code::kNotFound, "NotFound", nullptr},
    {Code::kDeviceReset, "DeviceReset", nullptr},
}};

PyObject* class_of(Code code) {
  for (const ErrorClass& each : error_classes) {
    if (each.code == code) return each.type;
  }
  return error_classes[0].type;
}

}  // namespace

void add_exceptions(nb::module_& module) {
  const char* doc =
      "Base class of everything that Sardonyx raises. `code`: the status code, "
      "`place`: byte offset, node or operator, or ''.";
  nb::object base =
      nb::steal(PyErr_NewExceptionWithDoc("sardonyx.Error", doc, PyExc_RuntimeError, nullptr));
  base.attr("code") = static_cast<int>(Code::kFail);
  base.attr("place") = "";
  module.attr("Error") = base;
  for (ErrorClass& each : error_classes) {
    const std::string name = std::string("sardonyx.") + each.name;
    each.type = PyErr_NewException(name.c_str(), base.ptr(), nullptr);
    if (each.type == nullptr) throw nb::python_error();
    nb::setattr(each.type, "code", nb::int_(static_cast<int>(each.code)));
    module.attr(each.name) = nb::borrow(each.type);
  }
}

void raise_error(const Error& error) {
  const nb::str text(error.text().c_str());
  nb::object exception = nb::borrow(class_of(error.code))(text);
  if (!error.place.empty()) exception.attr("place") = error.place.c_str();
  PyErr_SetObject(exception.type().ptr(), exception.ptr());
  throw nb::python_error();
}

void raise_error(Code code, const std::string& message) {
  raise_error(Error{code, message, std::string()});
}

void raise_python(PyObject* type, const std::string& message) {
  PyErr_SetString(type, message.c_str());
  throw nb::python_error();
}

}  // namespace sardonyx::python
