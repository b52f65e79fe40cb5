// Runs tests/cases/*.txt, one test per file: --gtest_filter=Cases.Slice. The format is described in
// tests/cases/README.md. Every operator has a case file or stands in tests/cases/without_cases.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
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

}  // namespace
}  // namespace sardonyx
