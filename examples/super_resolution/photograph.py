"""What "small", "enlarged" and "PSNR" mean in this example; demo.py and train.py share it.

A photograph becomes its luma (Y of Pillow's YCbCr, 8 bit) and is made small with Pillow's
antialiased bicubic filter. PSNR is taken on Y over the whole picture, both sides rounded to 8 bit.
"""

import numpy as np
from PIL import Image

SCALE = 3
# The four convolutions see 2 + 1 + 1 + 1 pixels to each side. The picture is extended by so many
# (its edge repeated) so that no output pixel depends on the zeros a convolution pads with.
MARGIN = 5


def crop_to_scale(picture):
    """Cuts the right and lower rest, so that both sides are multiples of SCALE."""
    width, height = (side - side % SCALE for side in picture.size)
    return picture.crop((0, 0, width, height))


def shrink(picture):
    """A picture whose sides are multiples of SCALE -> the picture at 1/SCALE."""
    width, height = picture.size
    return picture.resize((width // SCALE, height // SCALE), Image.BICUBIC)


def enlarge_bicubic(picture):
    width, height = picture.size
    return picture.resize((width * SCALE, height * SCALE), Image.BICUBIC)


def network_input(luma):
    """Small 8-bit luma [h,w] -> float32 [1,1,h+2*MARGIN,w+2*MARGIN] in 0..1, edges repeated."""
    extended = np.pad(np.asarray(luma, np.float32) / 255, MARGIN, mode="edge")
    return extended[None, None]


def network_picture(output):
    """The network's output for network_input(luma) -> 8-bit luma picture, SCALE times as large."""
    edge = MARGIN * SCALE
    inner = output[0, 0, edge:-edge, edge:-edge]
    return Image.fromarray(np.rint(np.clip(inner, 0, 1) * 255).astype(np.uint8))


def psnr(expected, got):
    """Peak signal to noise ratio in dB of two 8-bit pictures of one channel."""
    difference = np.asarray(expected, np.float64) - np.asarray(got, np.float64)
    mean_square = np.mean(difference**2)
    return np.inf if mean_square == 0 else 10 * np.log10(255**2 / mean_square)
