// The session as Python sees it: ArgInfo as NodeArg, run() over dicts of arrays, IO binding.
// Entry points: add_session, add_binding.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>  // in every file, or casts would differ between them

#include <string>
#include <vector>

#include "python/options.h"
#include "sardonyx/sardonyx.h"

namespace sardonyx::python {

namespace nb = nanobind;

struct PySession {
  Session session;
  PySessionOptions options;
  int64_t start_ns;  // when profiling started, on the system's clock
  std::vector<std::string> input_names;
  std::vector<std::string> output_names;
  nb::list inputs;  // of str, interned
  nb::list outputs;
};

// The declaration of an input or overridable initializer; null when the model has none of it.
const ArgInfo* find_input(const Session& session, const std::string& name);

// Runs without the GIL; raises the Error.
Result<void> try_run(const PySession& self, const std::vector<NamedValue>& feeds,
                     const std::vector<std::string>& outputs, std::vector<Value>& results,
                     const PyRunOptions* options);
void run_session(const PySession& self, const std::vector<NamedValue>& feeds,
                 const std::vector<std::string>& outputs, std::vector<Value>& results,
                 const PyRunOptions* options);

void add_session(nb::module_& module);
void add_binding(nb::module_& module);

}  // namespace sardonyx::python
