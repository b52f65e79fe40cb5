// WireReader: iterates the fields of one protobuf message and gives their values, with every
// length, wire type, depth and total checked. Failures leave as a ReadFailure exception, which only
// the reader's entry points catch (through reading()) and turn into an Error.
#pragma once

#include <protozero/pbf_reader.hpp>

#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "model/read_model.h"

namespace sardonyx {

struct ReadFailure {
  Error error;
};

// External data files that were opened while reading one model.
struct ExternalFiles {
  std::filesystem::path folder;         // empty: there is none
  std::filesystem::path second_folder;  // where the model file really lies, behind a link
  std::vector<std::pair<std::string, Bytes>> open;
};

// What all messages of one read share: the bytes, the limits and what is used of them.
struct ReadContext {
  const Bytes& bytes;
  const ReadOptions& options;
  ExternalFiles external;
  std::vector<std::string> warnings;
  int depth = 0;
  int64_t nodes = 0;
  int64_t decoded_bytes = 0;

  // Takes `size` bytes out of max_decoded_bytes before they are allocated.
  void charge(size_t size, const char* where);
  // Adds an element to a vector, charged.
  template <class T>
  T& add(std::vector<T>& list, const char* where) {
    charge(sizeof(T), where);
    return list.emplace_back();
  }
  std::string place(const char* where) const;  // "byte 123"
  [[noreturn]] void fail_at(const char* where, Code code, std::string message) const;
};

// Counts one level of nesting while it lives.
class Nesting {
 public:
  Nesting(ReadContext& context, const char* where);
  ~Nesting() { --context_.depth; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  ReadContext& context_;
};

class WireReader {
 public:
  // `message` is the name that errors use, `bytes` a part of context.bytes.
  WireReader(ReadContext& context, const char* message, std::string_view bytes)
      : context_(context), message_(message), fields_(bytes.data(), bytes.size()) {
    position_ = bytes.data();
  }

  bool next();  // to the next field; false at the end
  uint32_t tag() const { return fields_.tag(); }
  void skip();  // the value of a field nobody knows

  std::string_view view(const char* field);
  std::string text(const char* field);
  int64_t integer(const char* field);
  float float32(const char* field);
  // Repeated numbers, one or a packed run of them.
  void append(std::vector<int32_t>& list, const char* field);
  void append(std::vector<int64_t>& list, const char* field);
  void append(std::vector<uint64_t>& list, const char* field);
  void append(std::vector<float>& list, const char* field);
  void append(std::vector<double>& list, const char* field);

  bool is_packed() const {
    return fields_.wire_type() == protozero::pbf_wire_type::length_delimited;
  }
  ReadContext& context() { return context_; }
  [[noreturn]] void fail(const char* field, Code code, std::string what) const;

 private:
  void expect(const char* field, protozero::pbf_wire_type type) const;
  template <class T>
  void append_packed_varints(std::vector<T>& list, const char* field);
  template <class T>
  void append_packed_fixed(std::vector<T>& list, const char* field);

  ReadContext& context_;
  const char* message_;
  protozero::pbf_reader fields_;
  const char* position_ = nullptr;  // of the current field's tag
};

// Runs `read` and turns what it throws into an Error.
template <class Read>
auto reading(Read&& read) -> Result<decltype(read())> {
  try {
    return std::forward<Read>(read)();
  } catch (ReadFailure& failure) {
    return tl::unexpected<Error>(std::move(failure.error));
  } catch (const std::bad_alloc&) {
    return fail(Code::kRuntimeException, "out of memory while reading a model");
  }
}

// The value of a Result inside the reader.
template <class T>
T take(Result<T>&& result) {
  if (!result) throw ReadFailure{std::move(result.error())};
  return std::move(*result);
}

}  // namespace sardonyx
