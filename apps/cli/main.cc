// The command `sardonyx`: runs, shows, plans and measures ONNX models.
#include <cstdio>
#include <exception>

#include "apps/cli/commands.h"

namespace sardonyx::cli {
namespace {

int run_command(int argc, char** argv) {
  CLI::App app("Sardonyx runs ONNX models.");
  app.set_version_flag("--version", std::string("sardonyx ") + sardonyx::version());
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  app.footer(
      "\nExamples:\n"
      "  sardonyx run model.onnx --input image=photo.jpg --resize\n"
      "  sardonyx bench model.onnx --threads 1\n"
      "\nExit codes: 0 done, 1 the run failed, 2 wrong usage, 3 the model cannot be loaded,\n"
      "4 an input does not fit.");
  add_run(app);
  add_graph(app);
  add_plan(app);
  add_bench(app);
  add_ops(app);
  add_doctor(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == 0;  // --help, --version
    if (asked) return app.exit(error);
    fmt::print(stderr, "sardonyx: {}. Try: sardonyx {}--help\n", error.what(),
               app.get_subcommands().empty() ? "" : app.get_subcommands()[0]->get_name() + " ");
    return static_cast<int>(Exit::kUsage);
  } catch (const Failure& failure) {
    fmt::print(stderr, "sardonyx: error: {}\n", failure.message);
    return static_cast<int>(failure.exit);
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "sardonyx: error: out of memory\n");
    return static_cast<int>(Exit::kRunFailed);
  }
  return static_cast<int>(Exit::kOk);
}

}  // namespace
}  // namespace sardonyx::cli

int main(int argc, char** argv) {
  try {
    return sardonyx::cli::run_command(argc, argv);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "sardonyx: error: %s\n", exception.what());
  } catch (...) {
    std::fputs("sardonyx: error: an exception of unknown type was thrown\n", stderr);
  }
  return static_cast<int>(sardonyx::cli::Exit::kRunFailed);
}
