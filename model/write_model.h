// Model → bytes or a file, in the protobuf form of the specification. Tensor elements are written
// as raw_data (strings as string_data). Entry points: write_model, write_model_file.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "model/model.h"

namespace sardonyx {

struct WriteOptions {
  // A file beside the model, or in an existing folder below, that takes the elements of tensors of
  // at least external_threshold bytes; empty: everything goes into the model file.
  std::string external_file;
  size_t external_threshold = 1024;
};

// Fails when the model does not fit a protobuf message (2 GB) or holds a tensor without data.
Result<std::string> write_model(const Model& model);

// Writes to a temporary file beside `path` and renames it, so that readers see the old file or the
// new one, never half of it.
Result<void> write_model_file(const Model& model, const std::filesystem::path& path,
                              const WriteOptions& options = {});

}  // namespace sardonyx
