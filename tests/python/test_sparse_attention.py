"""SparseAttention: beside ONNX Runtime, whose kernel writes into the caches that it is given, and
beside its definition for what that kernel does not take."""

import numpy as np
import onnxruntime
import pytest
from beside_oracle import check_same, make_model, oracle, random

import sardonyx

F32, I32 = np.float32, np.int32
HEADS, KV_HEADS, SIZE, BLOCK, BUFFER = 4, 2, 16, 16, 96


def layouts(count, blocks, seed=0):
    """Lower triangles in which a block sees itself, the first one, and some others."""
    rng = np.random.default_rng(seed)
    dense = np.tril(rng.integers(0, 2, (count, blocks, blocks))).astype(bool)
    dense[:, range(blocks), range(blocks)] = True
    return dense


def by_rows(dense):
    """The row and column indices that name what is true."""
    rows = np.concatenate([np.zeros((len(dense), 1), I32), dense.sum(2).cumsum(1)], 1)
    columns = np.full((len(dense), rows.max()), -1, I32)
    for layout, filled in zip(dense, columns):
        found = np.nonzero(layout)[1]
        filled[: len(found)] = found
    return rows.astype(I32), columns


def feeds_of(past, new, dense, packed=False, rotary=False, lengths=None, batch=2, dtype=F32):
    lengths = [past + new] * batch if lengths is None else lengths
    q = random(batch, new, HEADS * SIZE)
    k, v = (random(batch, new, KV_HEADS * SIZE, seed=seed) for seed in (1, 2))
    if packed:
        q, k, v = np.concatenate([q, k, v], 2), None, None
    caches = [random(batch, KV_HEADS, BUFFER, SIZE, seed=seed) for seed in (3, 4)]
    angles = np.arange(BUFFER)[:, None] / 10 ** np.arange(SIZE // 2)[None]
    turns = [np.cos(angles).astype(F32), np.sin(angles).astype(F32)] if rotary else []
    rows, columns = by_rows(dense)
    inputs = [q, k, v, *caches, rows, columns, np.array(past + new, I32), np.array(lengths, I32)]
    cast = [each if each is None or each.dtype == I32 else each.astype(dtype) for each in inputs]
    return cast + [each.astype(dtype) for each in turns]


def run_oracle(model, feeds):
    """The caches stand for past and present at once."""
    session = oracle(model)
    binding = session.io_binding()
    for name, array in feeds.items():
        value = onnxruntime.OrtValue.ortvalue_from_numpy(array.copy())
        binding.bind_ortvalue_input(name, value)
        if name in ("x3", "x4"):
            binding.bind_ortvalue_output({"x3": "y1", "x4": "y2"}[name], value)
    binding.bind_output("y0")
    session.run_with_iobinding(binding)
    return binding.copy_outputs_to_cpu()


ATTRS = {"num_heads": HEADS, "kv_num_heads": KV_HEADS, "sparse_block_size": BLOCK}


def beside(inputs, **attrs):
    wanted = None
    for dims in ("numbers", "symbols", "none"):
        model, feeds = make_model("SparseAttention", inputs, [F32] * 3, ATTRS | attrs, dims=dims)
        got = sardonyx.InferenceSession(model).run(None, feeds)
        if wanted is None:
            wanted = dict(zip(("y1", "y2", "y0"), run_oracle(model, feeds)))
        check_same(got[:1], [wanted["y0"]])
        check_same(got[1:], [wanted["y1"], wanted["y2"]])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("past, new", [(0, 70), (0, 5), (69, 1), (80, 1)])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_beside_oracle(packed, rotary, past, new, count):
    inputs = feeds_of(past, new, layouts(count, BUFFER // BLOCK), packed, rotary)
    beside(inputs, do_rotary=int(rotary))


def by_definition(inputs, dense, total, scale):
    """The output, from caches that hold everything: of items that are not packed or rotated."""
    q, _, _, keys, values = inputs[:5]
    batch, rows, _ = q.shape
    result = np.zeros(q.shape)
    for item, row, head in np.ndindex(batch, rows, HEADS):
        length = inputs[8][item]
        position = row if total == rows else length - rows + row
        columns = np.arange(position + 1)
        layout = dense[head % len(dense)]
        columns = columns[(columns < length) & layout[position // BLOCK, columns // BLOCK]]
        of_head = slice(head * SIZE, (head + 1) * SIZE)
        cache = keys[item, head * KV_HEADS // HEADS, columns].astype(np.float64)
        scores = cache @ q[item, row, of_head] * scale
        weights = np.exp(scores - scores.max())
        shown = values[item, head * KV_HEADS // HEADS, columns]
        result[item, row, of_head] = weights @ shown / weights.sum()
    return result.astype(F32)


@pytest.mark.parametrize("past, new, lengths", [(70, 1, [71, 40]), (40, 20, [55, 60])])
def test_lengths(past, new, lengths):
    """ONNX Runtime reads the scores of shorter items from where it did not write them."""
    dense = layouts(2, BUFFER // BLOCK)
    inputs = feeds_of(past, new, dense, lengths=lengths)
    model, feeds = make_model("SparseAttention", inputs, [F32] * 3, ATTRS | {"scale": 0.4})
    y, *caches = sardonyx.InferenceSession(model).run(None, feeds)
    for before, cache, added in zip(inputs[3:5], caches, inputs[1:3]):
        for item, length in enumerate(lengths):
            vectors = added[item].reshape(new, KV_HEADS, SIZE).transpose(1, 0, 2)
            before[item, :, length - new : length] = vectors
        np.testing.assert_array_equal(cache, before)
    check_same([y], [by_definition([*inputs[:3], *caches, *inputs[5:]], dense, past + new, 0.4)])


def test_scale():
    dense = layouts(2, BUFFER // BLOCK)
    beside(feeds_of(70, 1, dense), scale=0.4)
    beside(feeds_of(70, 1, dense, rotary=True), do_rotary=1, rotary_interleaved=1)


@pytest.mark.parametrize("change, message", [
    ({"num_heads": 5}, "not a multiple of 2 layouts"),
    ({"sparse_block_size": 0}, "sparse_block_size is 0"),
])
def test_wrong_attributes(change, message):
    inputs = feeds_of(0, 5, layouts(2, BUFFER // BLOCK))
    model, feeds = make_model("SparseAttention", inputs, [F32] * 3, ATTRS | change)
    with pytest.raises(Exception, match=message):
        sardonyx.InferenceSession(model).run(None, feeds)
