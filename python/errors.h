// Errors as Python exceptions: one class per status code, with ONNX Runtime's names.
// Entry points: add_exceptions, raise_error, unwrap.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>  // in every file, or casts would differ between them

#include <string>
#include <string_view>

#include "sardonyx/sardonyx.h"

namespace sardonyx::python {

namespace nb = nanobind;

// UTF-8 text of a model as str. Bytes that are not UTF-8 become lone surrogates, which
// to_utf8() turns back: such names can be shown and fed.
nb::str to_text(std::string_view utf8);
std::string to_utf8(nb::handle text);
// A str or os.PathLike.
std::string to_path(nb::handle path);

// Puts Error and its subclasses (Fail, InvalidArgument, ...) into the module.
void add_exceptions(nb::module_& module);

// Raises the class of the Error's code; its attributes `code` and `place` say the rest. `what` goes
// before the text.
[[noreturn]] void raise_error(const Error& error, const char* what = "");
[[noreturn]] void raise_error(Code code, const std::string& message);
// One of Python's own: raise_python(PyExc_ValueError, "...").
[[noreturn]] void raise_python(PyObject* type, const std::string& message);

template <class T>
T unwrap(Result<T>&& result) {
  if (!result) raise_error(result.error());
  return take_value(std::move(result));
}

}  // namespace sardonyx::python
