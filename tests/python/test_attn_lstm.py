"""AttnLSTM, beside ONNX Runtime."""

import numpy as np
import pytest
from beside_oracle import check, make_model, random

import sardonyx

F32, I32 = np.float32, np.int32
STEPS, BATCH, INPUT, HIDDEN, MEMORY, DEPTH, SIZE, LAYER = 4, 3, 5, 6, 7, 4, 3, 2


def inputs_of(directions, layer=False, lengths=False, memory_lengths=False, states=False,
              peepholes=False, bias=True):
    width = INPUT + (LAYER if layer else DEPTH)
    some = iter(range(100))

    def weights(*shape):
        return random(directions, *shape, seed=next(some), scale=0.5)

    return [
        random(STEPS, BATCH, INPUT, seed=200),
        weights(4 * HIDDEN, width),
        weights(4 * HIDDEN, HIDDEN),
        weights(8 * HIDDEN) if bias else None,
        np.array([4, 1, 3], I32) if lengths else None,
        weights(BATCH, HIDDEN) if states else None,
        weights(BATCH, HIDDEN) if states else None,
        weights(3 * HIDDEN) if peepholes else None,
        weights(HIDDEN, SIZE),
        weights(DEPTH, SIZE),
        weights(SIZE),
        random(BATCH, MEMORY, DEPTH, seed=201),
        np.array([7, 2, 5], I32) if memory_lengths else None,
        weights(DEPTH + HIDDEN, LAYER) if layer else None,
    ]


CONSTANT = (1, 2, 3, 8, 9, 10, 13)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("layer", [False, True])
@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize("memory_lengths", [False, True])
@pytest.mark.parametrize("states", [False, True])
def test_attention(direction, layer, lengths, memory_lengths, states):
    inputs = inputs_of(2 if direction == "bidirectional" else 1, layer, lengths, memory_lengths,
                       states, peepholes=states, bias=not states)
    while inputs[-1] is None:
        inputs.pop()
    constants = [i for i in CONSTANT if i < len(inputs) and inputs[i] is not None]
    check("AttnLSTM", inputs, [F32] * 3, constants=constants, hidden_size=HIDDEN,
          direction=direction)


@pytest.mark.parametrize(
    "attrs",
    [
        {"activations": ["HardSigmoid", "Relu", "Softsign"], "activation_alpha": [0.3],
         "activation_beta": [0.4]},
        {"clip": 0.3},
        {"input_forget": 1},
    ],
)
def test_attributes(attrs):
    inputs = inputs_of(1, layer=True)
    constants = [i for i in CONSTANT if inputs[i] is not None]
    check("AttnLSTM", inputs, [F32] * 3, constants=constants, hidden_size=HIDDEN, **attrs)


@pytest.mark.parametrize(
    "change, message",
    [
        ({8: None}, "input 8 is not"),
        ({12: np.array([7, 8, 5], I32)}, r"memory_seq_lens\[1\] is 8"),
        ({1: random(1, 4 * HIDDEN, INPUT)}, "directions, gates x hidden, input"),
        ({11: random(BATCH + 1, MEMORY, DEPTH)}, "batch of X and M"),
        ({13: random(1, DEPTH, LAYER)}, "dim 1 of AW"),
    ],
)
def test_errors(change, message):
    inputs = inputs_of(1, layer=True)
    for index, array in change.items():
        inputs[index] = array
    model, feeds = make_model("AttnLSTM", inputs, [F32], {"hidden_size": HIDDEN})
    with pytest.raises(Exception, match=message):
        sardonyx.InferenceSession(model).run(None, feeds)
