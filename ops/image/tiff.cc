// TIFF through libtiff, which reads from memory by callbacks: every compression and colour space
// that it turns into 8-bit RGBA. The first picture of the file counts.
#include "base/shared_library.h"
#include "ops/image/decode.h"

#if __has_include(<tiffio.h>)
#include <tiffio.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace sardonyx {
namespace {

struct Tiff {
  decltype(&TIFFOpenOptionsAlloc) new_options = nullptr;
  decltype(&TIFFOpenOptionsFree) free_options = nullptr;
  decltype(&TIFFOpenOptionsSetErrorHandlerExtR) set_errors = nullptr;
  decltype(&TIFFOpenOptionsSetWarningHandlerExtR) set_warnings = nullptr;
  decltype(&TIFFClientOpenExt) open = nullptr;
  decltype(&TIFFClose) close = nullptr;
  decltype(&TIFFGetField) get_field = nullptr;
  decltype(&TIFFReadRGBAImageOriented) read = nullptr;
};

Result<Tiff> load() {
  const SharedLibrary library = TRY(SharedLibrary::open({"libtiff.so.6", "libtiff.so.5"}));
  Tiff tiff;
  TRY(library.find("TIFFOpenOptionsAlloc", tiff.new_options));
  TRY(library.find("TIFFOpenOptionsFree", tiff.free_options));
  TRY(library.find("TIFFOpenOptionsSetErrorHandlerExtR", tiff.set_errors));
  TRY(library.find("TIFFOpenOptionsSetWarningHandlerExtR", tiff.set_warnings));
  TRY(library.find("TIFFClientOpenExt", tiff.open));
  TRY(library.find("TIFFClose", tiff.close));
  TRY(library.find("TIFFGetField", tiff.get_field));
  TRY(library.find("TIFFReadRGBAImageOriented", tiff.read));
  return tiff;
}

struct Reader {
  Encoded bytes;
  uint64_t at = 0;
};

tmsize_t read_bytes(thandle_t client, void* dst, tmsize_t count) {
  auto& reader = *static_cast<Reader*>(client);
  if (reader.at >= reader.bytes.size() || count <= 0) return 0;
  const size_t taken = std::min(static_cast<size_t>(count), reader.bytes.size() - reader.at);
  std::memcpy(dst, reader.bytes.data() + reader.at, taken);
  reader.at += taken;
  return static_cast<tmsize_t>(taken);
}

toff_t seek(thandle_t client, toff_t offset, int whence) {
  auto& reader = *static_cast<Reader*>(client);
  if (whence == SEEK_CUR) offset += reader.at;
  if (whence == SEEK_END) offset += reader.bytes.size();
  return reader.at = offset;
}

// The library must not print.
int stay_silent(TIFF*, void*, const char*, const char*, va_list) { return 1; }

TIFF* open_memory(const Tiff& tiff, Reader& reader) {
  TIFFOpenOptions* options = tiff.new_options();
  if (options == nullptr) return nullptr;
  tiff.set_errors(options, stay_silent, nullptr);
  tiff.set_warnings(options, stay_silent, nullptr);
  TIFF* file = tiff.open(
      "picture", "rm", &reader, read_bytes,
      [](thandle_t, void*, tmsize_t) -> tmsize_t { return 0; }, seek, [](thandle_t) { return 0; },
      [](thandle_t client) -> toff_t { return static_cast<Reader*>(client)->bytes.size(); },
      nullptr, nullptr, options);
  tiff.free_options(options);
  return file;
}

}  // namespace

Result<Picture> decode_tiff(Encoded encoded) {
  static const Result<Tiff> tiff = load();
  if (!tiff) return tl::unexpected(tiff.error());
  Reader reader{encoded};
  const std::unique_ptr<TIFF, decltype(&TIFFClose)> file(open_memory(*tiff, reader), tiff->close);
  if (file == nullptr) return bad_picture("TIFF", "its header is broken");
  uint32_t width = 0, height = 0;
  tiff->get_field(file.get(), TIFFTAG_IMAGEWIDTH, &width);
  tiff->get_field(file.get(), TIFFTAG_IMAGELENGTH, &height);
  Picture picture = TRY(allocate_picture(width, height));
  const Tensor raster = TRY(Tensor::allocate(DType::kUint32, Shape{height, width}));
  if (tiff->read(file.get(), width, height, raster.as<uint32_t>(), ORIENTATION_TOPLEFT, 1) == 0) {
    return bad_picture("TIFF", "its data is broken, or of a kind that libtiff does not read");
  }
  uint8_t* rgb = picture.as<uint8_t>();
  for (const uint32_t pixel : raster.elements<uint32_t>()) {
    *rgb++ = TIFFGetR(pixel);
    *rgb++ = TIFFGetG(pixel);
    *rgb++ = TIFFGetB(pixel);
  }
  return picture;
}

}  // namespace sardonyx

#else

namespace sardonyx {
Result<Picture> decode_tiff(Encoded) { return no_decoder("TIFF", "libtiff-dev"); }
}  // namespace sardonyx

#endif
