// FileWriter: bytes → a file that appears whole or not at all. Writes go to a temporary file in the
// same folder; commit() flushes it to disk and renames it over the target. Without commit() nothing
// is left behind.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace sardonyx {

class FileWriter {
 public:
  static Result<FileWriter> open(const std::filesystem::path& target);
  ~FileWriter();
  FileWriter(FileWriter&& other) noexcept;
  FileWriter& operator=(FileWriter&&) = delete;

  Result<void> write(std::string_view bytes);
  Result<void> pad_to(uint64_t alignment);  // zeros up to the next multiple
  uint64_t offset() const { return offset_; }
  Result<void> commit();

 private:
  FileWriter() = default;
  std::filesystem::path target_;
  std::filesystem::path temporary_;
  std::FILE* file_ = nullptr;
  uint64_t offset_ = 0;
};

}  // namespace sardonyx
