"""Draws the demo's picture: three labelled panels, each with a part of it magnified."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from photograph import SCALE

PANEL_WIDTH = 510
GAP, LABEL_HEIGHT = 12, 40
# Side of the magnified part in pixels of the small picture; the panel shows each of them whole.
PART = 34
assert PANEL_WIDTH % (PART * SCALE) == 0
PAPER, INK, FRAME = (255, 255, 255), (24, 24, 24), (230, 60, 40)


def most_detailed_part(small):
    """Left upper corner of the PART x PART square with the strongest edges, away from the rim."""
    edges = np.asarray(small.convert("L").filter(ImageFilter.FIND_EDGES), np.float64)
    edges[:2], edges[-2:], edges[:, :2], edges[:, -2:] = 0, 0, 0, 0
    total = np.pad(edges.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums = (total[PART:, PART:] - total[:-PART, PART:] - total[PART:, :-PART]
            + total[:-PART, :-PART])
    y, x = np.unravel_index(np.argmax(sums), sums.shape)
    return int(x), int(y)


def magnified(picture, corner, scale):
    """The part of a picture that has `scale` times the pixels of the small one."""
    x, y = (side * scale for side in corner)
    part = picture.crop((x, y, x + PART * scale, y + PART * scale))
    return part.resize((PANEL_WIDTH, PANEL_WIDTH), Image.NEAREST)


def panel(picture, scale, corner, label):
    """One column: label, whole picture with the part framed, the part magnified."""
    whole = picture.resize([side * SCALE // scale for side in picture.size], Image.NEAREST)
    x, y = (side * SCALE for side in corner)
    ImageDraw.Draw(whole).rectangle((x - 2, y - 2, x + PART * SCALE + 1, y + PART * SCALE + 1),
                                    outline=FRAME, width=2)
    part = magnified(picture, corner, scale)
    height = round(whole.height * PANEL_WIDTH / whole.width)
    if whole.width != PANEL_WIDTH:
        whole = whole.resize((PANEL_WIDTH, height), Image.LANCZOS)
    column = Image.new("RGB", (PANEL_WIDTH, LABEL_HEIGHT + height + GAP + PANEL_WIDTH), PAPER)
    ImageDraw.Draw(column).text((0, 6), label, INK, ImageFont.load_default(24))
    column.paste(whole, (0, LABEL_HEIGHT))
    column.paste(part, (0, LABEL_HEIGHT + height + GAP))
    return column


def draw_comparison(small, bicubic, network, quality):
    """-> one picture; quality: PSNR in dB of "bicubic" and "network"."""
    corner = most_detailed_part(small)
    columns = [
        panel(small, 1, corner, f"small, {small.width} x {small.height}"),
        panel(bicubic, SCALE, corner, f"bicubic, {quality['bicubic']:.2f} dB"),
        panel(network, SCALE, corner, f"network, {quality['network']:.2f} dB"),
    ]
    width = GAP + sum(column.width + GAP for column in columns)
    sheet = Image.new("RGB", (width, columns[0].height + 2 * GAP), PAPER)
    for index, column in enumerate(columns):
        sheet.paste(column, (GAP + index * (PANEL_WIDTH + GAP), GAP))
    return sheet
