// ImageDecoder: the bytes of an encoded picture → uint8 [height, width, channels]. What cannot be
// decoded gives an empty picture, as the specification has it; a missing library is an error.
#include "ops/image/decode.h"
#include "ops/op.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

enum class PixelFormat : uint8_t { kRgb, kBgr, kGray };

Result<PixelFormat> read_format(const AttrMap& attrs) {
  const std::string& name = attrs.get_string("pixel_format");
  if (name == "RGB") return PixelFormat::kRgb;
  if (name == "BGR") return PixelFormat::kBgr;
  if (name == "Grayscale") return PixelFormat::kGray;
  return fail(Code::kInvalidArgument, "pixel_format is '{}', expected 'RGB', 'BGR' or 'Grayscale'",
              name);
}

Result<void> infer_image_decoder(InferContext& context) {
  TRY(expect_rank(context, 0, 1));
  const PixelFormat format = TRY(read_format(context.attrs()));
  context.set_output(0, DType::kUint8,
                     {Dim::unknown(), Dim::unknown(), Dim(format == PixelFormat::kGray ? 1 : 3)});
  return {};
}

// ITU-R BT.601's luma, in 16-bit fixed point.
uint8_t luma(const uint8_t* rgb) {
  return static_cast<uint8_t>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
}

void write_pixels(const Picture& picture, PixelFormat format, uint8_t* dst) {
  const auto rgb = picture.elements<uint8_t>();
  for (size_t i = 0; i < rgb.size(); i += 3) {
    if (format == PixelFormat::kGray) {
      *dst++ = luma(&rgb[i]);
    } else {
      for (size_t k = 0; k < 3; ++k) {
        *dst++ = rgb[i + (format == PixelFormat::kBgr ? 2 - k : k)];
      }
    }
  }
}

Result<std::unique_ptr<Kernel>> make_image_decoder(const KernelRequest& request) {
  const PixelFormat format = TRY(read_format(request.node.attrs));
  return make_kernel([format](RunArgs& args) {
    const int64_t channels = format == PixelFormat::kGray ? 1 : 3;
    const auto picture = decode_picture(args.inputs[0].elements<const uint8_t>());
    if (!picture) {
      if (picture.error().code == Code::kNotImplemented) {
        return args.report(picture.error().code, picture.error().message);
      }
      args.allocate(0, DType::kUint8, Shape{0, 0, channels});
      return;
    }
    const TensorView dst =
        args.allocate(0, DType::kUint8, Shape{picture->shape()[0], picture->shape()[1], channels});
    if (!args.failed()) write_pixels(*picture, format, dst.as<uint8_t>());
  });
}

}  // namespace

OpDef op_ImageDecoder() {
  OpDef op;
  op.versions = {20};
  op.inputs = {{"encoded_stream", "T1", dtype_set(DType::kUint8)}};
  op.outputs = {{"image", "T2", dtype_set(DType::kUint8)}};
  op.attrs = {string_attr("pixel_format", "RGB")};
  op.infer = infer_image_decoder;
  op.kernels = {{"decode", make_image_decoder}};
  return op;
}

}  // namespace sardonyx
