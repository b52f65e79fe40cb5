// The option classes and their enums.
#include "python/options.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <mutex>

#include "capi/custom_op_library.h"
#include "python/adapters.h"
#include "python/arrays.h"
#include "python/custom_ops.h"
#include "python/errors.h"
#include "python/values.h"

namespace sardonyx::python {
namespace {

using namespace nb::literals;
using Config = std::map<std::string, std::string>;

void add_entry(Config& config, const std::string& key, const std::string& value) {
  constexpr size_t kMaxKey = 1024;
  constexpr size_t kMaxValue = 8192;
  if (key.empty() || key.size() > kMaxKey) {
    raise_error(Code::kInvalidArgument,
                key.empty() ? "Config key is empty" : "Config key is longer than 1024 bytes");
  }
  if (value.size() > kMaxValue) {
    raise_error(Code::kInvalidArgument, "Config value of '" + key + "' is longer than 8192 bytes");
  }
  config[key] = value;
}

const std::string& get_entry(const Config& config, const std::string& key, const char* who) {
  const auto found = config.find(key);
  if (found != config.end()) return found->second;
  raise_error(Code::kRuntimeException,
              std::string(who) + " does not have configuration with key: " + key);
}

void add_enums(nb::module_& module) {
  nb::enum_<OptimizationLevel>(module, "GraphOptimizationLevel", nb::is_arithmetic())
      .value("ORT_DISABLE_ALL", OptimizationLevel::kNone)
      .value("ORT_ENABLE_BASIC", OptimizationLevel::kBasic)
      .value("ORT_ENABLE_EXTENDED", OptimizationLevel::kExtended)
      .value("ORT_ENABLE_LAYOUT", OptimizationLevel::kLayout)
      .value("ORT_ENABLE_ALL", OptimizationLevel::kAll);
  nb::enum_<ExecutionMode>(module, "ExecutionMode", nb::is_arithmetic())
      .value("ORT_SEQUENTIAL", ExecutionMode::kSequential)
      .value("ORT_PARALLEL", ExecutionMode::kParallel);
  nb::enum_<ExecutionOrder>(module, "ExecutionOrder", nb::is_arithmetic())
      .value("DEFAULT", ExecutionOrder::kDefault)
      .value("PRIORITY_BASED", ExecutionOrder::kPriorityBased)
      .value("MEMORY_EFFICIENT", ExecutionOrder::kMemoryEfficient);
}

void check_thread_count(int count, const char* name) {
  if (count < 0) {
    raise_error(Code::kInvalidArgument, std::string(name) + " is " + std::to_string(count) +
                                            "; expected 0 (chosen by the library) or more");
  }
}

void set_threads(PySessionOptions& self, int count) {
  check_thread_count(count, "intra_op_num_threads");
  self.threads = count;
}

void set_inter_threads(PySessionOptions& self, int count) {
  check_thread_count(count, "inter_op_num_threads");
  self.inter_threads = count;
}

void check_dim_override(const std::string& name, int64_t value, const char* who, const char* what) {
  if (!name.empty() && value >= 0) return;
  raise_error(Code::kInvalidArgument,
              std::string(who) + ": expected the " + what + " of a dim and a value of 0 or more");
}

void override_dim(PySessionOptions& self, const std::string& name, int64_t value) {
  check_dim_override(name, value, "add_free_dimension_override_by_name", "name");
  self.dim_overrides[name] = value;
}

void override_denoted_dim(PySessionOptions& self, const std::string& name, int64_t value) {
  check_dim_override(name, value, "add_free_dimension_override_by_denotation", "denotation");
  self.denoted_dim_overrides[name] = value;
}

void add_provider_for_devices(PySessionOptions& self, const nb::list& devices,
                              const Config& entries) {
  if (devices.empty()) {
    raise_error(Code::kInvalidArgument, "add_provider_for_devices: expected at least one device");
  }
  self.providers.emplace_back(nb::cast<std::string>(devices[0].attr("ep_name")), entries);
}

// The bytes stay where they are; the session keeps their owner.
void add_external_file(PySessionOptions& self, const std::string& name, nb::handle buffer,
                       size_t length) {
  constexpr const char* kWho = "add_external_initializers_from_files_in_memory";
  Py_buffer view;
  if (PyObject_GetBuffer(buffer.ptr(), &view, PyBUF_SIMPLE) != 0) throw nb::python_error();
  const auto* data = static_cast<const std::byte*>(view.buf);
  const auto size = static_cast<size_t>(view.len);
  PyBuffer_Release(&view);
  if (length > size) {
    raise_error(Code::kInvalidArgument, std::string(kWho) + ": '" + name + "' has " +
                                            std::to_string(size) + " bytes, but its length is " +
                                            std::to_string(length));
  }
  self.external_files[name] = {std::span(data, length), hold_python(buffer)};
}

void add_external_files(PySessionOptions& self, const std::vector<std::string>& names,
                        const nb::list& buffers, const std::vector<size_t>& lengths) {
  if (names.size() != buffers.size() || names.size() != lengths.size()) {
    raise_error(Code::kInvalidArgument,
                "add_external_initializers_from_files_in_memory: expected as many buffers and "
                "lengths as names");
  }
  for (size_t i = 0; i < names.size(); ++i) {
    add_external_file(self, names[i], buffers[i], lengths[i]);
  }
}

void add_initializer(PySessionOptions& self, const std::string& name, const OrtValue& value) {
  if (!value.value.is_tensor()) {
    raise_error(Code::kInvalidArgument, "initializer '" + name + "' must be a tensor");
  }
  self.initializers[name] = value.value.tensor();
}

std::optional<InitializerPlace> to_place(nb::handle place) {
  if (place.is_none()) return std::nullopt;
  const auto parts = nb::cast<nb::tuple>(place);
  return InitializerPlace{to_path(parts[0]), nb::cast<int64_t>(parts[1]),
                          nb::cast<size_t>(parts[2])};
}

// Values are copies: weights lie where nobody may write.
std::optional<InitializerPlace> ask_for_place(nb::handle locate, const std::string& name,
                                              const Tensor& value, const InitializerPlace* origin) {
  Tensor copy = unwrap(Tensor::allocate(value.dtype(), value.shape()));
  copy_elements(value.view(), copy.view());
  nb::object from = nb::none();
  if (origin != nullptr) from = nb::make_tuple(origin->file, origin->offset, origin->bytes);
  return to_place(locate(to_text(name), nb::cast(OrtValue{std::move(copy)}), from));
}

// `locate` takes a name, an OrtValue, and (file, offset, bytes) or None; it returns the like.
void set_place_initializer(PySessionOptions& self, nb::handle locate) {
  self.place_initializer =
      [held = hold_python(locate)](
          const std::string& name, const Tensor& value,
          const InitializerPlace* origin) -> Result<std::optional<InitializerPlace>> {
    nb::gil_scoped_acquire gil;
    try {
      return ask_for_place(nb::handle(static_cast<PyObject*>(held.get())), name, value, origin);
    } catch (nb::python_error& error) {
      const std::string kind = nb::cast<std::string>(error.type().attr("__name__"));
      const std::string text = nb::cast<std::string>(nb::str(error.value()));
      return tl::unexpected(Error{Code::kFail, kind + ": " + text, ""});
    } catch (const std::exception& error) {
      return tl::unexpected(Error{Code::kFail, error.what(), ""});
    }
  };
}

// Bytes of a context that a provider compiled are read when a node of one is loaded; the provider
// of this build compiles none and no model that has one loads, so that nobody comes to ask.
void check_context_reader(PySessionOptions&, nb::handle read, int64_t most) {
  if (PyCallable_Check(read.ptr()) == 0) {
    raise_error(Code::kInvalidArgument, "read_func must be callable");
  }
  if (most <= 0) {
    raise_error(Code::kInvalidArgument,
                "max_data_size is " + std::to_string(most) + ", but must be 1 or more");
  }
}

// Also numbers, NumPy's bools and None, as ONNX Runtime takes them; no text.
bool to_bool(nb::handle value) {
  if (value.is_none()) return false;
  const PyNumberMethods* number = Py_TYPE(value.ptr())->tp_as_number;
  if (number == nullptr || number->nb_bool == nullptr) {
    raise_python(PyExc_TypeError,
                 "expected a bool, got " + nb::cast<std::string>(nb::str(nb::repr(value))));
  }
  const int truth = number->nb_bool(value.ptr());
  if (truth < 0) throw nb::python_error();
  return truth != 0;
}

// A property that is a flag.
template <auto member, class Class>
void add_flag(nb::class_<Class>& options, const char* name, const char* doc = "") {
  options.def_prop_rw(
      name, [](const Class& self) -> bool { return self.*member; },
      [](Class& self, nb::handle value) { self.*member = to_bool(value); },
      nb::for_setter(nb::arg("value").none()), doc);
}

using OptionsClass = nb::class_<PySessionOptions>;

void add_properties(OptionsClass& options) {
  using Options = PySessionOptions;
  options.def(nb::init<>())
      .def_prop_rw(
          "intra_op_num_threads", [](const Options& self) { return self.threads; }, &set_threads,
          "Threads of one run, the caller included; 0: chosen.")
      .def_prop_rw(
          "inter_op_num_threads", [](const Options& self) { return self.inter_threads; },
          &set_inter_threads, "Kept; nodes run one after the other.")
      .def_rw("graph_optimization_level", &Options::optimization)
      .def_rw("profile_file_prefix", &Options::profile_prefix)
      .def_rw("optimized_model_filepath", &Options::optimized_path)
      .def_rw("log_severity_level", &Options::log_severity)
      .def_rw("log_verbosity_level", &Options::log_verbosity)
      .def_rw("logid", &Options::log_id)
      .def_rw("execution_mode", &Options::mode)
      .def_rw("execution_order", &Options::order);
  add_flag<&Options::profiling>(options, "enable_profiling");
  add_flag<&Options::cpu_arena>(options, "enable_cpu_mem_arena");
  add_flag<&Options::memory_pattern>(options, "enable_mem_pattern");
  add_flag<&Options::memory_reuse>(options, "enable_mem_reuse");
  add_flag<&Options::deterministic>(
      options, "use_deterministic_compute",
      "Kept; results have the same bits for any number of threads in any case.");
  add_flag<&Options::per_session_threads>(options, "use_per_session_threads");
}

void set_matmul_precision(PySessionOptions& self, const std::string& name) {
  if (name != "f32" && name != "bf16") {
    raise_error(Code::kInvalidArgument,
                "matmul_precision is '" + name + "', but must be 'f32' or 'bf16'");
  }
  self.matmul_precision = name == "bf16" ? MatMulPrecision::kBfloat16 : MatMulPrecision::kFloat32;
}

void add_own_properties(OptionsClass& options) {
  using Options = PySessionOptions;
  options
      .def_rw("memory_limit", &Options::memory_limit,
              "Most bytes that weights, plans and one run may take together; 0: no limit.")
      .def_rw("nesting_limit", &Options::nesting_limit, "Deepest nesting accepted from a file.")
      .def_rw("plan_limit", &Options::plan_limit, "Plans kept for different input shapes.")
      .def_rw("tier", &Options::tier,
              "Instruction set: 'sse4', 'avx2', 'avx512', 'amx', 'neon', ''.")
      .def_prop_rw(
          "matmul_precision",
          [](const Options& self) {
            return self.matmul_precision == MatMulPrecision::kBfloat16 ? "bf16" : "f32";
          },
          set_matmul_precision,
          "'f32', or 'bf16': MatMul, Gemm and Conv round f32 operands to bf16 and sum in f32.")
      .def_rw("disabled_passes", &Options::disabled_passes, "Passes left out, by name.")
      .def_rw("disabled_kernels", &Options::disabled_kernels,
              "Kernels that are not chosen, by name: 'winograd', ...");
}

void add_methods(OptionsClass& options) {
  using Options = PySessionOptions;
  options
      .def(
          "add_session_config_entry",
          [](Options& self, const std::string& key, const std::string& value) {
            add_entry(self.config, key, value);
          },
          "key"_a, "value"_a)
      .def(
          "get_session_config_entry",
          [](const Options& self, const std::string& key) {
            return get_entry(self.config, key, "SessionOptions");
          },
          "key"_a)
      .def("add_free_dimension_override_by_name", &override_dim, "dim_name"_a, "dim_value"_a)
      .def("add_free_dimension_override_by_denotation", &override_denoted_dim, "dim_name"_a,
           "dim_value"_a)
      .def(
          "add_provider",
          [](Options& self, const std::string& name, const Config& entries) {
            self.providers.emplace_back(name, entries);
          },
          "provider_name"_a, "provider_options"_a = Config())
      .def("add_provider_for_devices", &add_provider_for_devices, "ep_devices"_a,
           "provider_options"_a = Config(), "Chooses the provider of these OrtEpDevices.")
      .def(
          "set_provider_selection_policy", [](Options&, int) {}, "policy"_a,
          "Accepted: there is one device, which every policy chooses.")
      .def(
          "register_custom_op",
          [](Options& self, const PyCustomOp& op) { self.custom_ops.push_back(op.op); }, "op"_a,
          "Models of sessions with these options may use the operator.")
      .def("add_initializer", &add_initializer, "name"_a, "ort_value"_a,
           "Replaces an initializer of the model at load: same dtype and shape.")
      .def(
          "add_external_initializers",
          [](Options& self, const std::vector<std::string>& names,
             const std::vector<OrtValue>& values) {
            if (names.size() != values.size()) {
              raise_error(Code::kInvalidArgument,
                          "add_external_initializers: expected as many values as names");
            }
            for (size_t i = 0; i < names.size(); ++i) add_initializer(self, names[i], values[i]);
          },
          "names"_a, "values"_a, "The same for many; their external data is not read.")
      .def("add_external_initializers_from_files_in_memory", &add_external_files,
           "external_initializer_file_names"_a, "external_initializer_file_buffer_array"_a,
           "external_initializer_file_lengths"_a,
           "Contents of external data files, by the names that the model refers to them by.")
      .def("has_providers", [](const Options& self) { return !self.providers.empty(); })
      .def("get_providers", [](const Options& self) { return self.providers; })
      .def(
          "copy", [](const Options& self) { return Options(self); }, "The same options, apart.")
      .def(
          "set_load_cancellation_flag",
          [](Options& self, bool value) { self.load_canceled = value; }, "is_canceled"_a);
}

void register_library(PySessionOptions& self, nb::handle path) {
  for (auto& op : unwrap(capi::load_custom_ops(to_path(path)))) {
    self.custom_ops.push_back(std::move(op));
  }
}

void add_callbacks(OptionsClass& options) {
  using Options = PySessionOptions;
  options
      .def("register_custom_ops_library", &register_library, "path"_a,
           "Loads a library of custom operators that was built for ONNX Runtime.")
      .def(
          "set_provider_selection_policy_delegate",
          [](Options& self, nb::callable delegate) { self.policy_delegate = std::move(delegate); },
          "delegate"_a,
          "Called when a session is made, with the OrtEpDevices, metadata of the model and of the "
          "runtime, and the most devices to choose; returns those chosen.")
      .def_prop_ro("_policy_delegate", [](const Options& self) { return self.policy_delegate; })
      .def("_set_place_initializer", &set_place_initializer, "locate"_a)
      .def("set_ep_context_data_read_func", &check_context_reader, "read_func"_a.none(),
           "max_data_size"_a,
           "Accepted: no provider of this build compiles nodes, so no model has data to read.")
      .def("clear_ep_context_data_read_func", [](Options&) {});
}

void add_active_adapter(PyRunOptions& self, const PyLoraAdapter& adapter) {
  if (adapter.adapter == nullptr) {
    raise_error(Code::kInvalidArgument,
                "add_active_adapter: the adapter has not been loaded; call its Load(path) first");
  }
  self.adapters.push_back(adapter.adapter);
}

void add_run_options(nb::module_& module) {
  using Options = PyRunOptions;
  nb::class_<Options> options(module, "RunOptions");
  add_flag<&Options::terminate>(
      options, "terminate",
      "Set to True, from any thread, to stop the runs that use these options.");
  add_flag<&Options::training_mode>(options, "training_mode");
  add_flag<&Options::only_fetches>(options, "only_execute_path_to_fetches");
  options.def(nb::init<>())
      .def_prop_rw(
          "timeout", [](const Options& self) { return self.timeout.load(); },
          [](Options& self, double seconds) { self.timeout = seconds; },
          "Seconds after which a run stops with an error; 0: none.")
      .def_rw("log_severity_level", &Options::log_severity)
      .def_rw("log_verbosity_level", &Options::log_verbosity)
      .def_rw("logid", &Options::log_id)
      .def(
          "add_run_config_entry",
          [](Options& self, const std::string& key, const std::string& value) {
            add_entry(self.config, key, value);
          },
          "key"_a, "value"_a)
      .def(
          "get_run_config_entry",
          [](const Options& self, const std::string& key) {
            return get_entry(self.config, key, "RunOptions");
          },
          "key"_a)
      .def("add_active_adapter", &add_active_adapter, "adapter"_a,
           "Runs take the adapter's parameters as inputs.");
}

bool uses_shared_arena(const Config& config) {
  const auto entry = config.find("session.use_env_allocators");
  return entry != config.end() && entry->second == "1";
}

std::atomic<size_t> arena_limit = 0;

std::mutex profile_prefix_mutex;
std::string& profile_prefix() {
  static std::string prefix = "sardonyx_profile_";
  return prefix;
}

void set_default_profile_prefix(std::string prefix) {
  const std::lock_guard lock(profile_prefix_mutex);
  profile_prefix() = std::move(prefix);
}

}  // namespace

void set_arena_limit(size_t bytes) { arena_limit = bytes; }

std::string default_profile_prefix() {
  const std::lock_guard lock(profile_prefix_mutex);
  return profile_prefix();
}

SessionOptions library_options(const PySessionOptions& options) {
  if (options.load_canceled) {
    raise_error(Code::kModelLoadCanceled, "loading the model was canceled by the caller");
  }
  SessionOptions result;
  result.threads = options.threads;
  result.optimization = options.optimization;
  result.memory_limit = options.memory_limit;
  if (result.memory_limit == 0 && uses_shared_arena(options.config)) {
    result.memory_limit = arena_limit;
  }
  result.nesting_limit = options.nesting_limit;
  result.plan_limit = options.plan_limit;
  result.profiling = options.profiling;
  result.dim_overrides = options.dim_overrides;
  result.dim_overrides_by_denotation = options.denoted_dim_overrides;
  result.external_files = options.external_files;
  result.optimized_model_path = options.optimized_path;
  result.initializers = options.initializers;
  result.place_initializer = options.place_initializer;
  result.disabled_passes = options.disabled_passes;
  result.disabled_kernels = options.disabled_kernels;
  result.custom_ops = options.custom_ops;
  result.tier = options.tier;
  result.matmul_precision = options.matmul_precision;
  result.config = options.config;
  return result;
}

void add_options(nb::module_& module) {
  add_enums(module);
  OptionsClass options(module, "SessionOptions");
  add_properties(options);
  add_own_properties(options);
  add_methods(options);
  add_callbacks(options);
  add_run_options(module);
  module.def("_set_default_profile_prefix", &set_default_profile_prefix, "prefix"_a,
             "profile_file_prefix of SessionOptions made from now on.");
}

}  // namespace sardonyx::python
