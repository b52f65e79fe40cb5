// The environment: one for the process, counted, as ONNX Runtime's. It holds the logger and what
// sessions share; sessions keep what is in it, so that releases may come in any order.
#include "capi/environment.h"

#include <cstdio>

#include "capi/door.h"
#include "capi/tables.h"
#include "capi/threads.h"

namespace sardonyx::capi {
namespace {

std::mutex environment_mutex;
OrtEnv* the_environment = nullptr;

// Texts, functions and options may be NULL: none of them.
struct Wanted {
  OrtLoggingFunction logger = nullptr;
  void* logger_param = nullptr;
  int level = ORT_LOGGING_LEVEL_WARNING;
  const char* log_id = nullptr;
  const OrtThreadingOptions* threads = nullptr;
  const OrtKeyValuePairs* config = nullptr;
};

Result<void> open_environment(const Wanted& wanted, OrtEnv** out) {
  if (wanted.level < ORT_LOGGING_LEVEL_VERBOSE || wanted.level > ORT_LOGGING_LEVEL_FATAL) {
    return fail(Code::kInvalidArgument,
                "log severity level is {}, expected 0 (verbose) to 4 (fatal)", wanted.level);
  }
  const std::lock_guard lock(environment_mutex);
  if (the_environment != nullptr) {
    ++the_environment->references;
    *out = the_environment;
    return {};
  }
  auto env = std::make_unique<OrtEnv>();
  env->environment = std::make_shared<Environment>();
  Environment& environment = *env->environment;
  environment.logger = wanted.logger;
  environment.logger_param = wanted.logger_param;
  environment.level = wanted.level;
  if (wanted.log_id != nullptr) environment.log_id = wanted.log_id;
  if (wanted.threads != nullptr) TRY(make_global_pool(*wanted.threads, environment));
  if (wanted.config != nullptr) environment.config = wanted.config->entries;
  the_environment = *out = env.release();
  return {};
}

Result<void> CreateEnv(OrtLoggingLevel level, const char* log_id, OrtEnv** out) {
  REQUIRE(out);
  return open_environment({.level = level, .log_id = log_id}, out);
}

Result<void> CreateEnvWithCustomLogger(OrtLoggingFunction logging_function, void* param,
                                       OrtLoggingLevel level, const char* log_id, OrtEnv** out) {
  REQUIRE(out);
  return open_environment({logging_function, param, level, log_id}, out);
}

Result<void> CreateEnvWithGlobalThreadPools(OrtLoggingLevel level, const char* log_id,
                                            const OrtThreadingOptions* options, OrtEnv** out) {
  REQUIRE(out);
  return open_environment({.level = level, .log_id = log_id, .threads = options}, out);
}

Result<void> CreateEnvWithCustomLoggerAndGlobalThreadPools(OrtLoggingFunction logging_function,
                                                           void* param, OrtLoggingLevel level,
                                                           const char* log_id,
                                                           const OrtThreadingOptions* options,
                                                           OrtEnv** out) {
  REQUIRE(out);
  return open_environment({logging_function, param, level, log_id, options}, out);
}

Result<void> CreateEnvWithOptions(const OrtEnvCreationOptions* options, OrtEnv** out) {
  REQUIRE(options, out);
  if (options->version == 0 || options->version > ORT_API_VERSION) {
    return fail(Code::kInvalidArgument, "OrtEnvCreationOptions: version is {}, expected 1 to {}",
                options->version, ORT_API_VERSION);
  }
  REQUIRE(options->log_id);
  return open_environment({options->custom_logging_function, options->custom_logging_param,
                           options->logging_severity_level, options->log_id,
                           options->threading_options, options->config_entries},
                          out);
}

void ORT_API_CALL ReleaseEnv(OrtEnv* env) noexcept {
  if (env == nullptr) return;
  const std::lock_guard lock(environment_mutex);
  if (env != the_environment || --env->references > 0) return;
  the_environment = nullptr;
  delete env;
}

// There is no telemetry: nothing is ever sent.
Result<void> EnableTelemetryEvents(const OrtEnv*) { return {}; }
Result<void> DisableTelemetryEvents(const OrtEnv*) { return {}; }
Result<void> SetLanguageProjection(const OrtEnv*, OrtLanguageProjection) { return {}; }

Result<void> UpdateEnvWithCustomLogLevel(OrtEnv* env, OrtLoggingLevel level) {
  REQUIRE(env);
  env->environment->level = level;
  return {};
}

Result<void> Logger_LogMessage(const OrtLogger* logger, OrtLoggingLevel severity,
                               const char* message, const ORTCHAR_T* file, int line,
                               const char* function) {
  REQUIRE(logger);
  if (severity < ORT_LOGGING_LEVEL_VERBOSE || severity > ORT_LOGGING_LEVEL_FATAL) {
    return fail(Code::kInvalidArgument, "Logger_LogMessage: there is no severity {}",
                static_cast<int>(severity));
  }
  const auto text = [](const char* given) { return given != nullptr ? given : ""; };
  const std::string place = fmt::format("{}:{} {}", text(file), line, text(function));
  log_message(*logger, severity, place.c_str(), text(message));
  return {};
}

Result<void> Logger_GetLoggingSeverityLevel(const OrtLogger* logger, OrtLoggingLevel* out) {
  REQUIRE(logger, out);
  *out = static_cast<OrtLoggingLevel>(logger->severity);
  return {};
}

const char* ORT_API_CALL GetBuildInfoString() noexcept {
  static const std::string text =
      fmt::format("ORT Build Info: Sardonyx {}, ONNX Runtime API 1 to {}", sardonyx::version(),
                  ORT_API_VERSION);
  return text.c_str();
}

}  // namespace

void log_message(const OrtLogger& logger, OrtLoggingLevel severity, const char* location,
                 const std::string& message) {
  if (severity < logger.severity) return;
  constexpr const char* kCategory = "onnxruntime";
  if (logger.function != nullptr) {
    return logger.function(logger.param, severity, kCategory, logger.log_id.c_str(), location,
                           message.c_str());
  }
  std::fprintf(stderr, "[%c:%s:%s, %s] %s\n", "VIWEF"[severity], kCategory, logger.log_id.c_str(),
               location, message.c_str());
}

void add_environment(OrtApi& api) {
  DOOR(CreateEnv);
  DOOR(CreateEnvWithCustomLogger);
  DOOR(CreateEnvWithGlobalThreadPools);
  DOOR(CreateEnvWithCustomLoggerAndGlobalThreadPools);
  DOOR(CreateEnvWithOptions);
  PLAIN(ReleaseEnv);
  DOOR(EnableTelemetryEvents);
  DOOR(DisableTelemetryEvents);
  DOOR(SetLanguageProjection);
  DOOR(UpdateEnvWithCustomLogLevel);
  DOOR(Logger_LogMessage);
  DOOR(Logger_GetLoggingSeverityLevel);
  PLAIN(GetBuildInfoString);
}

}  // namespace sardonyx::capi
