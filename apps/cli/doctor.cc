// `sardonyx doctor`: what the library found on this machine and what it chose.
#include "api/inspect.h"
#include "apps/cli/commands.h"
#include "apps/cli/terminal.h"

namespace sardonyx::cli {
namespace {

std::string join(const std::vector<std::string>& texts) {
  std::string line;
  for (const std::string& text : texts) line += (line.empty() ? "" : ", ") + text;
  return line;
}

std::string quota_text(double cores) { return cores > 0 ? fmt::format("{:g}", cores) : "no quota"; }

void show_json(const DoctorReport& report) {
  Json libraries = Json::object();
  for (const auto& [name, version] : report.libraries) libraries[name] = version;
  Json quota = report.cgroup_cores > 0 ? Json(report.cgroup_cores) : Json();
  print_json({{"version", report.version},
              {"cpu", report.cpu_model},
              {"features", report.features},
              {"tiers", report.tiers},
              {"tier", report.tier},
              {"logical_cores", report.logical_cores},
              {"physical_cores", report.physical_cores},
              {"affinity_cores", report.affinity_cores},
              {"cgroup_cores", quota},
              {"threads", report.threads},
              {"providers", {"CPUExecutionProvider"}},
              {"libraries", libraries}});
}

void run(bool json) {
  const DoctorReport report = examine_machine();
  if (json) {
    show_json(report);
    return;
  }
  fmt::print("sardonyx        {}\n", report.version);
  fmt::print("processor       {}\n", report.cpu_model.empty() ? "unknown" : report.cpu_model);
  fmt::print("features        {}\n", join(report.features));
  fmt::print("tiers           {} (in use: {})\n", join(report.tiers), report.tier);
  fmt::print("cores           {} logical, {} physical\n", report.logical_cores,
             report.physical_cores);
  fmt::print("allowed         {} by affinity, {} by cgroup\n", report.affinity_cores,
             quota_text(report.cgroup_cores));
  fmt::print("threads         {}\n", report.threads);
  fmt::print("providers       CPUExecutionProvider\n");
  for (const auto& [name, version] : report.libraries) fmt::print("{:15} {}\n", name, version);
}

}  // namespace

void add_doctor(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  CLI::App* verb = add_verb(app, "doctor", "Show processor, cores, threads, tiers and versions",
                            "  sardonyx doctor\n"
                            "  sardonyx doctor --json");
  add_json_option(*verb, *json);
  verb->callback([json] { run(*json); });
}

}  // namespace sardonyx::cli
