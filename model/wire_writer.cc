// The message writer behind model/wire_writer.h.
#include "model/wire_writer.h"

#include <cstring>

namespace sardonyx {
namespace {

enum class WireType : uint8_t { kVarint = 0, kBytes = 2, kFixed32 = 5 };

uint64_t key(uint32_t tag, WireType type) { return tag << 3 | static_cast<uint32_t>(type); }

// Room left for the length of a message that is not known yet; what is not needed is closed up.
constexpr size_t kLengthRoom = 5;

size_t encode_varint(uint64_t value, char* bytes) {
  size_t size = 0;
  for (; value >= 0x80; value >>= 7) bytes[size++] = static_cast<char>(value | 0x80);
  bytes[size++] = static_cast<char>(value);
  return size;
}

}  // namespace

WireWriter::WireWriter(WireWriter& parent, uint32_t tag)
    : out_(parent.out_), parent_(&parent), begin_(0) {
  add_varint(key(tag, WireType::kBytes));
  out_.append(kLengthRoom, '\0');
  begin_ = out_.size();
}

WireWriter::~WireWriter() {
  if (parent_ == nullptr) return;
  const size_t size = out_.size() - begin_;
  char length[10];
  const size_t length_size = encode_varint(size, length);
  // A message beyond 2^35 bytes is refused by the caller, which looks at the total.
  if (length_size > kLengthRoom) return;
  char* start = out_.data() + begin_ - kLengthRoom;
  std::memcpy(start, length, length_size);
  std::memmove(start + length_size, out_.data() + begin_, size);
  out_.resize(out_.size() - (kLengthRoom - length_size));
}

void WireWriter::add_varint(uint64_t value) {
  char bytes[10];
  out_.append(bytes, encode_varint(value, bytes));
}

void WireWriter::add_int64(uint32_t tag, int64_t value) {
  add_varint(key(tag, WireType::kVarint));
  add_varint(static_cast<uint64_t>(value));
}

void WireWriter::add_float(uint32_t tag, float value) {
  add_varint(key(tag, WireType::kFixed32));
  char bytes[sizeof(float)];
  std::memcpy(bytes, &value, sizeof(float));
  out_.append(bytes, sizeof(float));
}

void WireWriter::add_bytes(uint32_t tag, std::string_view bytes) {
  add_varint(key(tag, WireType::kBytes));
  add_varint(bytes.size());
  out_.append(bytes);
}

}  // namespace sardonyx
