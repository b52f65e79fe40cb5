// Threads: how many, where they run, how they wait, and who makes them; for the pool that sessions
// share and for those of their own.
#include "capi/threads.h"

#include "api/config_entries.h"
#include "capi/door.h"
#include "capi/tables.h"

namespace sardonyx::capi {
namespace {

constexpr size_t kMaxAffinity = 4096;

Result<void> CreateThreadingOptions(OrtThreadingOptions** out) {
  REQUIRE(out);
  *out = new OrtThreadingOptions;
  return {};
}

template <auto Member>
Result<void> set_thread_count(OrtThreadingOptions* options, int count) {
  REQUIRE(options);
  options->*Member = std::max(count, 0);  // below 0: as 0, chosen by the library
  return {};
}
constexpr auto SetGlobalIntraOpNumThreads =
    set_thread_count<&OrtThreadingOptions::intra_op_threads>;
constexpr auto SetGlobalInterOpNumThreads =
    set_thread_count<&OrtThreadingOptions::inter_op_threads>;

Result<void> SetGlobalSpinControl(OrtThreadingOptions* options, int allow) {
  REQUIRE(options);
  if (allow != 0 && allow != 1) {
    return fail(Code::kInvalidArgument,
                "Received invalid value for allow_spinning. Valid values are 0 or 1");
  }
  options->spin = allow == 1;
  return {};
}

// Runs do so unless their session says otherwise.
Result<void> SetGlobalDenormalAsZero(OrtThreadingOptions* options) {
  REQUIRE(options);
  return {};
}

Result<void> SetGlobalIntraOpThreadAffinity(OrtThreadingOptions* options, const char* affinity) {
  REQUIRE(options, affinity);
  if (*affinity == 0 || std::string_view(affinity).size() > kMaxAffinity) {
    return fail(Code::kInvalidArgument, "Size of affinity string must be between 1 and {}",
                kMaxAffinity);
  }
  options->affinity = affinity;
  return {};
}

// For the options of sessions and for those of the shared pool.
template <class Options>
Result<void> set_create(Options* options, OrtCustomCreateThreadFn create) {
  REQUIRE(options);
  options->hooks.create = create;
  return {};
}
template <class Options>
Result<void> set_creation_options(Options* options, void* creation_options) {
  REQUIRE(options);
  options->hooks.options = creation_options;
  return {};
}
template <class Options>
Result<void> set_join(Options* options, OrtCustomJoinThreadFn join) {
  REQUIRE(options);
  options->hooks.join = join;
  return {};
}

// Work of a pool of its own is told of; the shared pool is not a session's.
Result<void> SetPerSessionThreadPoolCallbacks(OrtEnv* env,
                                              const OrtThreadPoolCallbacksConfig* config) {
  REQUIRE(env, config);
  Environment& environment = *env->environment;
  if (config->version == 0 || config->version > ORT_API_VERSION) {
    return fail(Code::kInvalidArgument,
                "OrtThreadPoolCallbacksConfig: version is {}, expected 1 to {}", config->version,
                ORT_API_VERSION);
  }
  const OrtThreadPoolCallbacksConfig given = *config;
  void* const context = given.user_context;
  const std::lock_guard lock(environment.mutex);
  environment.watch = {};
  const bool has_any = given.on_enqueue != nullptr || given.on_start_work != nullptr ||
                       given.on_stop_work != nullptr || given.on_abandon != nullptr;
  if (!has_any) return {};
  environment.watch.enqueue = [given, context]() -> void* {
    return given.on_enqueue != nullptr ? given.on_enqueue(context) : nullptr;
  };
  const auto caller = [context](auto function) {
    return [function, context](void* enqueued) {
      if (function != nullptr) function(context, enqueued);
    };
  };
  environment.watch.start = caller(given.on_start_work);
  environment.watch.stop = caller(given.on_stop_work);
  environment.watch.abandon = caller(given.on_abandon);
  return {};
}

}  // namespace

Result<void> add_hooks(const ThreadHooks& hooks, ThreadSettings& settings) {
  if (hooks.create == nullptr) return {};
  if (hooks.join == nullptr) {
    return fail(Code::kFail, "custom join thread function not set for intra op thread pool");
  }
  settings.create = [hooks](void (*work)(void*), void* argument) -> const void* {
    return hooks.create(hooks.options, work, argument);
  };
  settings.join = [hooks](const void* thread) {
    hooks.join(static_cast<OrtCustomThreadHandle>(thread));
  };
  return {};
}

Result<void> make_global_pool(const OrtThreadingOptions& options, Environment& environment) {
  ThreadSettings settings;
  settings.threads = options.intra_op_threads;
  settings.spin = options.spin;
  if (!options.affinity.empty()) settings.affinity = TRY(parse_affinity(options.affinity));
  TRY(add_hooks(options.hooks, settings));
  environment.global_pool = TRY(make_thread_pool(settings));
  return {};
}

void add_threads(OrtApi& api) {
  DOOR(CreateThreadingOptions);
  api.ReleaseThreadingOptions = &release<OrtThreadingOptions>;
  api.SetGlobalIntraOpNumThreads = door<SetGlobalIntraOpNumThreads>;
  api.SetGlobalInterOpNumThreads = door<SetGlobalInterOpNumThreads>;
  DOOR(SetGlobalSpinControl);
  DOOR(SetGlobalDenormalAsZero);
  DOOR(SetGlobalIntraOpThreadAffinity);
  api.SetGlobalCustomCreateThreadFn = door<&set_create<OrtThreadingOptions>>;
  api.SetGlobalCustomThreadCreationOptions = door<&set_creation_options<OrtThreadingOptions>>;
  api.SetGlobalCustomJoinThreadFn = door<&set_join<OrtThreadingOptions>>;
  api.SessionOptionsSetCustomCreateThreadFn = door<&set_create<OrtSessionOptions>>;
  api.SessionOptionsSetCustomThreadCreationOptions = door<&set_creation_options<OrtSessionOptions>>;
  api.SessionOptionsSetCustomJoinThreadFn = door<&set_join<OrtSessionOptions>>;
  DOOR(SetPerSessionThreadPoolCallbacks);
}

}  // namespace sardonyx::capi
