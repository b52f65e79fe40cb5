// What the options --input, --shape, --dim and --seed say, to a value for every input of a model.
// Entry points: add_input_options, make_inputs.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "apps/cli/picture.h"
#include "sardonyx/sardonyx.h"

namespace sardonyx::cli {

struct InputOptions {
  std::vector<std::string> inputs;  // name=file.npy, name=photo.jpg, name=random, name=zeros
  std::vector<std::string> shapes;  // name=1x3x224x224
  std::vector<std::string> dims;    // symbol=4
  uint64_t seed = 0;
  PictureOptions picture;
};

void add_input_options(CLI::App& command, InputOptions& options);
// --shape and --dim alone, for commands that feed nothing.
void add_shape_options(CLI::App& command, InputOptions& options);

// "1x3x224x224" or "1,3,224,224"; "scalar" for rank 0.
Shape parse_shape(const std::string& text);

// The concrete shape of an input: --shape, else the declared dims with --dim for symbols, else 1
// (said on stderr).
Shape shape_of_input(const ArgInfo& input, const InputOptions& options);

// Inputs without --input are random. Stops with a Failure where something does not fit.
std::vector<NamedValue> make_inputs(const Session& session, const InputOptions& options);

}  // namespace sardonyx::cli
