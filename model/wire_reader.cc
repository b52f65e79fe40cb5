// Field iteration and checks behind model/wire_reader.h.
#include "model/wire_reader.h"

#include <protozero/exception.hpp>

#include <algorithm>
#include <cstring>

namespace sardonyx {
namespace {

using protozero::pbf_wire_type;

std::string_view wire_type_name(pbf_wire_type type) {
  switch (type) {
    case pbf_wire_type::varint:
      return "a varint";
    case pbf_wire_type::fixed64:
      return "8 fixed bytes";
    case pbf_wire_type::length_delimited:
      return "a length and bytes";
    case pbf_wire_type::fixed32:
      return "4 fixed bytes";
    default:
      return "an unknown wire type";
  }
}

// Calls a protozero function and gives what it throws a message.
template <class Call>
auto checked(const WireReader& reader, const char* field, Call&& call) {
  try {
    return call();
  } catch (const protozero::end_of_buffer_exception&) {
    reader.fail(field, Code::kInvalidProtobuf, "the bytes end inside a value (truncated file?)");
  } catch (const protozero::varint_too_long_exception&) {
    reader.fail(field, Code::kInvalidProtobuf, "a varint has more than 10 bytes");
  } catch (const protozero::unknown_pbf_wire_type_exception&) {
    reader.fail(field, Code::kInvalidProtobuf, "unknown wire type");
  } catch (const protozero::invalid_tag_exception&) {
    reader.fail(field, Code::kInvalidProtobuf, "invalid field number");
  } catch (const protozero::exception& error) {
    reader.fail(field, Code::kInvalidProtobuf, error.what());
  }
}

}  // namespace

void ReadContext::charge(size_t size, const char* where) {
  const auto limit = static_cast<uint64_t>(std::max<int64_t>(options.max_decoded_bytes, 0));
  if (size > limit - static_cast<uint64_t>(decoded_bytes)) {
    fail_at(where, Code::kInvalidGraph,
            fmt::format("decoding needs more than the limit of {} bytes (ReadOptions"
                        "::max_decoded_bytes)",
                        limit));
  }
  decoded_bytes += static_cast<int64_t>(size);
}

std::string ReadContext::place(const char* where) const {
  return fmt::format("byte {}", where - bytes.data);
}

void ReadContext::fail_at(const char* where, Code code, std::string message) const {
  throw ReadFailure{Error{code, std::move(message), place(where)}};
}

Nesting::Nesting(ReadContext& context, const char* where) : context_(context) {
  if (context.depth >= context.options.max_depth) {
    context.fail_at(where, Code::kInvalidGraph,
                    fmt::format("nested more than {} levels deep (ReadOptions::max_depth)",
                                context.options.max_depth));
  }
  ++context.depth;
}

bool WireReader::next() {
  position_ = fields_.data().data();
  return checked(*this, nullptr, [&] { return fields_.next(); });
}

void WireReader::skip() {
  checked(*this, "unknown field", [&] { fields_.skip(); });
}

void WireReader::expect(const char* field, pbf_wire_type type) const {
  if (fields_.wire_type() == type) return;
  fail(field, Code::kInvalidProtobuf,
       fmt::format("expected {}, got {}", wire_type_name(type),
                   wire_type_name(fields_.wire_type())));
}

std::string_view WireReader::view(const char* field) {
  expect(field, pbf_wire_type::length_delimited);
  return checked(*this, field, [&] {
    const auto bytes = fields_.get_view();
    return std::string_view(bytes.data(), bytes.size());
  });
}

std::string WireReader::text(const char* field) {
  const std::string_view bytes = view(field);
  context_.charge(bytes.size(), position_);
  return std::string(bytes);
}

int64_t WireReader::integer(const char* field) {
  expect(field, pbf_wire_type::varint);
  return checked(*this, field, [&] { return fields_.get_int64(); });
}

float WireReader::float32(const char* field) {
  expect(field, pbf_wire_type::fixed32);
  return checked(*this, field, [&] { return fields_.get_float(); });
}

template <class T>
void WireReader::append_packed_varints(std::vector<T>& list, const char* field) {
  const std::string_view run = view(field);
  const auto count = static_cast<size_t>(
      std::count_if(run.begin(), run.end(), [](char byte) { return (byte & 0x80) == 0; }));
  context_.charge(count * sizeof(T), position_);
  if (list.empty()) list.reserve(count);  // later runs grow by doubling
  checked(*this, field, [&] {
    const char* data = run.data();
    const char* const end = data + run.size();
    while (data != end) list.push_back(static_cast<T>(protozero::decode_varint(&data, end)));
  });
}

template <class T>
void WireReader::append_packed_fixed(std::vector<T>& list, const char* field) {
  const std::string_view run = view(field);
  if (run.size() % sizeof(T) != 0) {
    fail(field, Code::kInvalidProtobuf,
         fmt::format("a packed run of {} bytes is no multiple of {}", run.size(), sizeof(T)));
  }
  context_.charge(run.size(), position_);
  const size_t old = list.size();
  list.resize(old + run.size() / sizeof(T));
  if (!run.empty()) std::memcpy(list.data() + old, run.data(), run.size());
}

void WireReader::append(std::vector<int32_t>& list, const char* field) {
  if (is_packed()) return append_packed_varints(list, field);
  context_.charge(sizeof(int32_t), position_);
  list.push_back(static_cast<int32_t>(integer(field)));
}

void WireReader::append(std::vector<int64_t>& list, const char* field) {
  if (is_packed()) return append_packed_varints(list, field);
  context_.charge(sizeof(int64_t), position_);
  list.push_back(integer(field));
}

void WireReader::append(std::vector<uint64_t>& list, const char* field) {
  if (is_packed()) return append_packed_varints(list, field);
  context_.charge(sizeof(uint64_t), position_);
  list.push_back(static_cast<uint64_t>(integer(field)));
}

void WireReader::append(std::vector<float>& list, const char* field) {
  if (is_packed()) return append_packed_fixed(list, field);
  context_.charge(sizeof(float), position_);
  list.push_back(float32(field));
}

void WireReader::append(std::vector<double>& list, const char* field) {
  if (is_packed()) return append_packed_fixed(list, field);
  expect(field, pbf_wire_type::fixed64);
  context_.charge(sizeof(double), position_);
  list.push_back(checked(*this, field, [&] { return fields_.get_double(); }));
}

void WireReader::fail(const char* field, Code code, std::string what) const {
  context_.fail_at(position_, code,
                   field == nullptr ? fmt::format("in {}: {}", message_, what)
                                    : fmt::format("in {}.{}: {}", message_, field, what));
}

}  // namespace sardonyx
