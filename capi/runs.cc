// Runs, with the caller's options, in the caller's thread or in one of their own.
#include "capi/runs.h"

#include <thread>

#include "api/args.h"
#include "api/trace.h"
#include "capi/door.h"
#include "capi/environment.h"
#include "capi/tables.h"
#include "capi/texts.h"
#include "capi/values.h"

namespace sardonyx::capi {
namespace {

Result<void> CreateRunOptions(OrtRunOptions** out) {
  REQUIRE(out);
  *out = new OrtRunOptions;
  return {};
}

template <auto Member, class T>
Result<void> set_option(OrtRunOptions* options, T value) {
  REQUIRE(options);
  options->*Member = value;
  return {};
}

template <auto Member, class T>
Result<void> get_option(const OrtRunOptions* options, T* out) {
  REQUIRE(options, out);
  *out = options->*Member;
  return {};
}

Result<void> RunOptionsSetRunTag(OrtRunOptions* options, const char* tag) {
  REQUIRE(options);
  options->tag = tag != nullptr ? tag : "";
  return {};
}

Result<void> RunOptionsGetRunTag(const OrtRunOptions* options, const char** out) {
  REQUIRE(options, out);
  *out = options->tag.c_str();
  return {};
}

Result<void> RunOptionsSetTerminate(OrtRunOptions* options) {
  REQUIRE(options);
  options->terminate = true;
  return {};
}

Result<void> RunOptionsUnsetTerminate(OrtRunOptions* options) {
  REQUIRE(options);
  options->terminate = false;
  return {};
}

Result<void> RunOptionsEnableProfiling(OrtRunOptions* options, const ORTCHAR_T* prefix) {
  REQUIRE(options, prefix);
  options->profiling = true;
  options->profile_prefix = prefix;
  return {};
}

Result<void> RunOptionsDisableProfiling(OrtRunOptions* options) {
  REQUIRE(options);
  options->profiling = false;
  options->profile_prefix.clear();
  return {};
}

// There are no streams on the CPU; none is the one that there can be.
void ORT_API_CALL RunOptionsSetSyncStream(OrtRunOptions*, OrtSyncStream*) noexcept {}

Result<void> AddRunConfigEntry(OrtRunOptions* options, const char* key, const char* value) {
  REQUIRE(options, key, value);
  return add_config_entry(options->config, key, value);
}

const char* ORT_API_CALL GetRunConfigEntry(const OrtRunOptions* options, const char* key) noexcept {
  if (options == nullptr || key == nullptr) return nullptr;
  const auto entry = options->config.find(key);
  return entry != options->config.end() ? entry->second.c_str() : nullptr;
}

// The arguments of Run(), as its caller has them.
struct Arguments {
  const char* const* input_names;
  const OrtValue* const* inputs;
  size_t input_count;
  const char* const* output_names;
  size_t output_count;
  OrtValue** outputs;
};

Result<void> check_arguments(const Arguments& given) {
  const auto& [input_names, inputs, input_count, output_names, output_count, outputs] = given;
  if (input_count != 0) REQUIRE(input_names, inputs);
  if (output_count == 0) {
    return fail(Code::kInvalidArgument, "At least one output should be requested.");
  }
  REQUIRE(output_names, outputs);
  for (size_t i = 0; i < input_count; ++i) {
    if (input_names[i] == nullptr || *input_names[i] == 0) {
      return fail(Code::kInvalidArgument, "input name cannot be empty");
    }
    if (inputs[i] == nullptr) {
      return fail(Code::kInvalidArgument, "NULL input supplied for input {}", input_names[i]);
    }
  }
  for (size_t i = 0; i < output_count; ++i) {
    if (output_names[i] == nullptr || *output_names[i] == 0) {
      return fail(Code::kInvalidArgument, "output name cannot be empty");
    }
  }
  return {};
}

// Writes into the values that the caller gave, and makes those that it did not.
Result<void> run_arguments(const LoadedSession& loaded, const OrtRunOptions* options,
                           const Arguments& given) {
  Few<NamedRef> inputs(given.input_count);
  for (size_t i = 0; i < given.input_count; ++i) {
    inputs.all()[i] = {given.input_names[i], &given.inputs[i]->value};
  }
  Few<ResultRef> results(given.output_count);
  Few<std::unique_ptr<OrtValue>> made(given.output_count);
  for (size_t i = 0; i < given.output_count; ++i) {
    if (given.outputs[i] == nullptr) made.all()[i].reset(make_value(Value()));
    OrtValue* value = given.outputs[i] != nullptr ? given.outputs[i] : made.all()[i].get();
    results.all()[i] = {given.output_names[i], &value->value};
  }
  TRY(run_loaded(loaded, options, inputs.all(), results.all()));
  for (size_t i = 0; i < given.output_count; ++i) {
    if (made.all()[i] != nullptr) given.outputs[i] = made.all()[i].release();
  }
  return {};
}

Result<void> Run(OrtSession* session, const OrtRunOptions* options, const char* const* input_names,
                 const OrtValue* const* inputs, size_t input_count, const char* const* output_names,
                 size_t output_count, OrtValue** outputs) {
  REQUIRE(session);
  TRY(check_ready(*session));
  const Arguments given{input_names, inputs, input_count, output_names, output_count, outputs};
  TRY(check_arguments(given));
  return run_arguments(*session->loaded, options, given);
}

// The caller keeps names, values, options and session until the callback, which gets the status.
Result<void> RunAsync(OrtSession* session, const OrtRunOptions* options,
                      const char* const* input_names, const OrtValue* const* inputs,
                      size_t input_count, const char* const* output_names, size_t output_count,
                      OrtValue** outputs, RunAsyncCallbackFn callback, void* user_data) {
  REQUIRE(session, callback);
  TRY(check_ready(*session));
  if (session->loaded->session.threads() < 2) {
    return fail(Code::kInvalidArgument,
                "intra op thread pool must have at least one thread for RunAsync");
  }
  const Arguments given{input_names, inputs, input_count, output_names, output_count, outputs};
  TRY(check_arguments(given));
  // The arrays are the caller's, and may be gone when this returns; what is in them stays.
  struct Kept {
    std::vector<const char*> input_names;
    std::vector<const OrtValue*> inputs;
    std::vector<const char*> output_names;
  };
  auto kept = std::make_shared<Kept>(Kept{{input_names, input_names + input_count},
                                          {inputs, inputs + input_count},
                                          {output_names, output_names + output_count}});
  std::thread([loaded = session->loaded, kept, options, outputs, callback, user_data] {
    const size_t asked = kept->output_names.size();
    OrtStatus* status = status_of([&]() -> Result<void> {
      return run_arguments(*loaded, options,
                           {kept->input_names.data(), kept->inputs.data(), kept->inputs.size(),
                            kept->output_names.data(), asked, outputs});
    });
    callback(user_data, status == nullptr ? outputs : nullptr, status == nullptr ? asked : 0,
             status);
  }).detach();
  return {};
}

// Whether the tensor lies in the memory of an input, which is the client's.
bool is_borrowed(const Tensor& tensor, std::span<const NamedRef> inputs) {
  const auto* data = static_cast<const char*>(tensor.data());
  for (const NamedRef& input : inputs) {
    if (!input.value->is_tensor()) return true;
    const auto* start = static_cast<const char*>(input.value->tensor().data());
    if (data >= start && data < start + input.value->tensor().bytes()) return true;
  }
  return false;
}

// Values that the client may write to, and keep beyond the inputs. given: the memory that results
// had before the run, where they had any.
Result<void> detach_results(std::span<const NamedRef> inputs, std::span<const void* const> given,
                            std::span<const ResultRef> results) {
  for (size_t i = 0; i < results.size(); ++i) {
    Value& value = *results[i].value;
    if (value.is_tensor()) {
      const Tensor& tensor = value.tensor();
      if (tensor.data() == given[i] || !is_borrowed(tensor, inputs)) continue;
    }
    value = TRY(copy_value(value));
  }
  return {};
}

// The session's, with the severity and the tag of the run.
OrtLogger run_logger(const LoadedSession& loaded, const OrtRunOptions* options) {
  OrtLogger logger = loaded.logger;
  if (options == nullptr) return logger;
  if (options->log_severity >= 0) logger.severity = options->log_severity;
  if (!options->tag.empty()) logger.log_id += ":" + options->tag;
  return logger;
}

template <auto Member, class T>
constexpr auto setter = door<&set_option<Member, T>>;
template <auto Member, class T>
constexpr auto getter = door<&get_option<Member, T>>;

}  // namespace

Result<void> check_ready(const OrtSession& session) {
  if (session.edited == nullptr) return {};
  return fail(Code::kFail, "Session not initialized.");
}

Result<void> run_loaded(const LoadedSession& loaded, const OrtRunOptions* options,
                        std::span<const NamedRef> inputs, std::span<const ResultRef> results) {
  Few<const void*> given(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const Value& value = *results[i].value;
    given.all()[i] = value.is_tensor() ? value.tensor().data() : nullptr;
  }
  RunOptions library;
  std::vector<StepTime> profile;
  if (options != nullptr) {
    if (options->terminate) {
      return fail(Code::kFail, "Exiting due to terminate flag being set to true.");
    }
    library.cancel = &options->terminate;
    library.adapters = options->adapters;
    if (options->profiling) library.profile = &profile;
    if (!options->tag.empty()) {
      log_message(loaded.logger, ORT_LOGGING_LEVEL_INFO, "run",
                  "Running with tag: " + options->tag);
    }
  }
  Result<void> done = run_session(loaded.session, inputs, results, library);
  if (library.profile != nullptr) TRY(write_profile(profile, options->profile_prefix));
  if (done) return detach_results(inputs, given.all(), results);
  // What a node fails with has the node as its place; what the caller gave wrong goes to the caller
  // alone.
  if (!done.error().place.empty() && !is_of_argument(done.error())) {
    log_message(run_logger(loaded, options), ORT_LOGGING_LEVEL_ERROR, "run", done.error().text());
  }
  return done;
}

void add_runs(OrtApi& api) {
  using Options = OrtRunOptions;
  DOOR(CreateRunOptions);
  api.ReleaseRunOptions = &release<Options>;
  api.RunOptionsSetRunLogVerbosityLevel = setter<&Options::log_verbosity, int>;
  api.RunOptionsSetRunLogSeverityLevel = setter<&Options::log_severity, int>;
  api.RunOptionsGetRunLogVerbosityLevel = getter<&Options::log_verbosity, int>;
  api.RunOptionsGetRunLogSeverityLevel = getter<&Options::log_severity, int>;
  DOOR(RunOptionsSetRunTag);
  DOOR(RunOptionsGetRunTag);
  DOOR(RunOptionsSetTerminate);
  DOOR(RunOptionsUnsetTerminate);
  DOOR(AddRunConfigEntry);
  PLAIN(GetRunConfigEntry);
  DOOR(Run);
  DOOR(RunAsync);
  DOOR(RunOptionsEnableProfiling);
  DOOR(RunOptionsDisableProfiling);
  PLAIN(RunOptionsSetSyncStream);
}

}  // namespace sardonyx::capi
