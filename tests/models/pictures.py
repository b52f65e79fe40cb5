"""Deterministic test pictures: random blotches of every size, with edges, like a photograph."""

import numpy as np


def blotches(random, height, width):
    """One channel, [height, width]: random grids from coarse to fine, coarse ones strongest."""
    picture = np.zeros((height, width), np.float32)
    cells = 2
    while cells <= max(height, width):
        grid = random.standard_normal((cells, cells), np.float32) / np.sqrt(cells)
        rows = np.arange(height) * cells // height
        columns = np.arange(width) * cells // width
        picture += np.roll(grid[rows][:, columns], random.integers(0, 16, 2), (0, 1))
        cells *= 2
    return picture


def picture_batch(random, shape):
    """float32 of any shape [N, C, H, W], about mean 0 and deviation 1, every picture different."""
    batch, channels, height, width = shape
    pictures = np.stack([[blotches(random, height, width) for _ in range(channels)]
                         for _ in range(batch)])
    shared = np.stack([blotches(random, height, width) for _ in range(batch)])[:, None]
    return ((pictures + 2 * shared) / 2.5).astype(np.float32)
