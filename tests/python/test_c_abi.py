"""libonnxruntime.so.1 as a scripting language sees it: loaded by name, called through pointers at fixed offsets."""

import ctypes
from ctypes import POINTER, byref, c_char_p, c_float, c_int, c_int64, c_size_t, c_uint32, c_void_p
from pathlib import Path

import pytest

import sardonyx

LIBRARY = Path(sardonyx.__file__).resolve().parents[2] / "lib" / "libonnxruntime.so.1"
MODEL = Path(__file__).resolve().parents[1] / "capi" / "add_mul.onnx"
API_VERSION = 14

pytestmark = pytest.mark.skipif(not LIBRARY.exists(), reason="no libonnxruntime.so.1 in this build")

# Index and parameters of the entries that are called, out of the table of API version 14.
ENTRIES = {
    "GetErrorMessage": (2, [c_void_p], c_char_p),
    "CreateEnv": (3, [c_int, c_char_p, POINTER(c_void_p)], c_void_p),
    "CreateSession": (7, [c_void_p, c_char_p, c_void_p, POINTER(c_void_p)], c_void_p),
    "Run": (
        9,
        [c_void_p, c_void_p, POINTER(c_char_p), POINTER(c_void_p), c_size_t, POINTER(c_char_p), c_size_t,
         POINTER(c_void_p)],
        c_void_p,
    ),
    "SessionGetInputCount": (30, [c_void_p, POINTER(c_size_t)], c_void_p),
    "CreateTensorWithDataAsOrtValue": (
        49,
        [c_void_p, c_void_p, c_size_t, POINTER(c_int64), c_size_t, c_int, POINTER(c_void_p)],
        c_void_p,
    ),
    "GetTensorMutableData": (51, [c_void_p, POINTER(c_void_p)], c_void_p),
    "CreateCpuMemoryInfo": (69, [c_int, c_int, POINTER(c_void_p)], c_void_p),
    "ReleaseEnv": (92, [c_void_p], None),
    "ReleaseStatus": (93, [c_void_p], None),
    "ReleaseMemoryInfo": (94, [c_void_p], None),
    "ReleaseSession": (95, [c_void_p], None),
    "ReleaseValue": (96, [c_void_p], None),
}  # fmt: skip


class Api:
    def __init__(self):
        library = ctypes.CDLL(str(LIBRARY))
        library.OrtGetApiBase.restype = POINTER(c_void_p)
        base = library.OrtGetApiBase()
        self.version = ctypes.CFUNCTYPE(c_char_p)(base[1])()
        table = ctypes.CFUNCTYPE(c_void_p, c_uint32)(base[0])(API_VERSION)
        pointers = ctypes.cast(table, POINTER(c_void_p))
        for name, (index, parameters, result) in ENTRIES.items():
            setattr(self, name, ctypes.CFUNCTYPE(result, *parameters)(pointers[index]))

    def check(self, status):
        if status:
            message = self.GetErrorMessage(status).decode()
            self.ReleaseStatus(status)
            raise RuntimeError(message)

    def made(self, function, *arguments):
        handle = c_void_p()
        self.check(function(*arguments, byref(handle)))
        return handle


def test_runs_a_model():
    api = Api()
    assert api.version.startswith(b"1.")
    env = api.made(api.CreateEnv, 2, b"ctypes")
    session = api.made(api.CreateSession, env, str(MODEL).encode(), None)
    count = c_size_t()
    api.check(api.SessionGetInputCount(session, byref(count)))
    assert count.value == 2

    memory = api.made(api.CreateCpuMemoryInfo, 0, 0)
    elements = (c_float * 4)(1, 2, 3, 4)
    shape = (c_int64 * 2)(2, 2)
    value = api.made(api.CreateTensorWithDataAsOrtValue, memory, elements, 16, shape, 2, 1)
    inputs = (c_void_p * 2)(value, value)
    outputs = (c_void_p * 1)()
    names, results = (c_char_p * 2)(b"x", b"y"), (c_char_p * 1)(b"z")
    api.check(api.Run(session, None, names, inputs, 2, results, 1, outputs))
    data = api.made(api.GetTensorMutableData, outputs[0])
    assert list(ctypes.cast(data, POINTER(c_float))[:4]) == [4, 8, 12, 16]

    with pytest.raises(RuntimeError, match="Invalid output name: nonsense"):
        api.check(api.Run(session, None, names, inputs, 2, (c_char_p * 1)(b"nonsense"), 1, (c_void_p * 1)()))
    for handle in (outputs[0], value):
        api.ReleaseValue(handle)
    api.ReleaseMemoryInfo(memory)
    api.ReleaseSession(session)
    api.ReleaseEnv(env)


def test_a_missing_model_is_an_error():
    api = Api()
    env = api.made(api.CreateEnv, 2, b"ctypes")
    with pytest.raises(RuntimeError, match="Load model from missing.onnx failed"):
        api.made(api.CreateSession, env, b"missing.onnx", None)
    api.ReleaseEnv(env)
