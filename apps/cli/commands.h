// The verbs of the command line. Each add_*() declares a subcommand with its options and examples;
// its callback does the work and throws Failure. Entry point: main() in main.cc.
#pragma once

#include <CLI/CLI.hpp>

#include <nlohmann/json.hpp>

#include <string>

#include "apps/cli/outcome.h"
#include "sardonyx/sardonyx.h"

namespace sardonyx::cli {

// Keys keep the order in which they are written.
using Json = nlohmann::ordered_json;

// Options of every command that loads a model.
struct ModelOptions {
  std::string path;
  int threads = 0;
  int optimization = 99;
  size_t memory_limit_mb = 0;
  std::string tier;
  bool bf16 = false;
  std::vector<std::string> disabled_passes;
  std::vector<std::string> disabled_kernels;
  bool json = false;
};

CLI::App* add_verb(CLI::App& app, const std::string& name, const std::string& about,
                   const std::string& examples);
void add_model_options(CLI::App& command, ModelOptions& options);
void add_json_option(CLI::App& command, bool& json);

Session load_session(const ModelOptions& options, bool profiling = false);
void print_json(const Json& json);
std::string shape_text(const ArgInfo& arg);  // "Nx3x224x224"

void add_run(CLI::App& app);
void add_graph(CLI::App& app);
void add_plan(CLI::App& app);
void add_bench(CLI::App& app);
void add_ops(CLI::App& app);
void add_doctor(CLI::App& app);

}  // namespace sardonyx::cli
