"""Makes 8-bit models of exported ones with onnxruntime.quantization, cached:
quantize(cache, model, kind) -> path.

Kinds: qdq and qoperator (static, per channel, calibrated with pictures), dynamic.
"""

import logging
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "models"))
from cases import write_then_rename  # noqa: E402
from inputs import make_inputs  # noqa: E402

CALIBRATION_CASES = 4
TITLES = {"qdq": "QDQ", "qoperator": "QOperator", "dynamic": "dynamic"}


class Calibration:
    """The inputs of a few cases, each of another seed (make_inputs takes it from the name)."""

    def __init__(self, model):
        names = list(model["inputs"])
        symbols = model["cases"]["main"]
        self.cases = iter([
            make_inputs({**model, "cases": {name: symbols}}, name, names)
            for name in (f"calibration{index}" for index in range(CALIBRATION_CASES))])

    def get_next(self):
        return next(self.cases, None)


def write_quantized(source, path, model, kind):
    from onnxruntime import quantization
    logging.getLogger().setLevel(logging.ERROR)  # it advises to preprocess; files as they are
    if kind == "dynamic":
        quantization.quantize_dynamic(source, path, weight_type=quantization.QuantType.QInt8)
        return
    formats = {"qdq": quantization.QuantFormat.QDQ, "qoperator": quantization.QuantFormat.QOperator}
    quantization.quantize_static(source, path, Calibration(model), quant_format=formats[kind],
                                 per_channel=True,
                                 activation_type=quantization.QuantType.QUInt8,
                                 weight_type=quantization.QuantType.QInt8)


def quantize(cache, model, kind):
    """-> the entry of the 8-bit model, as Race takes it."""
    name = f"{model['name']}-{kind}"
    path = os.path.join(cache, "quantized", name, "model.onnx")
    if not os.path.exists(path):
        source = os.path.join(cache, model["source"], model["name"], "model.onnx")
        write_then_rename(path, lambda part: write_quantized(source, part, model, kind))
    return {**model, "name": name, "source": "quantized", "of": model["title"],
            "title": f"{model['title']}, {TITLES[kind]}"}
