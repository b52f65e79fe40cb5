#include "apps/cli/picture.h"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <memory>

// jpeglib.h needs FILE declared before it.
#include <jpeglib.h>

namespace sardonyx::cli {
namespace {

using Path = std::filesystem::path;

constexpr int kMaxSide = 65535;

tl::unexpected<Error> bad_picture(const Path& path, const std::string& what) {
  return tl::unexpected(Error{Code::kInvalidArgument, what, path.string()});
}

std::string lower_extension(const Path& path) {
  std::string extension = path.extension().string();
  for (char& letter : extension) letter = static_cast<char>(std::tolower(letter));
  return extension;
}

struct CloseFile {
  void operator()(FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<FILE, CloseFile>;

Result<Picture> read_png(const Path& path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_file(&image, path.c_str()) == 0) {
    return bad_picture(path, fmt::format("not a readable PNG: {}", image.message));
  }
  image.format = PNG_FORMAT_RGB;
  if (image.width > kMaxSide || image.height > kMaxSide) {
    png_image_free(&image);
    return bad_picture(path, "the picture is larger than 65535 pixels on a side");
  }
  Picture picture;
  picture.width = static_cast<int>(image.width);
  picture.height = static_cast<int>(image.height);
  picture.rgb.resize(PNG_IMAGE_SIZE(image));
  const png_color black{0, 0, 0};
  if (png_image_finish_read(&image, &black, picture.rgb.data(), 0, nullptr) == 0) {
    return bad_picture(path, fmt::format("not a readable PNG: {}", image.message));
  }
  return picture;
}

struct JpegErrors {
  jpeg_error_mgr base;
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
};

void leave_jpeg(j_common_ptr codec) {
  auto* errors = reinterpret_cast<JpegErrors*>(codec->err);
  codec->err->format_message(codec, errors->message);
  std::longjmp(errors->escape, 1);
}

// Nothing with a destructor lives in this function: libjpeg leaves it by longjmp.
bool decode_jpeg(FILE* file, Picture* picture, JpegErrors* errors) {
  jpeg_decompress_struct codec;
  codec.err = jpeg_std_error(&errors->base);
  errors->base.error_exit = leave_jpeg;
  errors->base.output_message = [](j_common_ptr) {};
  if (setjmp(errors->escape) != 0) {
    jpeg_destroy_decompress(&codec);
    return false;
  }
  jpeg_create_decompress(&codec);
  jpeg_stdio_src(&codec, file);
  jpeg_read_header(&codec, TRUE);
  codec.out_color_space = JCS_RGB;
  jpeg_start_decompress(&codec);
  picture->width = static_cast<int>(codec.output_width);
  picture->height = static_cast<int>(codec.output_height);
  const size_t stride = size_t{3} * codec.output_width;
  picture->rgb.resize(stride * codec.output_height);
  while (codec.output_scanline < codec.output_height) {
    JSAMPROW row = picture->rgb.data() + stride * codec.output_scanline;
    jpeg_read_scanlines(&codec, &row, 1);
  }
  jpeg_finish_decompress(&codec);
  jpeg_destroy_decompress(&codec);
  return true;
}

Result<Picture> read_jpeg(const Path& path, FILE* file) {
  Picture picture;
  JpegErrors errors{};
  if (!decode_jpeg(file, &picture, &errors)) {
    return bad_picture(path, fmt::format("not a readable JPEG: {}", errors.message));
  }
  return picture;
}

// Where the picture goes in the tensor.
struct Layout {
  bool channels_last = false;
  int64_t channels = 3;
  int64_t height = -1;  // -1: any
  int64_t width = -1;
  bool batch = true;
};

Result<Layout> layout_of(const ArgInfo& input) {
  const size_t rank = input.dims.size();
  if (input.kind != ArgInfo::Kind::kTensor || !input.has_rank || (rank != 3 && rank != 4)) {
    return tl::unexpected(Error{Code::kInvalidArgument,
                                "takes no picture: expected a tensor of rank 3 or 4",
                                "input '" + input.name + "'"});
  }
  Layout layout;
  layout.batch = rank == 4;
  const size_t first = rank - 3;
  const auto is_channels = [&](size_t axis) {
    return input.dims[axis].value == 1 || input.dims[axis].value == 3;
  };
  layout.channels_last = !is_channels(first) && is_channels(first + 2);
  const size_t channel_axis = layout.channels_last ? first + 2 : first;
  const size_t height_axis = layout.channels_last ? first : first + 1;
  if (is_channels(channel_axis)) layout.channels = input.dims[channel_axis].value;
  layout.height = input.dims[height_axis].value;
  layout.width = input.dims[height_axis + 1].value;
  return layout;
}

Picture resized(const Picture& picture, int width, int height) {
  Picture result{
      width, height,
      std::vector<uint8_t>(size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(height))};
  const auto source = [](int index, int count, int old_count) {
    const float at = (static_cast<float>(index) + 0.5f) * static_cast<float>(old_count) /
                         static_cast<float>(count) -
                     0.5f;
    return std::clamp(at, 0.0f, static_cast<float>(old_count - 1));
  };
  for (int y = 0; y < height; ++y) {
    const float fy = source(y, height, picture.height);
    const int y0 = static_cast<int>(fy), y1 = std::min(y0 + 1, picture.height - 1);
    for (int x = 0; x < width; ++x) {
      const float fx = source(x, width, picture.width);
      const int x0 = static_cast<int>(fx), x1 = std::min(x0 + 1, picture.width - 1);
      const float wy = fy - static_cast<float>(y0), wx = fx - static_cast<float>(x0);
      for (int c = 0; c < 3; ++c) {
        const auto pixel = [&](int px, int py) {
          return static_cast<float>(
              picture.rgb[(static_cast<size_t>(py) * static_cast<size_t>(picture.width) +
                           static_cast<size_t>(px)) *
                              3 +
                          static_cast<size_t>(c)]);
        };
        const float top = pixel(x0, y0) * (1 - wx) + pixel(x1, y0) * wx;
        const float bottom = pixel(x0, y1) * (1 - wx) + pixel(x1, y1) * wx;
        result.rgb[(static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)) *
                       3 +
                   static_cast<size_t>(c)] =
            static_cast<uint8_t>(std::lround(top * (1 - wy) + bottom * wy));
      }
    }
  }
  return result;
}

// One channel of one pixel, 0..255; grey by the weights of ITU-R BT.601.
float sample(const Picture& picture, size_t pixel, int64_t channel, int64_t channels) {
  const uint8_t* rgb = picture.rgb.data() + pixel * 3;
  if (channels == 1) return 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2];
  return rgb[channel];
}

template <class T, class Convert>
void fill(T* dst, const Picture& picture, const Layout& layout, const Convert& convert) {
  const size_t pixels = static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height);
  for (size_t pixel = 0; pixel < pixels; ++pixel) {
    for (int64_t c = 0; c < layout.channels; ++c) {
      const size_t at = layout.channels_last
                            ? pixel * static_cast<size_t>(layout.channels) + static_cast<size_t>(c)
                            : static_cast<size_t>(c) * pixels + pixel;
      dst[at] = convert(sample(picture, pixel, c, layout.channels), static_cast<size_t>(c));
    }
  }
}

