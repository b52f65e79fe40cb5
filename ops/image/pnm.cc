// Portable bitmaps, graymaps, pixmaps (P1 to P6) and P7 (PAM): a header of numbers in ASCII, then
// samples in ASCII (P1 to P3) or in binary. Samples are scaled to 8 bits.
#include <map>
#include <string>

#include "ops/image/decode.h"

namespace sardonyx {
namespace {

struct Header {
  int64_t width = 0;
  int64_t height = 0;
  int64_t depth = 1;  // samples per pixel
  int64_t largest = 1;
  bool is_text = false;
  bool is_bitmap = false;  // 1 is black, 8 pixels to a byte in binary
};

bool is_space(uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

class Reader {
 public:
  explicit Reader(Encoded bytes) : bytes_(bytes) {}

  size_t left() const { return bytes_.size() - at_; }
  const uint8_t* here() const { return bytes_.data() + at_; }
  void skip(size_t count) { at_ += count; }

  void skip_spaces() {
    while (left() > 0 && (is_space(*here()) || *here() == '#')) {
      if (*here() == '#') {
        while (left() > 0 && *here() != '\n') skip(1);
      } else {
        skip(1);
      }
    }
  }

  // A number of at most `most_digits`; -1 when there is none.
  int64_t number(int most_digits = 9) {
    skip_spaces();
    int64_t value = -1;
    for (int i = 0; i < most_digits && left() > 0 && *here() >= '0' && *here() <= '9'; ++i) {
      value = std::max<int64_t>(value, 0) * 10 + (*here() - '0');
      skip(1);
    }
    return value;
  }

  std::string word() {
    skip_spaces();
    std::string text;
    for (; left() > 0 && !is_space(*here()); skip(1)) text += static_cast<char>(*here());
    return text;
  }

 private:
  Encoded bytes_;
  size_t at_ = 0;
};

Header read_pam_header(Reader& reader) {
  std::map<std::string, int64_t> fields;
  for (;;) {
    const std::string name = reader.word();
    if (name.empty() || name == "ENDHDR") break;
    if (name == "TUPLTYPE") {
      reader.word();
    } else {
      fields[name] = reader.number();
    }
  }
  return {fields["WIDTH"], fields["HEIGHT"], fields["DEPTH"], fields["MAXVAL"]};
}

Header read_header(Reader& reader) {
  const int kind = reader.here()[1] - '0';
  reader.skip(2);
  Header header;
  if (kind == 7) {
    header = read_pam_header(reader);
  } else {
    header.is_text = kind <= 3;
    header.is_bitmap = kind == 1 || kind == 4;
    header.depth = kind == 3 || kind == 6 ? 3 : 1;
    header.width = reader.number();
    header.height = reader.number();
    if (!header.is_bitmap) header.largest = reader.number();
  }
  return header;
}

uint8_t scaled(int64_t value, int64_t largest) {
  value = std::min(value, largest);
  return static_cast<uint8_t>((value * 255 + largest / 2) / largest);
}

// One pixel after the other; `sample()` is the next sample in 8 bits, negative when there is none.
template <class Sample>
bool fill(const Header& header, const Picture& picture, Sample sample) {
  for (uint8_t* rgb = picture.as<uint8_t>(); rgb != picture.as<uint8_t>() + picture.bytes();
       rgb += 3) {
    for (int64_t k = 0; k < header.depth; ++k) {
      const int value = sample();
      if (value < 0) return false;
      if (k < 3) rgb[k] = static_cast<uint8_t>(value);
    }
    if (header.depth < 3) rgb[1] = rgb[2] = rgb[0];
  }
  return true;
}

bool fill_from_bits(const Header& header, const Picture& picture, const Reader& reader) {
  const auto row_bytes = static_cast<size_t>((header.width + 7) / 8);
  if (reader.left() / row_bytes < static_cast<size_t>(header.height)) return false;
  int64_t at = 0;
  return fill(header, picture, [&] {
    const auto row = static_cast<size_t>(at / header.width);
    const auto column = static_cast<size_t>(at % header.width);
    ++at;
    const uint8_t byte = reader.here()[row * row_bytes + column / 8];
    return (byte >> (7 - column % 8) & 1) != 0 ? 0 : 255;
  });
}

bool fill_from(const Header& header, const Picture& picture, Reader& reader) {
  if (header.is_text) {
    return fill(header, picture, [&]() -> int {
      const int64_t value = reader.number(header.is_bitmap ? 1 : 9);
      if (value < 0) return -1;
      return header.is_bitmap ? (value != 0 ? 0 : 255) : scaled(value, header.largest);
    });
  }
  reader.skip(std::min<size_t>(reader.left(), 1));  // the one white space after the header
  if (header.is_bitmap) return fill_from_bits(header, picture, reader);
  const size_t width = header.largest > 255 ? 2 : 1;  // bytes of a sample, the high one first
  return fill(header, picture, [&]() -> int {
    if (reader.left() < width) return -1;
    const int64_t value = width == 2 ? reader.here()[0] * 256 + reader.here()[1] : *reader.here();
    reader.skip(width);
    return scaled(value, header.largest);
  });
}

}  // namespace

Result<Picture> decode_pnm(Encoded encoded) {
  Reader reader(encoded);
  const Header header = read_header(reader);
  if (header.largest < 1 || header.largest > 65535 || header.depth < 1 || header.depth > 4) {
    return bad_picture("portable pixmap", "its header is broken");
  }
  // A pixel takes at least a bit: small files cannot ask for much memory.
  if (header.width > 0 && header.height > 0 &&
      header.height > static_cast<int64_t>(encoded.size()) * 8 / header.width) {
    return bad_picture("portable pixmap", "it ends early");
  }
  Picture picture = TRY(allocate_picture(header.width, header.height));
  if (!fill_from(header, picture, reader)) return bad_picture("portable pixmap", "it ends early");
  return picture;
}

}  // namespace sardonyx
