// Mapping of files behind base/mapped_file.h: mmap where there is one, else the file is read.
#include "base/mapped_file.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "base/memory.h"

#if defined(_WIN32)
#include <fstream>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace sardonyx {
namespace {

namespace fs = std::filesystem;

// Below this a mapping costs more than a copy, and a copy cannot fault.
constexpr size_t kReadInstead = 64 * 1024;

Result<Bytes> allocate_for(const fs::path& path, size_t size) {
  Bytes bytes;
  void* data = std::malloc(size == 0 ? 1 : size);
  if (data == nullptr) {
    return fail(Code::kRuntimeException, "out of memory: '{}' has {} bytes", path.string(), size);
  }
  bytes.owner = std::shared_ptr<void>(data, [](void* owned) { std::free(owned); });
  bytes.data = static_cast<const char*>(data);
  bytes.size = size;
  return bytes;
}

#if defined(_WIN32)

Result<Bytes> open_and_map(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return fail(Code::kNoSuchFile, "cannot open '{}'", path.string());
  Bytes bytes = TRY(allocate_for(path, static_cast<size_t>(size)));
  file.read(const_cast<char*>(bytes.data), static_cast<std::streamsize>(size));
  if (file.gcount() != static_cast<std::streamsize>(size)) {
    return fail(Code::kFail, "cannot read all of '{}'", path.string());
  }
  return bytes;
}

#else

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<Bytes> read_all(const fs::path& path, int fd, size_t size) {
  Bytes bytes = TRY(allocate_for(path, size));
  size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(fd, const_cast<char*>(bytes.data) + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return fail(Code::kFail, "cannot read '{}' beyond byte {} of {}: {}", path.string(), done,
                  size, got < 0 ? std::strerror(errno) : "the file became shorter");
    }
    done += static_cast<size_t>(got);
  }
  return bytes;
}

struct Unmap {
  size_t size;
  void operator()(void* mapped) const { ::munmap(mapped, size); }
};

Result<Bytes> open_and_map(const fs::path& path) {
  // O_NONBLOCK: opening a pipe must fail below, not wait for a writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    const int reason = errno;
    const bool missing = reason == ENOENT || reason == ENOTDIR;
    return fail(missing ? Code::kNoSuchFile : Code::kFail, "cannot open '{}': {}", path.string(),
                std::strerror(reason));
  }
  struct stat status = {};
  if (::fstat(file.get(), &status) != 0) {
    return fail(Code::kFail, "cannot examine '{}': {}", path.string(), std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(Code::kFail, "'{}' is {}, not a regular file", path.string(),
                S_ISDIR(status.st_mode) ? "a folder" : "a device or pipe");
  }
  const auto size = static_cast<size_t>(status.st_size);
  if (size < kReadInstead) return read_all(path, file.get(), size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) {
    return fail(Code::kFail, "cannot map the {} bytes of '{}': {}", size, path.string(),
                std::strerror(errno));
  }
  Bytes bytes;
  bytes.data = static_cast<const char*>(data);
  bytes.size = size;
  bytes.owner = std::shared_ptr<void>(data, Unmap{size});
  return bytes;
}

#endif

// Whether `path` is `folder` or below it; both canonical.
bool is_below(const fs::path& path, const fs::path& folder) {
  auto part = path.begin();
  for (const fs::path& expected : folder) {
    if (expected.empty()) continue;  // a trailing separator
    if (part == path.end() || *part != expected) return false;
    ++part;
  }
  return true;
}

}  // namespace

Result<Bytes> map_file(const fs::path& path) { return open_and_map(path); }

#if defined(_WIN32)
bool is_mapped_file(const std::shared_ptr<void>&) { return false; }
void release_pages(const std::shared_ptr<void>&, const void*, size_t) {}
void release_pages(const std::shared_ptr<void>&) {}
#else
bool is_mapped_file(const std::shared_ptr<void>& owner) {
  return std::get_deleter<Unmap>(owner) != nullptr;
}
void release_pages(const std::shared_ptr<void>& owner, const void* data, size_t size) {
  if (!is_mapped_file(owner)) return;
  let_pages_go(const_cast<void*>(data), size);
}
void release_pages(const std::shared_ptr<void>& owner) {
  const Unmap* unmap = std::get_deleter<Unmap>(owner);
  if (unmap != nullptr) let_pages_go(owner.get(), unmap->size);
}
#endif

Result<Bytes> map_file_below(const fs::path& folder, std::string_view name,
                             const fs::path& second_folder) {
  if (name.empty() || name.find('\0') != std::string_view::npos) {
    return fail(Code::kInvalidArgument, "a file name is empty or has a zero byte");
  }
  const fs::path relative(name);
  if (relative.is_absolute() || relative.has_root_path()) {
    return fail(Code::kInvalidArgument, "file name '{}' is absolute; it must be relative to '{}'",
                name, folder.string());
  }
  for (const fs::path& part : relative) {
    if (part == "..") {
      return fail(Code::kInvalidArgument, "file name '{}' leaves the folder '{}' through '..'",
                  name, folder.string());
    }
  }
  std::error_code error;
  const fs::path root = fs::canonical(folder.empty() ? fs::path(".") : folder, error);
  if (error) return fail(Code::kNoSuchFile, "no folder '{}'", folder.string());
  const fs::path target = fs::canonical(root / relative, error);
  if (error) {
    return fail(Code::kNoSuchFile, "cannot open '{}': {}", (folder / relative).string(),
                error.message());
  }
  bool inside = is_below(target, root);
  if (!inside && !second_folder.empty()) {
    const fs::path second_root = fs::canonical(second_folder, error);
    inside = !error && is_below(target, second_root);
  }
  if (!inside) {
    return fail(Code::kInvalidArgument,
                "file '{}' is a symbolic link that leads out of the folder '{}'", name,
                folder.string());
  }
  return open_and_map(target);
}

}  // namespace sardonyx
