#include "ops/image/decode.h"

#include <cstring>
#include <string_view>

namespace sardonyx {
namespace {

constexpr int64_t kMaxPixels = int64_t{1} << 28;

bool starts_with(Encoded encoded, std::string_view bytes, size_t at = 0) {
  return encoded.size() >= at + bytes.size() &&
         std::memcmp(encoded.data() + at, bytes.data(), bytes.size()) == 0;
}

bool is_tiff(Encoded encoded) {
  using std::string_view;
  return starts_with(encoded, string_view("II*\0", 4)) ||
         starts_with(encoded, string_view("MM\0*", 4)) ||
         starts_with(encoded, string_view("II+\0", 4)) ||
         starts_with(encoded, string_view("MM\0+", 4));
}

bool is_pnm(Encoded encoded) {
  return encoded.size() > 2 && encoded[0] == 'P' && encoded[1] >= '1' && encoded[1] <= '7';
}

}  // namespace

Result<Picture> allocate_picture(int64_t width, int64_t height) {
  if (width < 1 || height < 1 || width > kMaxPixels / height) {
    return fail(Code::kInvalidArgument, "the picture has {} x {} pixels, expected 1 to {}", width,
                height, kMaxPixels);
  }
  return Tensor::allocate(DType::kUint8, Shape{height, width, 3});
}

Result<Picture> decode_picture(Encoded encoded) {
  if (starts_with(encoded, "\xff\xd8")) return decode_jpeg(encoded);
  if (starts_with(encoded, "\x89PNG\r\n\x1a\n")) return decode_png(encoded);
  if (starts_with(encoded, "RIFF") && starts_with(encoded, "WEBP", 8)) return decode_webp(encoded);
  if (starts_with(encoded, "jP  \r\n\x87\n", 4)) return decode_jpeg2000(encoded);
  if (starts_with(encoded, "\xff\x4f\xff\x51")) return decode_jpeg2000(encoded);
  if (is_tiff(encoded)) return decode_tiff(encoded);
  if (starts_with(encoded, "BM")) return decode_bmp(encoded);
  if (is_pnm(encoded)) return decode_pnm(encoded);
  return fail(Code::kInvalidArgument, "the first bytes are of no known picture format");
}

}  // namespace sardonyx
