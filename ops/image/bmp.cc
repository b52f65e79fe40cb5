// Windows bitmaps: 1, 4, 8 (with a palette, perhaps run-length encoded), 16, 24 and 32 bits per
// pixel, with bit masks; rows from the bottom unless the height is negative.
#include <array>
#include <bit>
#include <optional>
#include <vector>

#include "ops/image/decode.h"

namespace sardonyx {
namespace {

enum Compression : uint32_t { kPlain = 0, kRuns8 = 1, kRuns4 = 2, kMasks = 3 };

struct Header {
  int64_t width = 0;
  int64_t height = 0;
  bool from_top = false;
  uint32_t bits = 0;
  uint32_t compression = kPlain;
  size_t pixels_at = 0;
  std::array<uint32_t, 3> masks{};  // red, green, blue
  std::vector<std::array<uint8_t, 3>> palette;
};

uint32_t little_endian(Encoded bytes, size_t at, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count && at + i < bytes.size(); ++i) {
    value |= static_cast<uint32_t>(bytes[at + i]) << (8 * i);
  }
  return value;
}

void read_palette(Encoded bytes, size_t at, size_t entry_bytes, size_t count, Header& header) {
  for (size_t i = 0; i < count && at + 3 <= bytes.size(); ++i, at += entry_bytes) {
    header.palette.push_back({bytes[at + 2], bytes[at + 1], bytes[at]});
  }
}

Result<Header> read_header(Encoded bytes) {
  Header header;
  header.pixels_at = little_endian(bytes, 10, 4);
  const uint32_t header_bytes = little_endian(bytes, 14, 4);
  const bool is_old = header_bytes == 12;
  if (bytes.size() < 26 || (!is_old && (header_bytes < 40 || bytes.size() < 54))) {
    return bad_picture("BMP", "its header is broken");
  }
  header.width = static_cast<int32_t>(little_endian(bytes, 18, is_old ? 2 : 4));
  header.height = static_cast<int32_t>(little_endian(bytes, is_old ? 20 : 22, is_old ? 2 : 4));
  header.bits = little_endian(bytes, is_old ? 24 : 28, 2);
  if (!is_old) header.compression = little_endian(bytes, 30, 4);
  header.from_top = header.height < 0;
  if (header.from_top) header.height = -header.height;
  size_t palette_at = 14 + size_t{header_bytes};
  header.masks = {0xff0000, 0xff00, 0xff};
  if (header.bits == 16) header.masks = {0x7c00, 0x3e0, 0x1f};
  if (header.compression == kMasks) {
    for (size_t i = 0; i < 3; ++i) header.masks[i] = little_endian(bytes, 54 + 4 * i, 4);
    if (header_bytes == 40) palette_at += 12;
    header.compression = kPlain;
  }
  if (header.bits <= 8) {
    const size_t stated = is_old ? 0 : little_endian(bytes, 46, 4);
    const size_t most = size_t{1} << header.bits;
    read_palette(bytes, palette_at, is_old ? 3 : 4, stated == 0 ? most : std::min(stated, most),
                 header);
  }
  return header;
}

uint8_t masked(uint32_t value, uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  const uint64_t largest = mask >> shift;
  return static_cast<uint8_t>(((value & mask) >> shift) * 255ull / largest);
}

class Canvas {
 public:
  Canvas(const Header& header, const Picture& picture) : header_(header), picture_(picture) {}

  // `row` as the file counts.
  bool set(int64_t column, int64_t row, const std::array<uint8_t, 3>& color) {
    if (column >= header_.width || row >= header_.height) return false;
    if (!header_.from_top) row = header_.height - 1 - row;
    uint8_t* rgb = picture_.as<uint8_t>() + (row * header_.width + column) * 3;
    for (size_t k = 0; k < 3; ++k) rgb[k] = color[k];
    return true;
  }
  bool set_index(int64_t column, int64_t row, uint32_t index) {
    if (index >= header_.palette.size()) return false;
    return set(column, row, header_.palette[index]);
  }

 private:
  const Header& header_;
  const Picture& picture_;
};

bool read_plain(const Header& header, Encoded bytes, Canvas& canvas) {
  const auto row_bytes = static_cast<size_t>((header.width * header.bits + 31) / 32 * 4);
  for (int64_t row = 0; row < header.height; ++row) {
    const size_t start = header.pixels_at + static_cast<size_t>(row) * row_bytes;
    const auto needed = static_cast<size_t>((header.width * header.bits + 7) / 8);
    if (start + needed > bytes.size()) return false;
    for (int64_t column = 0; column < header.width; ++column) {
      const auto bit = static_cast<size_t>(column) * header.bits;
      bool done;
      if (header.bits <= 8) {
        const uint32_t byte = bytes[start + bit / 8];
        const uint32_t index = byte >> (8 - header.bits - bit % 8) & ((1u << header.bits) - 1);
        done = canvas.set_index(column, row, index);
      } else {
        const uint32_t value = little_endian(bytes, start + bit / 8, header.bits / 8);
        done = canvas.set(column, row,
                          {masked(value, header.masks[0]), masked(value, header.masks[1]),
                           masked(value, header.masks[2])});
      }
      if (!done) return false;
    }
  }
  return true;
}

// Pairs (count, what); count 0 escapes: end of row, end of picture, a jump, or plain indices.
bool read_runs(const Header& header, Encoded bytes, Canvas& canvas) {
  const bool by_nibble = header.compression == kRuns4;
  int64_t column = 0;
  int64_t row = 0;
  const auto put = [&](uint32_t byte, uint32_t k) {
    const uint32_t index = by_nibble ? (k % 2 == 0 ? byte >> 4 : byte & 15) : byte;
    return canvas.set_index(column++, row, index);
  };
  size_t at = header.pixels_at;
  while (at + 2 <= bytes.size()) {
    const uint32_t count = bytes[at];
    const uint32_t what = bytes[at + 1];
    at += 2;
    if (count > 0) {
      for (uint32_t k = 0; k < count; ++k) {
        if (!put(what, k)) return false;
      }
    } else if (what == 0) {
      column = 0;
      ++row;
    } else if (what == 1) {
      return true;
    } else if (what == 2) {
      if (at + 2 > bytes.size()) return false;
      column += bytes[at];
      row += bytes[at + 1];
      at += 2;
    } else {
      const size_t used = by_nibble ? (what + 1) / 2 : what;
      if (at + used > bytes.size()) return false;
      for (uint32_t k = 0; k < what; ++k) {
        if (!put(bytes[at + (by_nibble ? k / 2 : k)], k)) return false;
      }
      at += (used + 1) / 2 * 2;
    }
  }
  return true;
}

}  // namespace

Result<Picture> decode_bmp(Encoded encoded) {
  const Header header = TRY(read_header(encoded));
  const bool has_runs = header.compression == kRuns8 || header.compression == kRuns4;
  const bool known_bits = header.bits == 1 || header.bits == 4 || header.bits == 8 ||
                          header.bits == 16 || header.bits == 24 || header.bits == 32;
  if (!known_bits || (header.compression != kPlain && !has_runs) ||
      (has_runs && header.bits != (header.compression == kRuns8 ? 8u : 4u))) {
    return bad_picture("BMP", "its kind of compression is unknown");
  }
  const Picture picture = TRY(allocate_picture(header.width, header.height));
  Canvas canvas(header, picture);
  const bool done =
      has_runs ? read_runs(header, encoded, canvas) : read_plain(header, encoded, canvas);
  if (!done) return bad_picture("BMP", "it ends early, or names colours that it does not have");
  return picture;
}

}  // namespace sardonyx
