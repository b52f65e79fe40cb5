// Temporary file, flush and rename behind base/file_writer.h.
#include "base/file_writer.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#if !defined(_WIN32)
#include <fcntl.h>
#include <unistd.h>
#endif

namespace sardonyx {
namespace {

namespace fs = std::filesystem;

// A name that no other writer of this process or another one uses.
fs::path temporary_for(const fs::path& target) {
  static std::atomic<uint32_t> counter{0};
#if defined(_WIN32)
  const int process = 0;
#else
  const int process = static_cast<int>(::getpid());
#endif
  fs::path name = target;
  name += ".tmp-" + std::to_string(process) + "-" + std::to_string(counter.fetch_add(1));
  return name;
}

std::FILE* create_new(const fs::path& path) {
#if defined(_WIN32)
  return std::fopen(path.string().c_str(), "wbx");
#else
  // O_EXCL: never through somebody else's file or link.
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  return fd < 0 ? nullptr : ::fdopen(fd, "wb");
#endif
}

bool flush_to_disk(std::FILE* file) {
  if (std::fflush(file) != 0) return false;
#if !defined(_WIN32)
  if (::fsync(::fileno(file)) != 0) return false;
#endif
  return true;
}

}  // namespace

Result<FileWriter> FileWriter::open(const fs::path& target) {
  FileWriter writer;
  writer.target_ = target;
  writer.temporary_ = temporary_for(target);
  writer.file_ = create_new(writer.temporary_);
  if (writer.file_ == nullptr) {
    return fail(Code::kFail, "cannot write '{}': {}", target.string(), std::strerror(errno));
  }
  return writer;
}

FileWriter::FileWriter(FileWriter&& other) noexcept
    : target_(std::move(other.target_)),
      temporary_(std::move(other.temporary_)),
      file_(std::exchange(other.file_, nullptr)),
      offset_(other.offset_) {}

FileWriter::~FileWriter() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  std::error_code ignored;
  fs::remove(temporary_, ignored);
}

Result<void> FileWriter::write(std::string_view bytes) {
  if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) {
    return fail(Code::kFail, "cannot write '{}': {}", target_.string(), std::strerror(errno));
  }
  offset_ += bytes.size();
  return {};
}

Result<void> FileWriter::pad_to(uint64_t alignment) {
  const uint64_t missing = (alignment - offset_ % alignment) % alignment;
  return write(std::string(missing, '\0'));
}

Result<void> FileWriter::commit() {
  if (!flush_to_disk(file_)) {
    return fail(Code::kFail, "cannot write '{}': {}", target_.string(), std::strerror(errno));
  }
  std::fclose(std::exchange(file_, nullptr));
  std::error_code error;
  fs::rename(temporary_, target_, error);
  if (error) {
    std::error_code ignored;
    fs::remove(temporary_, ignored);
    return fail(Code::kFail, "cannot write '{}': {}", target_.string(), error.message());
  }
  return {};
}

}  // namespace sardonyx
