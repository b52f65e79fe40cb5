// JPEG 2000, boxed (JP2) or as a bare codestream, through OpenJPEG. Depths other than 8 bits are
// scaled, subsampled components repeated, YCC converted, transparency dropped.
#include "base/shared_library.h"
#include "ops/image/decode.h"

#if __has_include(<openjpeg-2.5/openjpeg.h>)
#include <openjpeg-2.5/openjpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace sardonyx {
namespace {

struct OpenJpeg {
  decltype(&opj_create_decompress) create = nullptr;
  decltype(&opj_destroy_codec) destroy_codec = nullptr;
  decltype(&opj_set_default_decoder_parameters) set_defaults = nullptr;
  decltype(&opj_setup_decoder) setup = nullptr;
  decltype(&opj_stream_default_create) new_stream = nullptr;
  decltype(&opj_stream_destroy) destroy_stream = nullptr;
  decltype(&opj_stream_set_read_function) set_read = nullptr;
  decltype(&opj_stream_set_skip_function) set_skip = nullptr;
  decltype(&opj_stream_set_seek_function) set_seek = nullptr;
  decltype(&opj_stream_set_user_data) set_data = nullptr;
  decltype(&opj_stream_set_user_data_length) set_length = nullptr;
  decltype(&opj_read_header) read_header = nullptr;
  decltype(&opj_decode) decode = nullptr;
  decltype(&opj_image_destroy) destroy_image = nullptr;
};

Result<OpenJpeg> load() {
  const SharedLibrary library = TRY(SharedLibrary::open({"libopenjp2.so.7"}));
  OpenJpeg opj;
  TRY(library.find("opj_create_decompress", opj.create));
  TRY(library.find("opj_destroy_codec", opj.destroy_codec));
  TRY(library.find("opj_set_default_decoder_parameters", opj.set_defaults));
  TRY(library.find("opj_setup_decoder", opj.setup));
  TRY(library.find("opj_stream_default_create", opj.new_stream));
  TRY(library.find("opj_stream_destroy", opj.destroy_stream));
  TRY(library.find("opj_stream_set_read_function", opj.set_read));
  TRY(library.find("opj_stream_set_skip_function", opj.set_skip));
  TRY(library.find("opj_stream_set_seek_function", opj.set_seek));
  TRY(library.find("opj_stream_set_user_data", opj.set_data));
  TRY(library.find("opj_stream_set_user_data_length", opj.set_length));
  TRY(library.find("opj_read_header", opj.read_header));
  TRY(library.find("opj_decode", opj.decode));
  TRY(library.find("opj_image_destroy", opj.destroy_image));
  return opj;
}

struct Reader {
  Encoded bytes;
  size_t at = 0;
};

OPJ_SIZE_T read_bytes(void* dst, OPJ_SIZE_T count, void* data) {
  auto& reader = *static_cast<Reader*>(data);
  const size_t taken = std::min<size_t>(count, reader.bytes.size() - reader.at);
  if (taken == 0) return static_cast<OPJ_SIZE_T>(-1);
  std::memcpy(dst, reader.bytes.data() + reader.at, taken);
  reader.at += taken;
  return taken;
}

OPJ_BOOL seek(OPJ_OFF_T at, void* data) {
  auto& reader = *static_cast<Reader*>(data);
  if (at < 0 || static_cast<size_t>(at) > reader.bytes.size()) return OPJ_FALSE;
  reader.at = static_cast<size_t>(at);
  return OPJ_TRUE;
}

OPJ_OFF_T skip(OPJ_OFF_T count, void* data) {
  const auto at = static_cast<OPJ_OFF_T>(static_cast<Reader*>(data)->at);
  return seek(at + count, data) == OPJ_TRUE ? count : -1;
}

// The sample of a component for a pixel of the picture, in 8 bits.
int sample(const opj_image_comp_t& component, uint32_t x, uint32_t y) {
  const uint32_t column = std::min(x / std::max(component.dx, 1u), component.w - 1);
  const uint32_t row = std::min(y / std::max(component.dy, 1u), component.h - 1);
  int value = component.data[size_t{row} * component.w + column];
  const int depth = static_cast<int>(component.prec);
  if (component.sgnd != 0) value += 1 << (depth - 1);
  return std::clamp(depth > 8 ? value >> (depth - 8) : value << (8 - depth), 0, 255);
}

uint8_t to_byte(double value) { return static_cast<uint8_t>(std::clamp(value + 0.5, 0.0, 255.0)); }

Result<Picture> to_picture(const opj_image_t& image) {
  if (image.numcomps == 0) return bad_picture("JPEG 2000", "it has no components");
  for (uint32_t i = 0; i < image.numcomps; ++i) {
    const opj_image_comp_t& component = image.comps[i];
    if (component.data == nullptr || component.w == 0 || component.h == 0 || component.prec == 0 ||
        component.prec > 31) {
      return bad_picture("JPEG 2000", "a component has no samples");
    }
  }
  const uint32_t width = image.x1 - image.x0;
  const uint32_t height = image.y1 - image.y0;
  Picture picture = TRY(allocate_picture(width, height));
  const bool is_color = image.numcomps >= 3;
  uint8_t* rgb = picture.as<uint8_t>();
  for (uint32_t y = 0; y < height; ++y) {
    for (uint32_t x = 0; x < width; ++x, rgb += 3) {
      const int a = sample(image.comps[0], x, y);
      const int b = is_color ? sample(image.comps[1], x, y) : a;
      const int c = is_color ? sample(image.comps[2], x, y) : a;
      if (is_color && image.color_space == OPJ_CLRSPC_SYCC) {
        rgb[0] = to_byte(a + 1.402 * (c - 128));
        rgb[1] = to_byte(a - 0.344136 * (b - 128) - 0.714136 * (c - 128));
        rgb[2] = to_byte(a + 1.772 * (b - 128));
      } else {
        rgb[0] = static_cast<uint8_t>(a);
        rgb[1] = static_cast<uint8_t>(b);
        rgb[2] = static_cast<uint8_t>(c);
      }
    }
  }
  return picture;
}

}  // namespace

