// JPEG through libjpeg-turbo's TurboJPEG interface, with its smooth chroma upsampling.
#include "base/shared_library.h"
#include "ops/image/decode.h"

#if __has_include(<turbojpeg.h>)
#include <turbojpeg.h>

#include <memory>

namespace sardonyx {
namespace {

struct Turbo {
  decltype(&tjInitDecompress) init = nullptr;
  decltype(&tjDecompressHeader3) read_header = nullptr;
  decltype(&tjDecompress2) decompress = nullptr;
  decltype(&tjGetErrorStr2) message = nullptr;
  decltype(&tjDestroy) destroy = nullptr;
};

Result<Turbo> load() {
  const SharedLibrary library = TRY(SharedLibrary::open({"libturbojpeg.so.0"}));
  Turbo turbo;
  TRY(library.find("tjInitDecompress", turbo.init));
  TRY(library.find("tjDecompressHeader3", turbo.read_header));
  TRY(library.find("tjDecompress2", turbo.decompress));
  TRY(library.find("tjGetErrorStr2", turbo.message));
  TRY(library.find("tjDestroy", turbo.destroy));
  return turbo;
}

// C, M, Y, K, stored inverted as Adobe's programs do, to red, green, blue.
void cmyk_to_rgb(std::span<const uint8_t> cmyk, uint8_t* rgb) {
  for (size_t i = 0; i < cmyk.size(); i += 4) {
    for (size_t k = 0; k < 3; ++k) *rgb++ = static_cast<uint8_t>(cmyk[i + k] * cmyk[i + 3] / 255);
  }
}

}  // namespace

Result<Picture> decode_jpeg(Encoded encoded) {
  static const Result<Turbo> loaded = load();
  if (!loaded) return tl::unexpected(loaded.error());
  const std::unique_ptr<void, decltype(&tjDestroy)> decoder((*loaded).init(), (*loaded).destroy);
  if (decoder == nullptr) return bad_picture("JPEG", "out of memory");
  int width = 0, height = 0, subsampling = 0, colors = 0;
  if (loaded->read_header(decoder.get(), encoded.data(), encoded.size(), &width, &height,
                          &subsampling, &colors) != 0) {
    return bad_picture("JPEG", loaded->message(decoder.get()));
  }
  Picture picture = TRY(allocate_picture(width, height));
  const bool is_cmyk = colors == TJCS_CMYK || colors == TJCS_YCCK;
  Tensor cmyk;
  if (is_cmyk) cmyk = TRY(Tensor::allocate(DType::kUint8, Shape{height, width, 4}));
  if (loaded->decompress(decoder.get(), encoded.data(), encoded.size(),
                         is_cmyk ? cmyk.as<uint8_t>() : picture.as<uint8_t>(), width, 0, height,
                         is_cmyk ? TJPF_CMYK : TJPF_RGB, TJFLAG_ACCURATEDCT) != 0) {
    return bad_picture("JPEG", loaded->message(decoder.get()));
  }
  if (is_cmyk) cmyk_to_rgb(cmyk.elements<uint8_t>(), picture.as<uint8_t>());
  return picture;
}

}  // namespace sardonyx

#else

namespace sardonyx {
Result<Picture> decode_jpeg(Encoded) { return no_decoder("JPEG", "libturbojpeg0-dev"); }
}  // namespace sardonyx

#endif
