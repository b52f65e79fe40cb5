// Session options: properties, config entries, fixed dims.
#include "capi/door.h"
#include "capi/handles.h"
#include "capi/tables.h"
#include "capi/texts.h"

namespace sardonyx::capi {
namespace {

constexpr size_t kMaxKey = 1024;
constexpr size_t kMaxConfigValue = 8192;

Result<void> CreateSessionOptions(OrtSessionOptions** out) {
  REQUIRE(out);
  *out = new OrtSessionOptions;
  return {};
}

Result<void> CloneSessionOptions(const OrtSessionOptions* options, OrtSessionOptions** out) {
  REQUIRE(options, out);
  *out = new OrtSessionOptions(*options);
  return {};
}

Result<void> SetOptimizedModelFilePath(OrtSessionOptions* options, const ORTCHAR_T* path) {
  REQUIRE(options, path);
  options->library.optimized_model_path = path;
  return {};
}

Result<void> SetSessionExecutionMode(OrtSessionOptions* options, ExecutionMode mode) {
  REQUIRE(options);
  if (mode != ORT_SEQUENTIAL && mode != ORT_PARALLEL) {
    return fail(Code::kInvalidArgument, "execution_mode is not valid");
  }
  options->mode = mode;
  return {};
}

Result<void> GetSessionExecutionMode(const OrtSessionOptions* options, ExecutionMode* out) {
  REQUIRE(options, out);
  *out = options->mode;
  return {};
}

Result<void> EnableProfiling(OrtSessionOptions* options, const ORTCHAR_T* prefix) {
  REQUIRE(options, prefix);
  options->library.profiling = true;
  options->profile_prefix = prefix;
  return {};
}

Result<void> DisableProfiling(OrtSessionOptions* options) {
  REQUIRE(options);
  options->library.profiling = false;
  options->profile_prefix.clear();
  return {};
}

// Properties that are kept: memory is always planned and always given back.
template <auto Member, bool kWanted>
Result<void> set_flag(OrtSessionOptions* options) {
  REQUIRE(options);
  options->*Member = kWanted;
  return {};
}

Result<void> SetDeterministicCompute(OrtSessionOptions* options, bool value) {
  REQUIRE(options);
  options->deterministic = value;
  return {};
}

Result<void> GetMemPatternEnabled(const OrtSessionOptions* options, int* out) {
  REQUIRE(options, out);
  *out = options->memory_pattern ? 1 : 0;
  return {};
}

Result<void> SetSessionLogId(OrtSessionOptions* options, const char* log_id) {
  REQUIRE(options, log_id);
  options->log_id = log_id;
  return {};
}

Result<void> SetSessionLogVerbosityLevel(OrtSessionOptions* options, int level) {
  REQUIRE(options);
  options->log_verbosity = level;
  return {};
}

Result<void> SetSessionLogSeverityLevel(OrtSessionOptions* options, int level) {
  REQUIRE(options);
  options->log_severity = level;
  return {};
}

Result<void> SetUserLoggingFunction(OrtSessionOptions* options, OrtLoggingFunction function,
                                    void* param) {
  REQUIRE(options);
  options->logger = function;
  options->logger_param = param;
  return {};
}

Result<void> SetSessionGraphOptimizationLevel(OrtSessionOptions* options,
                                              GraphOptimizationLevel level) {
  REQUIRE(options);
  switch (static_cast<int>(level)) {
    case ORT_DISABLE_ALL:
    case ORT_ENABLE_BASIC:
    case ORT_ENABLE_EXTENDED:
    case ORT_ENABLE_LAYOUT:
    case ORT_ENABLE_ALL:
      options->library.optimization = static_cast<OptimizationLevel>(level);
      return {};
    default:
      return fail(Code::kInvalidArgument, "graph_optimization_level is not valid");
  }
}

Result<void> SetIntraOpNumThreads(OrtSessionOptions* options, int count) {
  REQUIRE(options);
  options->library.threads = std::max(count, 0);  // below 0: as 0, chosen by the library
  return {};
}

// Nodes run one after the other.
Result<void> SetInterOpNumThreads(OrtSessionOptions* options, int /*count*/) {
  REQUIRE(options);
  return {};
}

Result<void> check_dim_override(const char* name, int64_t value) {
  if (*name != 0 && value >= 0) return {};
  return fail(Code::kInvalidArgument,
              "free dimension override: expected a name and a value of 0 or more, got '{}' and {}",
              name, value);
}

Result<void> AddFreeDimensionOverride(OrtSessionOptions* options, const char* denotation,
                                      int64_t value) {
  REQUIRE(options, denotation);
  TRY(check_dim_override(denotation, value));
  options->library.dim_overrides_by_denotation[denotation] = value;
  return {};
}

Result<void> AddFreeDimensionOverrideByName(OrtSessionOptions* options, const char* name,
                                            int64_t value) {
  REQUIRE(options, name);
  TRY(check_dim_override(name, value));
  options->library.dim_overrides[name] = value;
  return {};
}

Result<void> AddSessionConfigEntry(OrtSessionOptions* options, const char* key, const char* value) {
  REQUIRE(options, key, value);
  TRY(add_config_entry(options->library.config, key, value));
  return {};
}

Result<void> HasSessionConfigEntry(const OrtSessionOptions* options, const char* key, int* out) {
  REQUIRE(options, key, out);
  *out = options->library.config.contains(key) ? 1 : 0;
  return {};
}

Result<void> GetSessionConfigEntry(const OrtSessionOptions* options, const char* key, char* value,
                                   size_t* size) {
  REQUIRE(options, key, size);
  const auto entry = options->library.config.find(key);
  if (entry == options->library.config.end()) {
    return fail(Code::kInvalidArgument, "Session config entry '{}' was not found.", key);
  }
  return copy_text_to(entry->second, value, size);
}

Result<void> GetSessionOptionsConfigEntries(const OrtSessionOptions* options,
                                            OrtKeyValuePairs** out) {
  REQUIRE(options, out);
  auto pairs = std::make_unique<OrtKeyValuePairs>();
  pairs->entries = options->library.config;
  pairs->refresh();
  *out = pairs.release();
  return {};
}

Result<void> SessionOptionsSetLoadCancellationFlag(OrtSessionOptions* options, bool cancel) {
  REQUIRE(options);
  *options->load_canceled = cancel;
  return {};
}

// What contexts of providers are read from. Only nodes of such contexts ask for them, and a model
// that has one does not load here.
Result<void> SessionOptionsSetWeightlessSourceModelBuffer(OrtSessionOptions* options,
                                                          const void* data, size_t size) {
  REQUIRE(options);
  if (data == nullptr || size == 0) {
    return fail(Code::kInvalidArgument, "Invalid source model: data pointer is null");
  }
  return {};
}

Result<void> SessionOptionsSetEpContextDataReadFunc(OrtSessionOptions* options,
                                                    OrtReadNamedBufferFunc, void*) {
  REQUIRE(options);
  return {};
}

void add_properties(OrtApi& api) {
  DOOR(SetOptimizedModelFilePath);
  DOOR(SetSessionExecutionMode);
  DOOR(GetSessionExecutionMode);
  DOOR(EnableProfiling);
  DOOR(DisableProfiling);
  api.EnableMemPattern = door<&set_flag<&OrtSessionOptions::memory_pattern, true>>;
  api.DisableMemPattern = door<&set_flag<&OrtSessionOptions::memory_pattern, false>>;
  api.EnableCpuMemArena = door<&set_flag<&OrtSessionOptions::cpu_arena, true>>;
  api.DisableCpuMemArena = door<&set_flag<&OrtSessionOptions::cpu_arena, false>>;
  api.DisablePerSessionThreads = door<&set_flag<&OrtSessionOptions::per_session_threads, false>>;
  DOOR(SetDeterministicCompute);
  DOOR(GetMemPatternEnabled);
  DOOR(SetSessionLogId);
  DOOR(SetSessionLogVerbosityLevel);
  DOOR(SetSessionLogSeverityLevel);
  DOOR(SetUserLoggingFunction);
  DOOR(SetSessionGraphOptimizationLevel);
  DOOR(SetIntraOpNumThreads);
  DOOR(SetInterOpNumThreads);
}

}  // namespace

Result<void> add_config_entry(std::map<std::string, std::string>& config, const char* key,
                              const char* value) {
  const std::string_view name = key;
  if (name.empty() || name.size() > kMaxKey) {
    return fail(Code::kInvalidArgument, "Config key is empty or longer than maximum length {}",
                kMaxKey);
  }
  if (std::string_view(value).size() > kMaxConfigValue) {
    return fail(Code::kInvalidArgument, "Config value of '{}' is longer than {} bytes", name,
                kMaxConfigValue);
  }
  config[key] = value;
  return {};
}

Result<void> copy_text_to(const std::string& text, char* dst, size_t* size) {
  const size_t needed = text.size() + 1;
  const size_t room = *size;
  *size = needed;
  if (dst == nullptr) return {};
  if (room < needed) {
    return fail(Code::kInvalidArgument, "the text takes {} bytes, but there is room for {}", needed,
                room);
  }
  std::copy_n(text.c_str(), needed, dst);
  return {};
}

void add_session_options(OrtApi& api) {
  DOOR(CreateSessionOptions);
  DOOR(CloneSessionOptions);
  api.ReleaseSessionOptions = &release<OrtSessionOptions>;
  add_properties(api);
  DOOR(AddFreeDimensionOverride);
  DOOR(AddFreeDimensionOverrideByName);
  DOOR(AddSessionConfigEntry);
  DOOR(HasSessionConfigEntry);
  DOOR(GetSessionConfigEntry);
  DOOR(GetSessionOptionsConfigEntries);
  DOOR(SessionOptionsSetLoadCancellationFlag);
  DOOR(SessionOptionsSetWeightlessSourceModelBuffer);
  DOOR(SessionOptionsSetEpContextDataReadFunc);
}

}  // namespace sardonyx::capi