Result<Picture> decode_jpeg2000(Encoded encoded) {
  static const Result<OpenJpeg> loaded = load();
  if (!loaded) return tl::unexpected(loaded.error());
  const OpenJpeg& opj = *loaded;
  Reader reader{encoded};
  const std::unique_ptr<opj_stream_t, decltype(&opj_stream_destroy)> stream(
      opj.new_stream(OPJ_TRUE), opj.destroy_stream);
  const bool is_bare = encoded[0] == 0xff;
  const std::unique_ptr<opj_codec_t, decltype(&opj_destroy_codec)> codec(
      opj.create(is_bare ? OPJ_CODEC_J2K : OPJ_CODEC_JP2), opj.destroy_codec);
  if (stream == nullptr || codec == nullptr) return bad_picture("JPEG 2000", "out of memory");
  opj.set_read(stream.get(), read_bytes);
  opj.set_skip(stream.get(), skip);
  opj.set_seek(stream.get(), seek);
  opj.set_data(stream.get(), &reader, nullptr);
  opj.set_length(stream.get(), encoded.size());
  opj_dparameters_t parameters{};
  opj.set_defaults(&parameters);
  opj_image_t* header = nullptr;
  if (opj.setup(codec.get(), &parameters) == OPJ_FALSE ||
      opj.read_header(stream.get(), codec.get(), &header) == OPJ_FALSE) {
    return bad_picture("JPEG 2000", "its header is broken");
  }
  const std::unique_ptr<opj_image_t, decltype(&opj_image_destroy)> image(header, opj.destroy_image);
  TRY(allocate_picture(int64_t{image->x1} - image->x0, int64_t{image->y1} - image->y0));
  if (opj.decode(codec.get(), stream.get(), image.get()) == OPJ_FALSE) {
    return bad_picture("JPEG 2000", "its data is broken");
  }
  return to_picture(*image);
}

}  // namespace sardonyx

#else

namespace sardonyx {
Result<Picture> decode_jpeg2000(Encoded) { return no_decoder("JPEG 2000", "libopenjp2-7-dev"); }
}  // namespace sardonyx

#endif
