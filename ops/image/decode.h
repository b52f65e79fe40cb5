// Encoded pictures → pixels: one function per format. Each fails with kNotImplemented when the
// library that it needs is missing, and with another code when the bytes are no such picture.
// Entry point: decode_picture.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "base/tensor.h"

namespace sardonyx {

// uint8 [height, width, 3]: rows from the top, red first.
using Picture = Tensor;
using Encoded = std::span<const uint8_t>;

// Any format below, told by its first bytes.
Result<Picture> decode_picture(Encoded encoded);

Result<Picture> decode_bmp(Encoded encoded);
Result<Picture> decode_jpeg(Encoded encoded);
Result<Picture> decode_jpeg2000(Encoded encoded);
Result<Picture> decode_png(Encoded encoded);
Result<Picture> decode_pnm(Encoded encoded);
Result<Picture> decode_tiff(Encoded encoded);
Result<Picture> decode_webp(Encoded encoded);

// An unwritten picture; fails on sides that are not positive and on more than 2^28 pixels, which no
// camera takes and a few bytes of a file can ask for.
Result<Picture> allocate_picture(int64_t width, int64_t height);

// The error of a library that says why it cannot read the bytes.
inline tl::unexpected<Error> bad_picture(std::string_view format, std::string_view why) {
  return fail(Code::kInvalidArgument, "not a readable {}: {}", format, why);
}
// The error of a format that this build was made without.
inline tl::unexpected<Error> no_decoder(std::string_view format, std::string_view package) {
  return fail(Code::kNotImplemented,
              "this build reads no {}: it was made without the headers of {} (Debian package)",
              format, package);
}

}  // namespace sardonyx
