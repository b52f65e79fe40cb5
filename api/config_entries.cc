// See api/config_entries.h.
#include "api/config_entries.h"

#include <charconv>
#include <string_view>

#include "base/thread_pool.h"

namespace sardonyx {
namespace {

std::string_view entry(const SessionOptions& options, const char* key) {
  const auto found = options.config.find(key);
  return found != options.config.end() ? std::string_view(found->second) : std::string_view();
}

Result<int> parse_cpu(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1) {
    return fail(Code::kFail, "affinity: '{}' is not a processor, which are numbered from 1", text);
  }
  return number - 1;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// "1,2" or "3-8".
Result<std::vector<int>> parse_cpus(std::string_view text) {
  constexpr int kMost = 4096;
  std::vector<int> cpus;
  const size_t dash = text.find('-');
  if (dash != std::string_view::npos) {
    const int first = TRY(parse_cpu(text.substr(0, dash)));
    const int last = TRY(parse_cpu(text.substr(dash + 1)));
    if (last < first || last - first > kMost) {
      return fail(Code::kFail, "affinity: '{}' is not a range of processors", text);
    }
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    return cpus;
  }
  for (const std::string_view part : split(text, ',')) cpus.push_back(TRY(parse_cpu(part)));
  return cpus;
}

// The options' threads with what the entries say of them.
Result<ThreadSettings> thread_settings(const SessionOptions& options) {
  ThreadSettings settings = options.thread_settings;
  settings.threads = options.threads;
  if (entry(options, "session.intra_op.allow_spinning") == "0") settings.spin = false;
  const std::string_view affinity = entry(options, "session.intra_op_thread_affinities");
  if (!affinity.empty()) settings.affinity = TRY(parse_affinity(affinity));
  return settings;
}

}  // namespace

Result<std::vector<std::vector<int>>> parse_affinity(std::string_view text) {
  std::vector<std::vector<int>> workers;
  for (const std::string_view part : split(text, ';')) workers.push_back(TRY(parse_cpus(part)));
  return workers;
}

Result<std::shared_ptr<ThreadPool>> choose_pool(const SessionOptions& options) {
  if (options.pool != nullptr) return options.pool;
  const ThreadSettings settings = TRY(thread_settings(options));
  const bool is_plain = settings.spin && settings.affinity.empty() && !settings.create &&
                        !settings.join && !settings.watch.enqueue;
  if (is_plain) return shared_thread_pool(options.threads);
  return make_thread_pool(settings);
}

Result<bool> flushes_denormals(const SessionOptions& options) {
  constexpr char kKey[] = "session.set_denormal_as_zero";
  const std::string_view value = entry(options, kKey);
  if (value.empty() || value == "1") return true;
  if (value == "0") return false;
  return fail(Code::kInvalidArgument, "{} is '{}', but must be '0' or '1'", kKey, value);
}

namespace {

// Of formats, ONNX is read and written.
Result<void> check_formats(const SessionOptions& options) {
  if (entry(options, "session.load_model_format") == "ORT") {
    return fail(Code::kNotImplemented,
                "session.load_model_format is ORT: models in ORT format are not read; load the "
                "ONNX model that this one was made from");
  }
  const std::string_view format = entry(options, "session.save_model_format");
  const std::filesystem::path& path = options.optimized_model_path;
  if (path.empty() || (format.empty() ? path.extension() != ".ort" : format != "ORT")) return {};
  return fail(Code::kNotImplemented,
              "optimized_model_path '{}': models in ORT format are not written; choose a name that "
              "does not end with .ort, and no session.save_model_format, for an ONNX model",
              path.string());
}

// GroupQueryAttention's past and present values, which can be transposed in ONNX Runtime.
Result<void> check_value_layout(const SessionOptions& options) {
  constexpr char kKey[] = "session.gqa_value_layout";
  if (!options.config.contains(kKey)) return {};
  const std::string_view layout = entry(options, kKey);
  if (layout == "BNSH") return {};
  if (layout == "BNHS") {
    return fail(Code::kNotImplemented,
                "{} is BNHS: values of GroupQueryAttention are kept as BNSH here", kKey);
  }
  return fail(Code::kInvalidArgument,
              "Invalid value for session option '{}': '{}'. Expected 'BNSH' or 'BNHS'.", kKey,
              layout);
}

}  // namespace

Result<void> check_config_entries(const SessionOptions& options) {
  TRY(check_formats(options));
  TRY(check_value_layout(options));
  if (entry(options, "session.disable_cpu_ep_fallback") == "1") {
    return fail(Code::kFail,
                "This session contains graph nodes that are assigned to the default CPU EP, but "
                "fallback to CPU EP has been explicitly disabled by the user. "
                "(session.disable_cpu_ep_fallback is 1, and there is no provider but the CPU's.)");
  }
  return {};
}

}  // namespace sardonyx
