// The exception classes. They live as long as the process, as Python's own do.
#include "python/errors.h"

#include <array>

#include "api/args.h"

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

// Messages quote names as the file has them; they are made to be printed.
nb::object printable(std::string_view utf8) {
  nb::object text = nb::steal(
      PyUnicode_DecodeUTF8(utf8.data(), static_cast<Py_ssize_t>(utf8.size()), "backslashreplace"));
  if (!text.is_valid()) throw nb::python_error();
  return text;
}

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
  const std::string place = nb::cast<std::string>(module.attr("__name__")) + ".";
  nb::object base = nb::steal(
      PyErr_NewExceptionWithDoc((place + "Error").c_str(), doc, PyExc_RuntimeError, nullptr));
  if (!base.is_valid()) throw nb::python_error();
  base.attr("code") = static_cast<int>(Code::kFail);
  base.attr("place") = "";
  module.attr("Error") = base;
  for (ErrorClass& each : error_classes) {
    const std::string name = place + each.name;
    each.type = PyErr_NewException(name.c_str(), base.ptr(), nullptr);
    if (each.type == nullptr) throw nb::python_error();
    nb::setattr(each.type, "code", nb::int_(static_cast<int>(each.code)));
    module.attr(each.name) = nb::borrow(each.type);
  }
}

nb::str to_text(std::string_view utf8) {
  nb::str text = nb::steal<nb::str>(
      PyUnicode_DecodeUTF8(utf8.data(), static_cast<Py_ssize_t>(utf8.size()), "surrogateescape"));
  if (!text.is_valid()) throw nb::python_error();
  return text;
}

std::string to_utf8(nb::handle text) {
  Py_ssize_t size = 0;
  if (const char* data = PyUnicode_AsUTF8AndSize(text.ptr(), &size)) {
    return std::string(data, static_cast<size_t>(size));
  }
  PyErr_Clear();
  nb::object bytes = nb::steal(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogateescape"));
  if (!bytes.is_valid()) throw nb::python_error();
  return std::string(PyBytes_AS_STRING(bytes.ptr()),
                     static_cast<size_t>(PyBytes_GET_SIZE(bytes.ptr())));
}

std::string to_path(nb::handle path) {
  nb::object text = nb::steal(PyOS_FSPath(path.ptr()));
  if (!text.is_valid()) throw nb::python_error();
  return nb::cast<std::string>(text);
}

void raise_error(const Error& error, const char* what) {
  // Texts about arguments begin as ONNX Runtime's; which argument comes after them.
  const std::string text =
      is_of_argument(error) ? error.message + " (" + error.place + ")" : error.text();
  nb::object exception = nb::borrow(class_of(error.code))(printable(what + text));
  if (!error.place.empty()) exception.attr("place") = printable(error.place);
  PyErr_SetObject(exception.type().ptr(), exception.ptr());
  throw nb::python_error();
}

void raise_error(Code code, const std::string& message) {
  raise_error(Error{code, message, std::string()});
}

void raise_python(PyObject* type, const std::string& message) {
  PyErr_SetObject(type, printable(message).ptr());
  throw nb::python_error();
}

}  // namespace sardonyx::python
