// Bytes or a file → Model. Every length, count, depth, offset and total is checked before use:
// any bytes give either a Model or an Error with the byte offset. Weights are not read, only
// pointed at, so that reading costs time by the number of nodes, not by the size of the weights.
// Entry points: read_model, read_model_file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "model/model.h"

namespace sardonyx {

struct ReadOptions {
  int max_depth = 64;              // nesting of graphs, types, sequences (each level counts 1)
  int64_t max_nodes = 10'000'000;  // of all graphs and functions together
  // Memory that reading may take for what it decodes: structs, names, typed tensor data, strings.
  // Weights that stay in the file do not count.
  int64_t max_decoded_bytes = int64_t{16} << 30;
  bool load_external = true;              // false: external tensors keep only dtype and shape
  std::filesystem::path external_folder;  // empty: the model's folder
  // Contents of external files by location; these are not looked up in the folder.
  std::vector<std::pair<std::string, Bytes>> external_files;
};

// Bytes must stay alive and unchanged while the model or a tensor of it lives (they do when
// bytes.owner is set). A model with external data needs options.external_folder.
Result<Model> read_model(const Bytes& bytes, const ReadOptions& options = {});

// Maps the file; external data is looked up below its folder.
Result<Model> read_model_file(const std::filesystem::path& path, const ReadOptions& options = {});

}  // namespace sardonyx
