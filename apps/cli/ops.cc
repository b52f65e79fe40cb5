// `sardonyx ops`: the operators of this build with versions, types and kernels.
#include <algorithm>

#include "api/inspect.h"
#include "apps/cli/commands.h"
#include "apps/cli/terminal.h"

namespace sardonyx::cli {
namespace {

struct OpsCommand {
  std::string filter;
  bool json = false;
};

std::string join(const std::vector<std::string>& texts) {
  std::string line;
  for (const std::string& text : texts) line += (line.empty() ? "" : " ") + text;
  return line;
}

std::string lower(std::string text) {
  for (char& letter : text) letter = static_cast<char>(std::tolower(letter));
  return text;
}

void run(const OpsCommand& command) {
  std::vector<OpRow> rows = list_ops();
  std::erase_if(rows, [&](const OpRow& row) {
    return lower(row.name).find(lower(command.filter)) == std::string::npos;
  });
  if (rows.empty()) stop(Exit::kBadInput, "no operator has '{}' in its name", command.filter);
  if (command.json) {
    Json list = Json::array();
    for (const OpRow& row : rows) {
      list.push_back({{"domain", row.domain.empty() ? "ai.onnx" : row.domain},
                      {"name", row.name},
                      {"versions", row.versions},
                      {"types", row.types},
                      {"kernels", row.kernels}});
    }
    print_json(list);
    return;
  }
  Table table({"operator", "versions", "types of the first input", "kernels, best first"});
  table.limit(2, 60);
  for (const OpRow& row : rows) {
    std::string versions;
    for (int version : row.versions) {
      versions += (versions.empty() ? "" : " ") + std::to_string(version);
    }
    table.add({row.domain.empty() ? row.name : row.domain + "." + row.name, versions,
               join(row.types), join(row.kernels)});
  }
  fmt::print("{}{} operators\n", table.text(), rows.size());
}

}  // namespace

void add_ops(CLI::App& app) {
  auto command = std::make_shared<OpsCommand>();
  CLI::App* verb = add_verb(app, "ops", "List the operators of this build",
                            "  sardonyx ops\n"
                            "  sardonyx ops conv\n"
                            "  sardonyx ops --json");
  verb->add_option("filter", command->filter, "Part of the name")->type_name("TEXT");
  add_json_option(*verb, command->json);
  verb->callback([command] { run(*command); });
}

}  // namespace sardonyx::cli
