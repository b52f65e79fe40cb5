"""Runs operators of onnxruntime-extensions: client.py LIBRARY OPERATORS FOLDER. Calls the C ABI by ctypes."""

import ctypes
import sys
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_void_p
from pathlib import Path

from onnx import TensorProto, helper, save

API_VERSION = 24
STRING = TensorProto.STRING


class Api:
    def __init__(self, path):
        library = ctypes.CDLL(path)
        library.OrtGetApiBase.restype = POINTER(c_void_p)
        base = library.OrtGetApiBase()
        table = ctypes.CFUNCTYPE(c_void_p, c_uint32)(base[0])(API_VERSION)
        self.table = ctypes.cast(table, POINTER(c_void_p))

    def entry(self, index, result, *types):
        return ctypes.CFUNCTYPE(result, *types)(self.table[index])

    def call(self, index, types, *arguments):
        status = self.entry(index, c_void_p, *types)(*arguments)
        if status:
            raise RuntimeError(self.entry(2, c_char_p, c_void_p)(status).decode())

    def made(self, index, types, *arguments):
        handle = c_void_p()
        self.call(index, [*types, POINTER(c_void_p)], *arguments, byref(handle))
        return handle


def string_model(operator, path):
    node = helper.make_node(operator, ["x"], ["y"], domain="ai.onnx.contrib")
    values = [helper.make_tensor_value_info(name, STRING, ["N"]) for name in ("x", "y")]
    graph = helper.make_graph([node], operator, values[:1], values[1:])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.contrib", 1)]
    save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def run_strings(api, env, operators, model, texts):
    options = api.made(10, [])
    api.call(228, [c_void_p, c_char_p], options, operators.encode())  # RegisterCustomOpsLibrary_V2
    session = api.made(7, [c_void_p, c_char_p, c_void_p], env, str(model).encode(), options)
    allocator = api.made(78, [])
    shape = (c_int64 * 1)(len(texts))
    value = api.made(48, [c_void_p, POINTER(c_int64), c_size_t, c_int], allocator, shape, 1, STRING)
    pointers = (c_char_p * len(texts))(*(text.encode() for text in texts))
    api.call(52, [c_void_p, POINTER(c_char_p), c_size_t], value, pointers, len(texts))
    outputs = (c_void_p * 1)()
    types = [c_void_p, c_void_p, POINTER(c_char_p), POINTER(c_void_p), c_size_t, POINTER(c_char_p), c_size_t]
    x, y = (c_char_p * 1)(b"x"), (c_char_p * 1)(b"y")
    api.call(9, [*types, POINTER(c_void_p)], session, None, x, (c_void_p * 1)(value), 1, y, 1, outputs)
    results = []
    for index in range(len(texts)):
        length = c_size_t()
        api.call(127, [c_void_p, c_size_t, POINTER(c_size_t)], outputs[0], index, byref(length))
        buffer = ctypes.create_string_buffer(length.value)
        api.call(128, [c_void_p, c_size_t, c_size_t, c_void_p], outputs[0], length.value, index, buffer)
        results.append(buffer.raw[: length.value].decode())
    for handle in (outputs[0], value):
        api.entry(96, None, c_void_p)(handle)
    api.entry(95, None, c_void_p)(session)
    api.entry(100, None, c_void_p)(options)
    return results


def main(library, operators, folder):
    api = Api(library)
    env = api.made(3, [c_int, c_char_p], 3, b"extensions")
    for operator, change in (("StringUpper", str.upper), ("StringLower", str.lower)):
        model = Path(folder) / f"{operator}.onnx"
        string_model(operator, model)
        texts = ["Green Beans", "", "something else"]
        got = run_strings(api, env, operators, model, texts)
        assert got == [change(text) for text in texts], got
        print("ok", operator)
    api.entry(92, None, c_void_p)(env)


main(*sys.argv[1:])
