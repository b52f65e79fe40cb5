"""ImageDecoder against Pillow, which made the pictures: each format, colour and depth."""

import io

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

import sardonyx


def decode(content, pixel_format="RGB"):
    node = helper.make_node("ImageDecoder", ["data"], ["image"], pixel_format=pixel_format)
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("data", onnx.TensorProto.UINT8, ["n"])],
        [helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["h", "w", "c"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    session = sardonyx.InferenceSession(model.SerializeToString())
    return session.run(None, {"data": np.frombuffer(content, np.uint8)})[0]


def picture(mode="RGB", size=(37, 23)):
    """Smooth and noisy parts, so that wrong chroma, order or stride shows."""
    random = np.random.default_rng(1)
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    bands = [x * 6, y * 9, (x + y) * 4]
    pixels = np.stack(bands, -1).clip(0, 255)
    pixels[: height // 2] = (pixels[: height // 2] + random.integers(0, 40, 3)).clip(0, 255)
    return Image.fromarray(pixels.astype(np.uint8), "RGB").convert(mode)


def encoded(image, **how):
    stream = io.BytesIO()
    image.save(stream, **how)
    return stream.getvalue()


FORMATS = {
    "bmp": ("RGB", {"format": "BMP"}),
    "bmp palette": ("P", {"format": "BMP"}),
    "bmp bits": ("1", {"format": "BMP"}),
    "bmp gray": ("L", {"format": "BMP"}),
    "jpeg": ("RGB", {"format": "JPEG", "quality": 90}),
    "jpeg 4:2:0": ("RGB", {"format": "JPEG", "subsampling": 2}),
    "jpeg 4:2:2": ("RGB", {"format": "JPEG", "subsampling": 1}),
    "jpeg progressive": ("RGB", {"format": "JPEG", "progressive": True}),
    "jpeg gray": ("L", {"format": "JPEG"}),
    "jpeg 2000": ("RGB", {"format": "JPEG2000"}),
    "jpeg 2000 lossy": ("RGB", {"format": "JPEG2000", "irreversible": True}),
    "jpeg 2000 bare": ("RGB", {"format": "JPEG2000", "no_jp2": True}),
    "jpeg 2000 gray": ("L", {"format": "JPEG2000"}),
    "png": ("RGB", {"format": "PNG"}),
    "png palette": ("P", {"format": "PNG"}),
    "png gray": ("L", {"format": "PNG"}),
    "png bits": ("1", {"format": "PNG"}),
    "png alpha": ("RGBA", {"format": "PNG"}),
    "pnm": ("RGB", {"format": "PPM"}),
    "pnm gray": ("L", {"format": "PPM"}),
    "pnm bits": ("1", {"format": "PPM"}),
    "tiff": ("RGB", {"format": "TIFF"}),
    "tiff lzw": ("RGB", {"format": "TIFF", "compression": "tiff_lzw"}),
    "tiff deflate": ("RGB", {"format": "TIFF", "compression": "tiff_adobe_deflate"}),
    "tiff gray": ("L", {"format": "TIFF"}),
    "tiff palette": ("P", {"format": "TIFF"}),
    "webp": ("RGB", {"format": "WEBP", "quality": 90}),
    "webp lossless": ("RGB", {"format": "WEBP", "lossless": True}),
}
# Lossy formats: the decoders of one bit stream may round differently.
LOSSY = {"jpeg": 3, "jpeg 4:2:0": 3, "jpeg 4:2:2": 3, "jpeg progressive": 3, "jpeg gray": 2,
         "jpeg 2000 lossy": 1, "webp": 3}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("pixel_format", ["RGB", "BGR", "Grayscale"])
def test_like_pillow(name, pixel_format):
    mode, how = FORMATS[name]
    content = encoded(picture(mode), **how)
    image = Image.open(io.BytesIO(content)).convert("RGB")
    expected = np.asarray(image)
    if pixel_format == "BGR":
        expected = expected[:, :, ::-1]
    if pixel_format == "Grayscale":
        expected = np.asarray(image.convert("L"))[:, :, None]
    got = decode(content, pixel_format)
    assert got.shape == expected.shape
    difference = np.abs(got.astype(int) - expected.astype(int))
    assert difference.max() <= LOSSY.get(name, 0)


def test_alpha_is_dropped():
    image = picture("RGBA")
    image.putalpha(Image.new("L", image.size, 77))
    np.testing.assert_array_equal(decode(encoded(image, format="PNG")),
                                  np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("name", FORMATS)
def test_broken_files_give_nothing_or_a_picture(name):
    """Cut and overwritten files: an empty picture, or what could be read, never a crash."""
    mode, how = FORMATS[name]
    content = encoded(picture(mode), **how)
    random = np.random.default_rng(2)
    for length in (2, 12, 30, len(content) // 2, len(content) - 1):
        assert decode(content[:length]).ndim == 3
    for _ in range(20):
        damaged = bytearray(content)
        for at in random.integers(0, len(damaged), 4):
            damaged[at] = random.integers(0, 256)
        assert decode(bytes(damaged)).shape[2] == 3