Result<void> check_size(const Picture& picture, const Layout& layout, const ArgInfo& input) {
  if ((layout.height < 0 || layout.height == picture.height) &&
      (layout.width < 0 || layout.width == picture.width)) {
    return {};
  }
  return tl::unexpected(
      Error{Code::kInvalidArgument,
            fmt::format("takes pictures of {} x {} pixels (width x height), this one has {} x {}; "
                        "add --resize, or --shape where the model takes any size",
                        layout.width < 0 ? "any" : std::to_string(layout.width),
                        layout.height < 0 ? "any" : std::to_string(layout.height), picture.width,
                        picture.height),
            "input '" + input.name + "'"});
}

}  // namespace

bool is_picture(const Path& path) {
  const std::string extension = lower_extension(path);
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

Result<Picture> read_picture(const Path& path) {
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file) {
    return tl::unexpected(Error{Code::kNoSuchFile,
                                fmt::format("cannot be opened: {}", std::strerror(errno)),
                                path.string()});
  }
  return lower_extension(path) == ".png" ? read_png(path) : read_jpeg(path, file.get());
}

Result<Tensor> picture_tensor(const Picture& given, const ArgInfo& input,
                              const PictureOptions& options) {
  const Layout layout = TRY(layout_of(input));
  Picture scaled;
  if (options.resize) {
    scaled = resized(given, layout.width < 0 ? given.width : static_cast<int>(layout.width),
                     layout.height < 0 ? given.height : static_cast<int>(layout.height));
  }
  const Picture& picture = options.resize ? scaled : given;
  TRY(check_size(picture, layout, input));
  Shape shape = layout.channels_last ? Shape{picture.height, picture.width, layout.channels}
                                     : Shape{layout.channels, picture.height, picture.width};
  if (layout.batch) shape.insert(0, 1);
  if (input.dtype != DType::kFloat32 && input.dtype != DType::kUint8) {
    return tl::unexpected(Error{
        Code::kInvalidArgument,
        fmt::format("is {}; pictures go into float32 and uint8 inputs", dtype_name(input.dtype)),
        "input '" + input.name + "'"});
  }
  Tensor tensor = TRY(Tensor::allocate(input.dtype, shape));
  if (input.dtype == DType::kUint8) {
    fill(tensor.as<uint8_t>(), picture, layout,
         [](float value, size_t) { return static_cast<uint8_t>(std::lround(value)); });
    return tensor;
  }
  fill(tensor.as<float>(), picture, layout, [&](float value, size_t channel) {
    value /= 255;
    if (channel < options.mean.size()) value -= options.mean[channel];
    if (channel < options.standard_deviation.size()) value /= options.standard_deviation[channel];
    return value;
  });
  return tensor;
}

}  // namespace sardonyx::cli
