// Runs tests/cases/*.txt, one test per file: --gtest_filter=Cases.Slice. The format is described in
// tests/cases/README.md. Every operator has a case file or stands in tests/cases/without_cases;
// every attribute of every operator has a row that sets it, or stands with a reason in
// attributes_without_cases.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "ops/op.h"
#include "tests/support/case_runner.h"

namespace sardonyx {
namespace {

constexpr char kFolder[] = "tests/cases";

class CaseFileTest : public testing::Test {
 public:
  explicit CaseFileTest(std::string path) : path_(std::move(path)) {}
  void TestBody() override {
    const auto cases = read_case_file(path_);
    ASSERT_TRUE(cases.has_value()) << cases.error().text();
    EXPECT_FALSE(cases->empty()) << path_ << " has no rows";
    for (const Case& row : *cases) {
      const auto failure = run_case(row);
      EXPECT_FALSE(failure.has_value()) << row.place << ": " << row.text << "\n  " << *failure;
    }
  }

 private:
  std::string path_;
};

std::vector<std::filesystem::path> case_files() {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder, error)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

const bool registered = [] {
  for (const auto& file : case_files()) {
    testing::RegisterTest("Cases", file.stem().c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [path = file.string()] { return new CaseFileTest(path); });
  }
  return true;
}();

std::string case_name(const OpDef& op) {
  return op.domain.empty() ? op.name : op.domain + "." + op.name;
}

TEST(CaseCoverage, EveryOperatorHasCases) {
  std::set<std::string> missing;
  std::ifstream list(std::string(kFolder) + "/without_cases");
  ASSERT_TRUE(list.good()) << "run from the root of the repository";
  for (std::string line; std::getline(list, line);) {
    if (!line.empty() && line[0] != '#') missing.insert(line);
  }
  std::set<std::string> covered;
  for (const auto& file : case_files()) covered.insert(file.stem().string());
  std::set<std::string> names;
  for (const OpDef& op : all_ops()) {
    const std::string name = case_name(op);
    names.insert(name);
    const bool has_cases = covered.count(name) != 0;
    EXPECT_TRUE(has_cases || missing.count(name) != 0)
        << name << " has no tests/cases/" << name << ".txt";
    EXPECT_FALSE(has_cases && missing.count(name) != 0)
        << name << " has cases now: take it off tests/cases/without_cases";
  }
  for (const std::string& name : covered) {
    EXPECT_EQ(names.count(name), 1u) << kFolder << "/" << name << ".txt is of no operator";
  }
  for (const std::string& name : missing) {
    EXPECT_EQ(names.count(name), 1u) << kFolder << "/without_cases names no operator: " << name;
  }
  EXPECT_TRUE(registered);
}

// Whether the row sets the attribute to something else than its default.
bool sets(const Case& row, const FormalAttr& attr) {
  const auto named = [&](const AttrDef& body) { return body.name == attr.name; };
  if (std::any_of(row.bodies.begin(), row.bodies.end(), named)) return true;
  const Attr* given = row.attrs.find(attr.name);
  if (given == nullptr) return false;
  if (!attr.default_value || given->index() != attr.default_value->index()) return true;
  if (const auto* text = std::get_if<std::string>(given)) {
    return *text != std::get<std::string>(*attr.default_value);
  }
  if (const auto* number = std::get_if<float>(given)) {
    return *number != std::get<float>(*attr.default_value);
  }
  if (const auto* number = std::get_if<int64_t>(given)) {
    return *number != std::get<int64_t>(*attr.default_value);
  }
  return true;
}

TEST(CaseCoverage, EveryAttributeIsSetByARow) {
  std::map<std::string, std::string> excused;
  std::ifstream list(std::string(kFolder) + "/attributes_without_cases");
  ASSERT_TRUE(list.good()) << "run from the root of the repository";
  for (std::string line; std::getline(list, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t end = line.find("  ");
    ASSERT_NE(end, std::string::npos) << "attributes_without_cases: no reason after " << line;
    excused[line.substr(0, end)] = line.substr(end + 2);
  }
  for (const OpDef& op : all_ops()) {
    const auto rows = read_case_file(std::string(kFolder) + "/" + case_name(op) + ".txt");
    if (!rows) continue;  // CaseCoverage.EveryOperatorHasCases tells
    for (const FormalAttr& attr : op.attrs) {
      const bool set = std::any_of(rows->begin(), rows->end(),
                                   [&](const Case& row) { return !row.error && sets(row, attr); });
      const std::string name = case_name(op) + " " + std::string(attr.name);
      EXPECT_TRUE(set || excused.count(name) != 0)
          << "no row of tests/cases/" << case_name(op) << ".txt sets " << attr.name
          << " to something else than its default";
      EXPECT_FALSE(set && excused.count(name) != 0)
          << name << " has a row now: take it off tests/cases/attributes_without_cases";
      excused.erase(name);
    }
  }
  for (const auto& [name, reason] : excused) {
    ADD_FAILURE() << "attributes_without_cases names no attribute: " << name;
  }
}

}  // namespace
}  // namespace sardonyx
