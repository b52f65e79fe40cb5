// Bytes: a read-only view of memory with (shared) ownership. map_file turns a file into Bytes
// without reading it: pages come from the page cache when touched and cost no private memory.
// Entry points: map_file, Bytes::borrow.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace sardonyx {

struct Bytes {
  const char* data = nullptr;
  size_t size = 0;
  std::shared_ptr<void> owner;  // null: the caller keeps the memory alive and unchanged

  std::string_view view() const { return {data, size}; }
  // `view` must outlive everything made from the result.
  static Bytes borrow(std::string_view view) { return {view.data(), view.size(), nullptr}; }
  // Part of the bytes with the same owner. The caller has checked the range.
  Bytes slice(size_t offset, size_t count) const { return {data + offset, count, owner}; }
};

// Maps a regular file read-only (small files are read instead). An empty file gives size 0. Fails
// with kNoSuchFile when there is none and kFail when it cannot be read. A file that another program
// shortens while it is mapped makes reads of the lost part fault, as with every mapping: replace
// model files, never truncate them; FileWriter does so.
Result<Bytes> map_file(const std::filesystem::path& path);

// Whether these are the Bytes of a mapped file.
bool is_mapped_file(const std::shared_ptr<void>& owner);

// Lets go of the memory of pages that lie between data and data + size if they are those of a
// mapped file, whose Bytes have this owner; they come back from the file when they are touched.
// Other memory stays as it is.
void release_pages(const std::shared_ptr<void>& owner, const void* data, size_t size);

// The same of all pages of the file.
void release_pages(const std::shared_ptr<void>& owner);

// Maps `name`, a relative path, below `folder`. Fails when the name is absolute, has "..", or leads
// through a symbolic link to a place below neither `folder` nor `second_folder` (may be empty).
Result<Bytes> map_file_below(const std::filesystem::path& folder, std::string_view name,
                             const std::filesystem::path& second_folder = {});

}  // namespace sardonyx
