// Sessions: loaded from a file or from bytes, and what they say of the model.
#include "capi/sessions.h"

#include <chrono>
#include <cstring>

#include "api/config_entries.h"
#include "api/trace.h"
#include "capi/custom_ops.h"
#include "capi/devices.h"
#include "capi/door.h"
#include "capi/environment.h"
#include "capi/memory.h"
#include "capi/tables.h"
#include "capi/texts.h"
#include "capi/threads.h"
#include "capi/types.h"

namespace sardonyx::capi {
namespace {

Result<SessionOptions> library_options(const OrtEnv& env, const OrtSessionOptions& options,
                                       const OrtLogger& logger) {
  SessionOptions result = options.library;
  result.cancel_load = options.load_canceled;
  for (const auto& [name, tensor] : options.initializers) result.initializers[name] = tensor;
  const auto shares = result.config.find("session.use_env_allocators");
  if (shares != result.config.end() && shares->second == "1") {
    result.allocate = shared_source(*env.environment);
  }
  if (!options.per_session_threads) {
    if (env.environment->global_pool == nullptr) {
      return fail(Code::kFail,
                  "When the session is not configured to use per session threadpools, the env must "
                  "be created with the the CreateEnvWithGlobalThreadPools API.");
    }
    result.pool = env.environment->global_pool;
  } else {
    TRY(add_hooks(options.hooks, result.thread_settings));
    const std::lock_guard lock(env.environment->mutex);
    result.thread_settings.watch = env.environment->watch;
  }
  result.pool = TRY(choose_pool(result));
  result.custom_ops = TRY(custom_ops_of(options, result.pool, logger));
  return result;
}

OrtLogger make_logger(const Environment& environment, const OrtSessionOptions& options) {
  OrtLogger logger{environment.logger, environment.logger_param, options.log_id,
                   options.log_severity >= 0 ? options.log_severity : environment.level.load()};
  if (options.logger != nullptr) {
    logger.function = options.logger;
    logger.param = options.logger_param;
  }
  return logger;
}

uint64_t now_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

Result<void> CreateSession(const OrtEnv* env, const ORTCHAR_T* path,
                           const OrtSessionOptions* options, OrtSession** out) {
  REQUIRE(env, path, out);
  return open_session(env, options, load_file(path), out);
}

Result<void> CreateSessionFromArray(const OrtEnv* env, const void* data, size_t size,
                                    const OrtSessionOptions* options, OrtSession** out) {
  REQUIRE(env, out);
  if (data == nullptr) return fail(Code::kInvalidArgument, "Model data pointer is null.");
  return open_session(env, options, load_bytes(data, size), out);
}

// Sessions that are given one container share weights of equal bytes, packed and as they are.
Result<void> CreatePrepackedWeightsContainer(OrtPrepackedWeightsContainer** out) {
  REQUIRE(out);
  *out = new OrtPrepackedWeightsContainer;
  return {};
}

Result<void> CreateSessionWithPrepackedWeightsContainer(const OrtEnv* env, const ORTCHAR_T* path,
                                                        const OrtSessionOptions* options,
                                                        OrtPrepackedWeightsContainer* container,
                                                        OrtSession** out) {
  REQUIRE(env, path, container, out);
  return open_session(env, options, load_file(path), out, container);
}

Result<void> CreateSessionFromArrayWithPrepackedWeightsContainer(
    const OrtEnv* env, const void* data, size_t size, const OrtSessionOptions* options,
    OrtPrepackedWeightsContainer* container, OrtSession** out) {
  REQUIRE(env, container, out);
  if (data == nullptr) return fail(Code::kInvalidArgument, "Model data pointer is null.");
  return open_session(env, options, load_bytes(data, size), out, container);
}

const std::vector<ArgInfo>& inputs_of(const Session& session) { return session.inputs(); }
const std::vector<ArgInfo>& outputs_of(const Session& session) { return session.outputs(); }
const std::vector<ArgInfo>& overridable_of(const Session& session) {
  return session.overridable_initializers();
}

Result<const ArgInfo*> arg_at(const std::vector<ArgInfo>& args, size_t index) {
  if (index < args.size()) return &args[index];
  return fail(Code::kFail, "index out of range: {} of {}", index, args.size());
}

template <auto Args>
Result<void> get_count(const OrtSession* session, size_t* out) {
  REQUIRE(session, out);
  *out = Args(session->loaded->session).size();
  return {};
}

template <auto Args>
Result<void> get_name(const OrtSession* session, size_t index, OrtAllocator* allocator,
                      char** out) {
  REQUIRE(session, allocator, out);
  *out = TRY(copy_text(allocator, TRY(arg_at(Args(session->loaded->session), index))->name));
  return {};
}

template <auto Args>
Result<void> get_type(const OrtSession* session, size_t index, OrtTypeInfo** out) {
  REQUIRE(session, out);
  *out = type_info(*TRY(arg_at(Args(session->loaded->session), index))).release();
  return {};
}

Result<void> fill_memory_infos(size_t expected, const OrtMemoryInfo** out, size_t count) {
  if (count != expected) {
    return fail(Code::kInvalidArgument, "there is room for {} memory infos, but there are {}",
                count, expected);
  }
  static const OrtMemoryInfo cpu;
  std::fill_n(out, count, &cpu);
  return {};
}

template <auto Args>
Result<void> get_memory_infos(const OrtSession* session, const OrtMemoryInfo** out, size_t count) {
  REQUIRE(session, out);
  return fill_memory_infos(Args(session->loaded->session).size(), out, count);
}

Result<void> SessionGetProfilingStartTimeNs(const OrtSession* session, uint64_t* out) {
  REQUIRE(session, out);
  *out = session->loaded->profile_start_ns;
  return {};
}

Result<void> SessionEndProfiling(OrtSession* session, OrtAllocator* allocator, char** out) {
  REQUIRE(session, allocator, out);
  LoadedSession& loaded = *session->loaded;
  std::string name;
  if (loaded.options.library.profiling && !loaded.is_profile_written.exchange(true)) {
    name = TRY(write_profile(loaded.session.take_profile(), loaded.options.profile_prefix));
  }
  *out = TRY(copy_text(allocator, name));
  return {};
}

// A provider's options; the CPU's has none that may change while a session is open.
Result<void> SetEpDynamicOptions(OrtSession* session, const char* const* keys,
                                 const char* const* values, size_t count) {
  REQUIRE(session);
  if (count == 0) return fail(Code::kInvalidArgument, "no dynamic options were given");
  REQUIRE(keys, values);
  return {};
}

// Graphs are captured on devices that have them.
Result<void> SessionReleaseCapturedGraph(OrtSession* session, int /*id*/) {
  REQUIRE(session);
  return {};
}

void add_args(OrtApi& api) {
  api.SessionGetInputCount = door<&get_count<inputs_of>>;
  api.SessionGetOutputCount = door<&get_count<outputs_of>>;
  api.SessionGetOverridableInitializerCount = door<&get_count<overridable_of>>;
  api.SessionGetInputName = door<&get_name<inputs_of>>;
  api.SessionGetOutputName = door<&get_name<outputs_of>>;
  api.SessionGetOverridableInitializerName = door<&get_name<overridable_of>>;
  api.SessionGetInputTypeInfo = door<&get_type<inputs_of>>;
  api.SessionGetOutputTypeInfo = door<&get_type<outputs_of>>;
  api.SessionGetOverridableInitializerTypeInfo = door<&get_type<overridable_of>>;
  api.SessionGetMemoryInfoForInputs = door<&get_memory_infos<inputs_of>>;
  api.SessionGetMemoryInfoForOutputs = door<&get_memory_infos<outputs_of>>;
}

}  // namespace

LoadedSession::LoadedSession(Session loaded, const OrtSessionOptions& given,
                             std::shared_ptr<Environment> shared_environment,
                             OrtLogger session_logger, uint64_t start_ns)
    : session(std::move(loaded)),
      options(given),
      environment(std::move(shared_environment)),
      logger(std::move(session_logger)),
      profile_start_ns(start_ns) {}

LoadedSession::~LoadedSession() {
  if (!options.library.profiling || is_profile_written) return;
  OrtStatus* status = status_of([this]() -> Result<void> {
    TRY(write_profile(session.take_profile(), options.profile_prefix));
    return {};
  });
  if (status == nullptr) return;
  log_message(logger, ORT_LOGGING_LEVEL_ERROR, "session", status->message);
  delete status;
}

Result<void> open_session(const OrtEnv* env, const OrtSessionOptions* options,
                          const LoadModel& load, OrtSession** out,
                          const OrtPrepackedWeightsContainer* container) {
  const OrtSessionOptions given = options != nullptr ? *options : OrtSessionOptions();
  TRY(let_select(given));
  OrtLogger logger = make_logger(*env->environment, given);
  SessionOptions library = TRY(library_options(*env, given, logger));
  if (container != nullptr) library.shared_weights = container->weights;
  const uint64_t start = now_ns();
  Session session = TRY(load(library));
  auto loaded = std::make_shared<LoadedSession>(std::move(session), given, env->environment,
                                                std::move(logger), start);
  for (const std::string& warning : loaded->session.model().warnings) {
    log_message(loaded->logger, ORT_LOGGING_LEVEL_WARNING, "session", warning);
  }
  log_message(loaded->logger, ORT_LOGGING_LEVEL_INFO, "session",
              "Session successfully initialized.");
  *out = new OrtSession{std::move(loaded), nullptr};
  return {};
}

LoadModel load_file(const ORTCHAR_T* path) {
  return [path](const SessionOptions& library) -> Result<Session> {
    Result<Session> session = Session::load(std::filesystem::path(path), library);
    if (session) return session;
    return fail(session.error().code, "Load model from {} failed:{}", path, session.error().text());
  };
}

LoadModel load_bytes(const void* data, size_t size) {
  return [data, size](const SessionOptions& library) -> Result<Session> {
    const auto copy = std::make_shared<std::vector<std::byte>>(size);
    if (size != 0) std::memcpy(copy->data(), data, size);
    std::filesystem::path folder;
    const auto entry = library.config.find("session.model_external_initializers_file_folder_path");
    if (entry != library.config.end()) folder = entry->second;
    return Session::load(std::span<const std::byte>(*copy), copy, library, folder);
  };
}

void add_sessions(OrtApi& api) {
  DOOR(CreateSession);
  DOOR(CreateSessionFromArray);
  api.ReleaseSession = &release<OrtSession>;
  DOOR(CreatePrepackedWeightsContainer);
  api.ReleasePrepackedWeightsContainer = &release<OrtPrepackedWeightsContainer>;
  DOOR(CreateSessionWithPrepackedWeightsContainer);
  DOOR(CreateSessionFromArrayWithPrepackedWeightsContainer);
  add_args(api);
  DOOR(SessionGetProfilingStartTimeNs);
  DOOR(SessionEndProfiling);
  DOOR(SetEpDynamicOptions);
  DOOR(SessionReleaseCapturedGraph);
}

}  // namespace sardonyx::capi
