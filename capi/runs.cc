// Runs, with the caller's options, in the caller's thread or in one of their own.
#include "capi/runs.h"

#include <thread>

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

// What Run() is given, as the library takes it.
struct Request {
  std::vector<NamedRef> inputs;  // of the caller, as are the names
  std::vector<std::string_view> outputs;
  std::vector<const void*> given;  // the memory of the caller's results, where there are any
  std::vector<Value> results;

  void clear() {
    given.clear();
    inputs.clear();
    outputs.clear();
    results.clear();
  }
};

// The request of a thread's last run, empty, so that the next need not allocate. A run within a
// kernel of another one finds none.
class Reused {
 public:
  Reused() : request(std::move(spare_)) { request.clear(); }
  ~Reused() {
    request.clear();
    spare_ = std::move(request);
  }
  Reused(const Reused&) = delete;
  Reused& operator=(const Reused&) = delete;

  Request request;

 private:
  static thread_local Request spare_;
};
thread_local Request Reused::spare_;

Result<void> read_request(const char* const* input_names, const OrtValue* const* inputs,
                          size_t input_count, const char* const* output_names, size_t output_count,
                          OrtValue* const* outputs, Request& request) {
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
    request.inputs.push_back({input_names[i], &inputs[i]->value});
  }
  for (size_t i = 0; i < output_count; ++i) {
    if (output_names[i] == nullptr || *output_names[i] == 0) {
      return fail(Code::kInvalidArgument, "output name cannot be empty");
    }
    request.outputs.emplace_back(output_names[i]);
    if (outputs[i] != nullptr) {
      request.results.push_back(outputs[i]->value);
    } else {
      request.results.emplace_back();
    }
    request.given.push_back(memory_of(request.results.back()));
  }
  return {};
}

void give_results(std::vector<Value>& results, OrtValue** outputs) {
  for (size_t i = 0; i < results.size(); ++i) {
    if (outputs[i] != nullptr) {
      outputs[i]->value = std::move(results[i]);
    } else {
      outputs[i] = make_value(std::move(results[i]));
    }
  }
}

Result<void> Run(OrtSession* session, const OrtRunOptions* options, const char* const* input_names,
                 const OrtValue* const* inputs, size_t input_count, const char* const* output_names,
                 size_t output_count, OrtValue** outputs) {
  REQUIRE(session);
  TRY(check_ready(*session));
  Reused reused;
  Request& request = reused.request;
  TRY(read_request(input_names, inputs, input_count, output_names, output_count, outputs, request));
  TRY(run_loaded(*session->loaded, options, request.inputs, request.outputs, request.given,
                 request.results));
  give_results(request.results, outputs);
  return {};
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
  auto request = std::make_shared<Request>();
  TRY(read_request(input_names, inputs, input_count, output_names, output_count, outputs,
                   *request));
  std::thread([loaded = session->loaded, request, options, outputs, callback, user_data] {
    OrtStatus* status = status_of([&]() -> Result<void> {
      TRY(run_loaded(*loaded, options, request->inputs, request->outputs, request->given,
                     request->results));
      give_results(request->results, outputs);
      return {};
    });
    const size_t count = status == nullptr ? request->outputs.size() : 0;
    callback(user_data, status == nullptr ? outputs : nullptr, count, status);
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

// Values that the client may write to, and keep beyond the inputs.
Result<void> detach_results(std::span<const NamedRef> inputs, std::span<const void* const> given,
                            std::span<Value> results) {
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].is_tensor()) {
      const Tensor& tensor = results[i].tensor();
      if (tensor.data() == given[i] || !is_borrowed(tensor, inputs)) continue;
    }
    results[i] = TRY(copy_value(results[i]));
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

const void* memory_of(const Value& value) {
  return value.is_tensor() ? value.tensor().data() : nullptr;
}

Result<void> run_loaded(const LoadedSession& loaded, const OrtRunOptions* options,
                        std::span<const NamedRef> inputs, std::span<const std::string_view> outputs,
                        std::span<const void* const> given, std::span<Value> results) {
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
  const Result<void> done = run_session(loaded.session, inputs, outputs, results, library);
  if (library.profile != nullptr) TRY(write_profile(profile, options->profile_prefix));
  if (done) return detach_results(inputs, given, results);
  // What a node fails with has the node as its place; what the caller gave wrong goes to the caller
  // alone.
  const std::string& place = done.error().place;
  if (!place.empty() && !place.starts_with("input '")) {
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
