// PNG through libpng's simplified interface. Transparency is dropped; colours are sRGB.
#include "base/shared_library.h"
#include "ops/image/decode.h"

#if __has_include(<png.h>)
#include <png.h>

namespace sardonyx {
namespace {

struct Png {
  decltype(&png_image_begin_read_from_memory) begin = nullptr;
  decltype(&png_image_finish_read) finish = nullptr;
  decltype(&png_image_free) free = nullptr;
};

Result<Png> load() {
  const SharedLibrary library = TRY(SharedLibrary::open({"libpng16.so.16"}));
  Png png;
  TRY(library.find("png_image_begin_read_from_memory", png.begin));
  TRY(library.find("png_image_finish_read", png.finish));
  TRY(library.find("png_image_free", png.free));
  return png;
}

}  // namespace

Result<Picture> decode_png(Encoded encoded) {
  static const Result<Png> png = load();
  if (!png) return tl::unexpected(png.error());
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png->begin(&image, encoded.data(), encoded.size()) == 0) {
    return bad_picture("PNG", image.message);
  }
  // Laying transparent pixels over a background is what RGB alone would ask for.
  image.format = PNG_FORMAT_RGBA;
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  auto picture = allocate_picture(image.width, image.height);
  auto pixels = Tensor::allocate(DType::kUint8, Shape{image.height, image.width, 4});
  if (!picture || !pixels) {
    png->free(&image);
    return tl::unexpected(picture ? std::move(pixels.error()) : std::move(picture.error()));
  }
  if (png->finish(&image, nullptr, pixels->data(), 0, nullptr) == 0) {
    return bad_picture("PNG", image.message);
  }
  uint8_t* rgb = picture->as<uint8_t>();
  const auto rgba = pixels->elements<uint8_t>();
  for (size_t i = 0; i < rgba.size(); i += 4) {
    for (size_t k = 0; k < 3; ++k) *rgb++ = rgba[i + k];
  }
  return picture;
}

}  // namespace sardonyx

#else

namespace sardonyx {
Result<Picture> decode_png(Encoded) { return no_decoder("PNG", "libpng-dev"); }
}  // namespace sardonyx

#endif
