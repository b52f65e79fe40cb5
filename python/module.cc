// The Python module sardonyx._sardonyx: the C++ API under ONNX Runtime's names. The package
// python/sardonyx/ adds what is better written in Python.
#define SARDONYX_IMPORT_NUMPY
#include "python/adapters.h"
#include "python/custom_ops.h"
#include "python/numpy_api.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include "api/infer_shapes.h"
#include "api/inspect.h"
#include "python/errors.h"
#include "python/options.h"
#include "python/quantizers.h"
#include "python/session.h"
#include "python/values.h"

namespace {

namespace nb = nanobind;
using namespace nb::literals;

nb::dict build_info() {
  const sardonyx::DoctorReport report = sardonyx::examine_machine();
  nb::dict info;
  info["version"] = report.version;
  info["tier"] = report.tier;
  info["tiers"] = report.tiers;
  info["features"] = report.features;
  info["threads"] = report.threads;
  info["libraries"] = report.libraries;
  return info;
}

nb::bytes infer_shapes(const nb::bytes& model, const std::string& folder, bool strict) {
  sardonyx::InferShapesOptions options;
  options.folder = folder;
  options.strict = strict;
  const std::string inferred = sardonyx::python::unwrap(sardonyx::infer_shapes(
      {reinterpret_cast<const std::byte*>(model.c_str()), model.size()}, options));
  return nb::bytes(inferred.data(), inferred.size());
}

}  // namespace

NB_MODULE(_sardonyx, module) {
  if (_import_array() < 0) throw nb::python_error();
  module.doc() = "The binding of the Sardonyx library; import the package `sardonyx`.";
  module.attr("version") = sardonyx::version();
  sardonyx::python::add_exceptions(module);
  sardonyx::python::add_adapters(module);
  sardonyx::python::add_custom_ops(module);
  sardonyx::python::add_options(module);
  sardonyx::python::add_values(module);
  sardonyx::python::add_session(module);
  sardonyx::python::add_binding(module);
  sardonyx::python::add_quantizers(module);
  module.def("set_default_threads", &sardonyx::set_default_threads, "threads"_a);
  module.def("set_arena_limit", &sardonyx::python::set_arena_limit, "bytes"_a);
  module.def(
      "set_seed", [](int64_t seed) { sardonyx::set_random_seed(static_cast<uint64_t>(seed)); },
      "seed"_a,
      "Random operators without a seed of their own give the same numbers after the same "
      "seed, in the order of their runs.");
  module.def("infer_shapes", &infer_shapes, "model"_a, "folder"_a, "strict"_a);
  module.def("machine", &build_info, "What the library found on this machine, as a dict.");
}
