"""What the programs are given: pictures of text, sounds, a file of each kind; and where results go."""

import sys

import numpy as np


def save(**results):
    """Writes what a program found to the file that its command line names."""
    np.savez(sys.argv[1], **{name: np.asarray(value) for name, value in results.items()})


def picture_of(lines, size=(640, 300), font_size=40):
    """Dark text on a light ground, uint8 [height, width, 3]."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", size, (246, 244, 238))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(font_size)
    for row, line in enumerate(lines):
        draw.text((24, 20 + row * int(font_size * 1.7)), line, fill=(24, 26, 30), font=font)
    return np.asarray(picture)


def shapes_picture(size=400):
    """Disks, bars and noise: nothing that a detector knows, so that its raw scores are compared."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size] / size
    disk = (rows - 0.4) ** 2 + (columns - 0.5) ** 2 < 0.04
    bars = (np.sin(columns * 40) > 0.5) & (rows > 0.7)
    picture = np.stack([disk * 0.8, bars * 0.6 + disk * 0.5, rows], axis=-1)
    return ((picture * 0.8 + rng.random((size, size, 3)) * 0.2) * 255).astype(np.uint8)


def voice_like(rate=16000, seconds=3):
    """Pulses through two resonances, in phrases: what a detector of voices takes for one."""
    rng = np.random.default_rng(1)
    time = np.arange(rate * seconds) / rate
    pitch = np.cumsum(120 + 25 * np.sin(2 * np.pi * 0.7 * time)) / rate
    pulses = (np.diff(np.floor(pitch), prepend=0) > 0).astype(np.float64)
    sound = np.zeros_like(time)
    for frequency, width in ((700, 90), (1200, 110), (2500, 160)):
        ring = np.exp(-np.pi * width * time[:800]) * np.sin(2 * np.pi * frequency * time[:800])
        sound += np.convolve(pulses, ring)[: len(time)]
    phrases = np.sin(2 * np.pi * 0.6 * time) > -0.3
    return (sound / np.abs(sound).max() * phrases * 0.5 + rng.standard_normal(len(time)) * 1e-3).astype(
        np.float32
    )


THAI = "ทดสอบการตัดคำภาษาไทยด้วยโครงข่ายประสาทเทียมและดูว่าผลลัพธ์เหมือนกันหรือไม่"
