// WebP through libwebp. Transparency is dropped.
#include "base/shared_library.h"
#include "ops/image/decode.h"

#if __has_include(<webp/decode.h>)
#include <webp/decode.h>

namespace sardonyx {
namespace {

struct Webp {
  decltype(&WebPGetInfo) info = nullptr;
  decltype(&WebPDecodeRGBInto) decode = nullptr;
};

Result<Webp> load() {
  const SharedLibrary library = TRY(SharedLibrary::open({"libwebp.so.7"}));
  Webp webp;
  TRY(library.find("WebPGetInfo", webp.info));
  TRY(library.find("WebPDecodeRGBInto", webp.decode));
  return webp;
}

}  // namespace

Result<Picture> decode_webp(Encoded encoded) {
  static const Result<Webp> webp = load();
  if (!webp) return tl::unexpected(webp.error());
  int width = 0, height = 0;
  if (webp->info(encoded.data(), encoded.size(), &width, &height) == 0) {
    return bad_picture("WebP", "its header is broken");
  }
  Picture picture = TRY(allocate_picture(width, height));
  if (webp->decode(encoded.data(), encoded.size(), picture.as<uint8_t>(), picture.bytes(),
                   3 * width) == nullptr) {
    return bad_picture("WebP", "its data is broken");
  }
  return picture;
}

}  // namespace sardonyx

#else

namespace sardonyx {
Result<Picture> decode_webp(Encoded) { return no_decoder("WebP", "libwebp-dev"); }
}  // namespace sardonyx

#endif
