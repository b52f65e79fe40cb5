#include "apps/cli/commands.h"

#include <cstdio>

#include "apps/cli/terminal.h"

namespace sardonyx::cli {

CLI::App* add_verb(CLI::App& app, const std::string& name, const std::string& about,
                   const std::string& examples) {
  CLI::App* command = app.add_subcommand(name, about);
  command->footer("\nExamples:\n" + examples);
  return command;
}

void add_json_option(CLI::App& command, bool& json) {
  command.add_flag("--json", json, "Print JSON instead of text");
}

void add_model_options(CLI::App& command, ModelOptions& options) {
  command.add_option("model", options.path, "An ONNX file")->required()->type_name("MODEL");
  command.add_option("-t,--threads", options.threads, "Threads; 0: as many as cores allowed")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      .add_option("-O,--optimize", options.optimization,
                  "0, 1 (basic), 2 (extended), 3 or 99 (all)")
      ->check(CLI::IsMember({0, 1, 2, 3, 99}))
      ->capture_default_str();
  command
      .add_option("--memory-limit", options.memory_limit_mb,
                  "Most MB that weights, plan and run may take; 0: no limit")
      ->type_name("MB");
  command.add_option("--tier", options.tier,
                     "Instruction set: sse4, avx2, avx512, amx, amx_f32, neon");
  command.add_flag("--bf16", options.bf16,
                   "Multiply and convolve in bf16, with sums in f32: faster, less exact");
  command
      .add_option("--without-kernel", options.disabled_kernels,
                  "Do not choose a kernel, such as winograd (repeatable)")
      ->type_name("NAME");
  command.add_option("--without-pass", options.disabled_passes, "Leave out a pass (repeatable)")
      ->type_name("PASS")
      ->allow_extra_args(false);
  add_json_option(command, options.json);
}

Session load_session(const ModelOptions& options, bool profiling) {
  SessionOptions session;
  session.threads = options.threads;
  session.optimization = static_cast<OptimizationLevel>(options.optimization);
  session.memory_limit = options.memory_limit_mb * 1000000;
  session.tier = options.tier;
  if (options.bf16) session.matmul_precision = MatMulPrecision::kBfloat16;
  session.disabled_passes = options.disabled_passes;
  session.disabled_kernels = options.disabled_kernels;
  session.profiling = profiling;
  const Progress progress("loading " + options.path);
  Session loaded = require(Session::load(options.path, session), Exit::kBadModel);
  for (const std::string& warning : loaded.model().warnings) {
    if (!profiling) note("warning: " + warning);
  }
  return loaded;
}

void print_json(const Json& json) {
  // Bytes that are not UTF-8 in names are replaced.
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

std::string shape_text(const ArgInfo& arg) {
  if (arg.kind != ArgInfo::Kind::kTensor && arg.kind != ArgInfo::Kind::kSparse) return "";
  if (!arg.has_rank) return "unknown rank";
  if (arg.dims.empty()) return "scalar";
  std::string text;
  for (const ArgInfo::Dim& dim : arg.dims) {
    if (!text.empty()) text += "x";
    text += dim.value >= 0 ? std::to_string(dim.value) : dim.symbol.empty() ? "?" : dim.symbol;
  }
  return text;
}

}  // namespace sardonyx::cli
