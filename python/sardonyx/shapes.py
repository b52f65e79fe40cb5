"""Shape inference without a session: sardonyx.infer_shapes."""

import os

from . import _sardonyx


def infer_shapes(model, strict=False):
    """The model with the types and shapes of all its values in `value_info`, as far as they can be
    known without running it.

    `model` is an `onnx.ModelProto`, which comes back as a new one, or the bytes of one or the path of
    a file, which come back as bytes. With `strict`, an unknown operator, operands that do not fit
    their operator and declared types that disagree raise; otherwise such nodes are passed over.
    """
    folder = ""
    if isinstance(model, (bytes, bytearray)):
        content = bytes(model)
    elif isinstance(model, (str, os.PathLike)):
        with open(model, "rb") as file:
            content = file.read()
        folder = os.path.dirname(os.path.abspath(model))
    else:
        content = model.SerializeToString()
    inferred = _sardonyx.infer_shapes(content, folder, bool(strict))
    if isinstance(model, (bytes, bytearray, str, os.PathLike)):
        return inferred
    return type(model).FromString(inferred)
