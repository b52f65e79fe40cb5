// Session, NodeArg and ModelMetadata. run() is written for small models: names are kept as interned
// strings, arrays are wrapped where they lie, and nothing else stands between the call and the
// library.
#include "python/session.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <chrono>

#include "api/inspect.h"
#include "api/trace.h"
#include "python/arrays.h"
#include "python/errors.h"
#include "python/values.h"

namespace sardonyx::python {
namespace {

using namespace nb::literals;

// The config entry that says where external data of models in memory lies.
constexpr const char* kExternalFolder = "session.model_external_initializers_file_folder_path";

nb::list names_of(const std::vector<ArgInfo>& args, std::vector<std::string>& names) {
  nb::list list;
  for (const ArgInfo& arg : args) {
    PyObject* text = to_text(arg.name).release().ptr();
    PyUnicode_InternInPlace(&text);
    list.append(nb::steal(text));
    names.push_back(arg.name);
  }
  return list;
}

std::string to_name(nb::handle text, const char* what) {
  if (PyUnicode_Check(text.ptr())) return to_utf8(text);
  raise_python(PyExc_TypeError,
               std::string(what) + " must be str, got " + nb::cast<std::string>(nb::repr(text)));
}

// A dict as it is, any other mapping as a dict.
nb::dict to_dict(nb::handle mapping) {
  if (PyDict_Check(mapping.ptr())) return nb::borrow<nb::dict>(mapping);
  if (!PyMapping_Check(mapping.ptr()) || !nb::hasattr(mapping, "keys")) {
    raise_python(PyExc_TypeError, "the input feed must be a dict of input names to values, got " +
                                      nb::cast<std::string>(nb::repr(nb::handle(mapping.type()))));
  }
  nb::dict dict;
  if (PyDict_Update(dict.ptr(), mapping.ptr()) != 0) throw nb::python_error();
  return dict;
}

// An optional that is not fed is an empty one; what else is missing is an error.
void check_required(const PySession& self, const nb::dict& feed, std::vector<NamedValue>& feeds) {
  nb::list missing;
  for (size_t i = 0; i < self.inputs.size(); ++i) {
    const int found = PyDict_Contains(feed.ptr(), nb::object(self.inputs[i]).ptr());
    if (found < 0) throw nb::python_error();
    if (found != 0) continue;
    if (self.session.inputs()[i].kind == ArgInfo::Kind::kOptional) {
      feeds.push_back({self.input_names[i], Value::optional()});
    } else {
      missing.append(self.inputs[i]);
    }
  }
  if (missing.empty()) return;
  raise_python(PyExc_ValueError, "Required inputs (" + nb::cast<std::string>(nb::repr(missing)) +
                                     ") are missing from input feed (" +
                                     nb::cast<std::string>(nb::repr(nb::list(feed.keys()))) + ").");
}

std::vector<NamedValue> to_feeds(const PySession& self, nb::handle mapping) {
  const nb::dict feed = to_dict(mapping);
  std::vector<NamedValue> feeds;
  feeds.reserve(feed.size());
  check_required(self, feed, feeds);
  for (auto [key, object] : feed) {
    std::string name = to_name(key, "an input name");
    const ArgInfo* arg = find_input(self.session, name);
    Value value = to_value(object, arg, name);
    feeds.push_back({std::move(name), std::move(value)});
  }
  return feeds;
}

std::vector<std::string> to_names(const PySession& self, nb::handle names) {
  if (names.is_none()) return self.output_names;
  if (PyUnicode_Check(names.ptr())) {
    raise_python(PyExc_TypeError, "output_names must be a list of str, or None for all outputs");
  }
  std::vector<std::string> result;
  for (nb::handle name : names) result.push_back(to_name(name, "an output name"));
  if (result.empty()) return self.output_names;
  return result;
}

nb::list run(const PySession& self, nb::handle output_names, nb::handle input_feed,
             const PyRunOptions* options) {
  const std::vector<NamedValue> feeds = to_feeds(self, input_feed);
  std::vector<Value> results;
  if (output_names.is_none()) {
    run_session(self, feeds, self.output_names, results, options);
  } else {
    run_session(self, feeds, to_names(self, output_names), results, options);
  }
  nb::list list;
  for (const Value& result : results) list.append(to_python(result, feeds));
  return list;
}

nb::list run_with_ort_values(const PySession& self, nb::handle output_names, nb::handle input_feed,
                             const PyRunOptions* options) {
  const std::vector<NamedValue> feeds = to_feeds(self, input_feed);
  std::vector<Value> results;
  run_session(self, feeds, to_names(self, output_names), results, options);
  nb::list list;
  for (Value& result : results) list.append(nb::cast(OrtValue{std::move(result)}));
  return list;
}

// The order of arguments of ONNX Runtime's own binding (`session._sess`).
OrtValueVector run_to_vector(const PySession& self, const nb::dict& input_feed,
                             const nb::list& output_names, const PyRunOptions* options) {
  const std::vector<NamedValue> feeds = to_feeds(self, input_feed);
  OrtValueVector results;
  run_session(self, feeds, to_names(self, output_names), results.values, options);
  return results;
}

void run_with_vectors(const PySession& self, const PyRunOptions* options,
                      const std::vector<std::string>& feed_names, const OrtValueVector& feeds,
                      const std::vector<std::string>& fetch_names, OrtValueVector& fetches,
                      nb::handle /*fetch_devices*/) {
  if (feed_names.size() != feeds.values.size()) {
    raise_error(Code::kInvalidArgument, "feed names has " + std::to_string(feed_names.size()) +
                                            " elements, but feed has " +
                                            std::to_string(feeds.values.size()) + " elements.");
  }
  if (fetch_names.empty()) {
    raise_error(Code::kInvalidArgument, "At least one output should be requested.");
  }
  if (!fetches.values.empty() && fetches.values.size() != fetch_names.size()) {
    raise_error(Code::kInvalidArgument, "fetch names has " + std::to_string(fetch_names.size()) +
                                            " elements, but fetch has " +
                                            std::to_string(fetches.values.size()) + " elements.");
  }
  std::vector<NamedValue> inputs;
  for (size_t i = 0; i < feed_names.size(); ++i) {
    inputs.push_back({feed_names[i], feeds.values[i]});
  }
  std::vector<Value> results = fetches.values;
  results.resize(fetch_names.size());
  run_session(self, inputs, fetch_names, results, options);
  fetches.values = std::move(results);
}

int64_t system_now_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

void load_session(PySession* self, nb::handle source, const PySessionOptions* given) {
  const PySessionOptions options = given != nullptr ? *given : PySessionOptions();
  const SessionOptions library = library_options(options);
  const int64_t start_ns = system_now_ns();
  auto load = [&]() -> Result<Session> {
    if (PyBytes_Check(source.ptr())) {
      const auto* data = reinterpret_cast<const std::byte*>(PyBytes_AS_STRING(source.ptr()));
      const auto size = static_cast<size_t>(PyBytes_GET_SIZE(source.ptr()));
      std::shared_ptr<void> owner = hold_python(source);
      const auto folder = library.config.find(kExternalFolder);
      const std::string place = folder != library.config.end() ? folder->second : "";
      nb::gil_scoped_release release;
      return Session::load(std::span(data, size), std::move(owner), library, place);
    }
    const std::string path = nb::cast<std::string>(source);
    nb::gil_scoped_release release;
    return Session::load(std::filesystem::path(path), library);
  };
  Session session = unwrap(load());
  new (self) PySession{std::move(session), options, start_ns, {}, {}, {}, {}};
  self->inputs = names_of(self->session.inputs(), self->input_names);
  self->outputs = names_of(self->session.outputs(), self->output_names);
}

std::string end_profiling(const PySession& self) {
  if (!self.options.profiling) return "";
  const std::vector<StepTime> steps = self.session.take_profile();
  return unwrap(write_profile(steps, self.options.profile_prefix));
}

nb::list nodes_of(const PySession& self) {
  nb::list nodes;
  for (const auto& node : describe_graph(self.session).nodes) {
    nodes.append(nb::make_tuple(to_text(node.name), to_text(node.domain), to_text(node.op_type)));
  }
  return nodes;
}

nb::list arg_shape(const ArgInfo& arg) {
  if (arg.kind == ArgInfo::Kind::kOptional && arg.element != nullptr)
    return arg_shape(*arg.element);
  nb::list shape;
  for (const ArgInfo::Dim& dim : arg.dims) {
    if (dim.value >= 0) {
      shape.append(dim.value);
    } else if (!dim.symbol.empty()) {
      shape.append(to_text(dim.symbol));
    } else {
      shape.append(nb::none());
    }
  }
  return shape;
}

void add_node_arg(nb::module_& module) {
  nb::class_<ArgInfo>(module, "NodeArg", "One declared input or output of a model.")
      .def_prop_ro("name", [](const ArgInfo& self) { return to_text(self.name); })
      .def_prop_ro(
          "type", [](const ArgInfo& self) { return to_text(self.type); },
          "ONNX's type: 'tensor(float)', 'seq(tensor(int64))', ...")
      .def_prop_ro("shape", &arg_shape, nb::sig("def shape(self) -> list[int | str | None]"),
                   "Dims: int, str for a symbol, None where unknown.")
      .def("__repr__", [](const ArgInfo& self) {
        return "NodeArg(name=" + nb::cast<std::string>(nb::repr(to_text(self.name))) + ", type='" +
               self.type + "', shape=" + nb::cast<std::string>(nb::repr(arg_shape(self))) + ")";
      });
}

void add_model_info(nb::module_& module) {
  nb::class_<ModelInfo>(module, "ModelMetadata", "What a model says of itself.")
      .def_prop_ro("producer_name",
                   [](const ModelInfo& self) { return to_text(self.producer_name); })
      .def_prop_ro("producer_version",
                   [](const ModelInfo& self) { return to_text(self.producer_version); })
      .def_prop_ro("graph_name", [](const ModelInfo& self) { return to_text(self.graph_name); })
      .def_prop_ro("domain", [](const ModelInfo& self) { return to_text(self.domain); })
      .def_prop_ro("description", [](const ModelInfo& self) { return to_text(self.description); })
      .def_prop_ro("graph_description",
                   [](const ModelInfo& self) { return to_text(self.graph_description); })
      .def_prop_ro("version", [](const ModelInfo& self) { return self.version; })
      .def_prop_ro("ir_version", [](const ModelInfo& self) { return self.ir_version; })
      .def_prop_ro("warnings",
                   [](const ModelInfo& self) {
                     nb::list warnings;
                     for (const std::string& text : self.warnings) warnings.append(to_text(text));
                     return warnings;
                   })
      .def_prop_ro("opsets",
                   [](const ModelInfo& self) {
                     nb::dict opsets;
                     for (const auto& [domain, version] : self.opsets) {
                       opsets[to_text(domain)] = version;
                     }
                     return opsets;
                   })
      .def_prop_ro("custom_metadata_map", [](const ModelInfo& self) {
        nb::dict metadata;
        for (const auto& [key, value] : self.metadata) metadata[to_text(key)] = to_text(value);
        return metadata;
      });
}

}  // namespace

const ArgInfo* find_input(const Session& session, const std::string& name) {
  for (const ArgInfo& arg : session.inputs()) {
    if (arg.name == name) return &arg;
  }
  for (const ArgInfo& arg : session.overridable_initializers()) {
    if (arg.name == name) return &arg;
  }
  return nullptr;
}

Result<void> try_run(const PySession& self, const std::vector<NamedValue>& feeds,
                     const std::vector<std::string>& outputs, std::vector<Value>& results,
                     const PyRunOptions* options) {
  RunOptions run_options;
  if (options != nullptr) {
    run_options.cancel = &options->terminate;
    run_options.adapters = options->adapters;
    const double timeout = options->timeout;
    if (timeout > 0) {
      run_options.deadline = std::chrono::steady_clock::now() +
                             std::chrono::nanoseconds(static_cast<int64_t>(timeout * 1e9));
    }
  }
  nb::gil_scoped_release release;
  if (results.empty()) {
    results = TRY(self.session.run(feeds, outputs, run_options));
    return {};
  }
  return self.session.run_into(feeds, outputs, results, run_options);
}

void run_session(const PySession& self, const std::vector<NamedValue>& feeds,
                 const std::vector<std::string>& outputs, std::vector<Value>& results,
                 const PyRunOptions* options) {
  constexpr std::string_view kUnknown = "Invalid output name: ";
  Result<void> done = try_run(self, feeds, outputs, results, options);
  // ONNX Runtime's run() has no space there, where its other doors have one.
  if (!done && done.error().message.starts_with(kUnknown)) {
    done.error().message.erase(kUnknown.size() - 1, 1);
  }
  unwrap(std::move(done));
}

void add_session(nb::module_& module) {
  add_node_arg(module);
  add_model_info(module);
  nb::class_<PySession>(module, "Session", "A loaded model; sardonyx.InferenceSession is one.")
      .def("__init__", &load_session, "path_or_bytes"_a, "options"_a.none() = nb::none())
      .def("run", &run, "output_names"_a.none(), "input_feed"_a,
           "run_options"_a.none() = nb::none(),
           nb::sig("def run(self, output_names: collections.abc.Sequence[str] | None, "
                   "input_feed: collections.abc.Mapping[str, typing.Any], "
                   "run_options: RunOptions | None = None) -> list[typing.Any]"),
           "Runs the model. Takes names of outputs (None: all) and a dict of inputs by name; "
           "returns a list of arrays (lists, dicts or None for other kinds of values).")
      .def("run_with_ort_values", &run_to_vector, nb::arg(), nb::arg(), nb::arg().none())
      .def("run_with_ort_values", &run_with_ort_values, "output_names"_a.none(),
           "input_dict_ort_values"_a, "run_options"_a.none() = nb::none(),
           nb::sig("def run_with_ort_values(self, "
                   "output_names: collections.abc.Sequence[str] | None, "
                   "input_dict_ort_values: collections.abc.Mapping[str, OrtValue], "
                   "run_options: RunOptions | None = None) -> list[OrtValue]"),
           "run() with OrtValues in and out.")
      .def("run_with_ortvaluevector", &run_with_vectors, "run_options"_a.none(), "feed_names"_a,
           "feeds"_a, "fetch_names"_a, "fetches"_a, "fetch_devices"_a = nb::none())
      .def("get_inputs", [](const PySession& self) { return self.session.inputs(); })
      .def("get_outputs", [](const PySession& self) { return self.session.outputs(); })
      .def("get_overridable_initializers",
           [](const PySession& self) { return self.session.overridable_initializers(); })
      .def("get_modelmeta", [](const PySession& self) { return self.session.model(); })
      .def("get_session_options", [](const PySession& self) { return self.options; })
      .def("_nodes", &nodes_of, "(name, domain, operator) of each node of the rewritten graph.")
      .def("end_profiling", &end_profiling,
           "Writes the profile and returns the name of its file; '' when profiling is off.")
      .def("get_profiling_start_time_ns", [](const PySession& self) { return self.start_ns; })
      .def_prop_ro("threads", [](const PySession& self) { return self.session.threads(); });
}

}  // namespace sardonyx::python
