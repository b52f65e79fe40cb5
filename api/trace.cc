#include "api/trace.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>

#include "base/result.h"

namespace sardonyx {
namespace {

std::string json_string(const std::string& text) {
  std::string quoted = "\"";
  for (const char letter : text) {
    const auto code = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      quoted += '\\';
      quoted += letter;
    } else if (code < 0x20) {
      quoted += fmt::format("\\u{:04x}", code);
    } else {
      quoted += letter;
    }
  }
  return quoted + '"';
}

// What the session did as a whole is of category "Session", under the names that readers of ONNX
// Runtime's profiles look for.
std::string event(const StepTime& step) {
  const bool is_session = step.op.empty();
  const std::string& name = step.node.empty() ? step.op : step.node;
  const std::string args =
      is_session ? "{}"
                 : fmt::format(R"({{"op_name": {}, "provider": "CPUExecutionProvider", )"
                               R"("kernel": {}}})",
                               json_string(step.op), json_string(step.kernel));
  return fmt::format(
      R"({{"cat": "{}", "pid": {}, "tid": 0, "dur": {:.3f}, "ts": {:.3f}, "ph": "X", )"
      R"("name": {}, "args": {}}})",
      is_session ? "Session" : "Node", getpid(), static_cast<double>(step.duration_ns) / 1e3,
      static_cast<double>(step.start_ns) / 1e3,
      json_string(is_session ? name : name + "_kernel_time"), args);
}

struct CloseFile {
  void operator()(FILE* file) const { std::fclose(file); }
};

}  // namespace

std::string profile_json(std::span<const StepTime> steps) {
  std::string text = "[\n";
  for (size_t i = 0; i < steps.size(); ++i) {
    text += event(steps[i]);
    text += i + 1 < steps.size() ? ",\n" : "\n";
  }
  return text + "]\n";
}

Result<std::string> write_profile(std::span<const StepTime> steps, const std::string& prefix) {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto passed = now - std::chrono::system_clock::from_time_t(seconds);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(passed).count();
  char stamp[32] = "";
  std::tm local{};
  if (localtime_r(&seconds, &local) != nullptr) {
    std::strftime(stamp, sizeof(stamp), "%Y-%m-%d_%H-%M-%S", &local);
  }
  const std::string stem = fmt::format("{}_{}_{:03}", prefix, stamp, milliseconds);
  std::string name = stem + ".json";
  std::unique_ptr<FILE, CloseFile> file(std::fopen(name.c_str(), "wx"));
  for (int number = 2; !file && errno == EEXIST; ++number) {
    name = fmt::format("{}_{}.json", stem, number);
    file.reset(std::fopen(name.c_str(), "wx"));
  }
  if (!file) return fail(Code::kFail, "{}: cannot write: {}", name, std::strerror(errno));
  const std::string text = profile_json(steps);
  const bool written = std::fwrite(text.data(), 1, text.size(), file.get()) == text.size();
  if (!written || std::fflush(file.get()) != 0) {
    return fail(Code::kFail, "{}: cannot write: {}", name, std::strerror(errno));
  }
  return name;
}

}  // namespace sardonyx
