"""Makes a drawn case wrong, mostly: one to three changes to its attributes, inputs or outputs.
Entry point: mutate."""

import numpy as np

NUMBERS = (-(2**63), 2**63 - 1, 2**62, -(2**31), 2**31, 2**32, -1, 0, 1, 2, 3, 7, 100, 10**6, 10**9)
REALS = (float("nan"), float("inf"), float("-inf"), -1.0, 0.0, 1e38, 1e-45, -0.5, 1e9)
TEXTS = ("", "bogus", "ÄÖ", "x" * 1000, "linear", "NONE", "->", "a\0b")
DTYPES = (np.float32, np.float64, np.float16, np.int32, np.int64, np.uint8, np.int8, np.bool_, object)


def _value_like(draw, value):
    if isinstance(value, bool | int):
        return draw.pick(*NUMBERS)
    if isinstance(value, float):
        return draw.pick(*REALS)
    return draw.pick(*TEXTS)


def _attribute(draw, case):
    if not case.attrs or draw.chance(0.05):
        case.attrs["surprise"] = draw.pick(1, 2.0, "three", [1, 2])
        return
    name = draw.pick(*case.attrs)
    value = case.attrs[name]
    what = draw.int(0, 9)
    if what == 0:
        del case.attrs[name]
    elif what == 1:
        case.attrs[name] = draw.pick(1, 2.0, "three", [1, 2], [0.5], ["a"])
    elif isinstance(value, list) and value:
        value = list(value)
        place = draw.int(0, len(value) - 1)
        if what == 2:
            del value[place]
        elif what == 3:
            value.append(value[place])
        elif what == 4:
            value = value * 5
        else:
            value[place] = _value_like(draw, value[place])
        if value:
            case.attrs[name] = value
        else:
            del case.attrs[name]
    elif isinstance(value, int | float | str):
        case.attrs[name] = _value_like(draw, value)


def _elements(draw, array):
    """The same array with other numbers in it."""
    array = array.copy()
    if array.size and array.dtype.kind in "iu":
        bounds = np.iinfo(array.dtype)
        for _ in range(draw.int(1, 2)):
            number = min(max(draw.pick(*NUMBERS), bounds.min), bounds.max)
            array[np.unravel_index(draw.int(0, array.size - 1), array.shape)] = number
    return array


def _shape(draw, array):
    what = draw.int(0, 6)
    if what == 0:
        return array[np.newaxis]
    if what == 1:
        return array[..., np.newaxis]
    if what == 2:
        return array.reshape(-1)
    if what == 3:
        return np.asarray(array.reshape(-1)[0]) if array.size else array[np.newaxis]
    if array.ndim == 0:
        return np.resize(array, (draw.int(0, 3),))
    axis = draw.int(0, array.ndim - 1)
    if what == 4:
        return array.take(range(0), axis)
    if what == 5:
        return np.concatenate([array, array], axis)
    return array.take(range(array.shape[axis] - 1), axis)


def _input(draw, case):
    given = [i for i, value in enumerate(case.inputs) if isinstance(value, np.ndarray)]
    if not given:
        return
    place = draw.pick(*given)
    array = case.inputs[place]
    what = draw.int(0, 9)
    if what == 0:
        case.inputs[place] = None
    elif what == 1:
        case.inputs.append(draw.array(draw.pick(*DTYPES[:-1]), draw.shape()))
    elif what == 2:
        case.inputs = case.inputs[:place]
    elif what in (3, 4):
        dtype = draw.pick(*DTYPES)
        case.inputs[place] = (draw.array(object, array.shape) if dtype is object or
                              array.dtype == object else array.astype(dtype))  # fmt: skip
    elif what in (5, 6) and array.dtype.kind in "iu":
        case.inputs[place] = _elements(draw, array)
    else:
        case.inputs[place] = _shape(draw, array)
    if draw.chance(0.2):
        case.constants = tuple({*case.constants, place})
    case.constants = tuple(i for i in case.constants
                           if i < len(case.inputs) and case.inputs[i] is not None)


def mutate(draw, case):
    with np.errstate(all="ignore"):
        for _ in range(draw.int(1, 3)):
            what = draw.int(0, 10)
            if what < 5:
                _attribute(draw, case)
            elif what < 10:
                _input(draw, case)
            else:
                case.outputs = draw.pick(case.outputs + (True,), case.outputs[:-1] + (True,) * 3)
    return case
