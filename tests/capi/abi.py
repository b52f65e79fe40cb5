"""A client of ONNX Runtime's C ABI in ctypes: Library(path) and its Session. It knows nothing of
whose library it loads; the order of the table's entries is read from the header."""

import ctypes
import pathlib
import re

import numpy as np

HEADERS = pathlib.Path(__file__).resolve().parents[2] / "include" / "sardonyx"
ELEMENT_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6,
                 "int64": 7, "bool": 9, "float16": 10, "float64": 11, "uint32": 12, "uint64": 13}
DTYPES = {number: np.dtype(name) for name, number in ELEMENT_TYPES.items()}


class Base(ctypes.Structure):
    _fields_ = [("GetApi", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)),
                ("GetVersionString", ctypes.CFUNCTYPE(ctypes.c_char_p))]


def entries() -> list[str]:
    text = (HEADERS / "onnxruntime_c_api.h").read_text()
    table = text[text.index("struct OrtApi {"):]
    table = re.sub(r"//.*", "", table[:table.index("\n};")])
    found = re.findall(r"ORT_(STATUS_)?FN\(([^;]*)\);", table)
    return [(arguments if status else arguments.split(",", 1)[1]).split(",")[0].strip(" )\n")
            for status, arguments in found]


class Failed(Exception):
    pass


class Library:
    def __init__(self, path):
        get_base = ctypes.CDLL(str(path)).OrtGetApiBase
        get_base.restype = ctypes.POINTER(Base)
        base = get_base().contents
        self.version = base.GetVersionString().decode()
        # The newest version that both have: tables only grow.
        table = base.GetApi(int(self.version.split(".")[1]))
        self._addresses = dict(zip(entries(), ctypes.cast(
            table, ctypes.POINTER(ctypes.c_void_p * len(entries()))).contents))
        self.environment = self.make("CreateEnv", 3, b"client")

    def function(self, name, result, *types):
        return ctypes.CFUNCTYPE(result, *types)(self._addresses[name])

    def call(self, name, *arguments):
        """Calls an entry that gives a status; a failure is raised."""
        types = [type(each) if isinstance(each, ctypes._SimpleCData) else
                 ctypes.c_int if isinstance(each, int) else ctypes.c_void_p for each in arguments]
        given = [ctypes.cast(each, ctypes.c_void_p) if kind is ctypes.c_void_p and
                 not isinstance(each, (int, type(None), ctypes.c_void_p)) else each
                 for each, kind in zip(arguments, types)]
        status = self.function(name, ctypes.c_void_p, *types)(*given)
        if status:
            message = self.function("GetErrorMessage", ctypes.c_char_p, ctypes.c_void_p)(status)
            text = message.decode(errors="replace")
            self.function("ReleaseStatus", None, ctypes.c_void_p)(status)
            raise Failed(f"{name}: {text}")

    def make(self, name, *arguments):
        """A handle that the entry writes to its last argument."""
        handle = ctypes.c_void_p()
        self.call(name, *arguments, ctypes.pointer(handle))
        return handle

    def release(self, name, handle):
        self.function(name, None, ctypes.c_void_p)(handle)


class Session:
    def __init__(self, library: Library, path, threads: int, optimized: bool = True):
        self.library = library
        options = library.make("CreateSessionOptions")
        library.call("SetIntraOpNumThreads", options, threads)
        library.call("SetSessionGraphOptimizationLevel", options, 99 if optimized else 0)
        self._session = library.make("CreateSession", library.environment,
                                     str(path).encode(), options)
        library.release("ReleaseSessionOptions", options)
        self._memory = library.make("CreateCpuMemoryInfo", 0, 0)

    def _wrap(self, array):
        shape = (ctypes.c_int64 * max(array.ndim, 1))(*array.shape)
        return self.library.make(
            "CreateTensorWithDataAsOrtValue", self._memory,
            ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes), shape,
            ctypes.c_size_t(array.ndim), ELEMENT_TYPES[array.dtype.name])

    def _array(self, value):
        library = self.library
        info = library.make("GetTensorTypeAndShape", value)
        element, rank = ctypes.c_int(), ctypes.c_size_t()
        library.call("GetTensorElementType", info, ctypes.pointer(element))
        library.call("GetDimensionsCount", info, ctypes.pointer(rank))
        dims = (ctypes.c_int64 * max(rank.value, 1))()
        library.call("GetDimensions", info, dims, rank)
        library.release("ReleaseTensorTypeAndShapeInfo", info)
        dtype, shape = DTYPES[element.value], tuple(dims[:rank.value])
        count = int(np.prod(shape, dtype=np.int64))
        if count == 0:
            return np.empty(shape, dtype)
        data = library.make("GetTensorMutableData", value)
        raw = ctypes.string_at(data.value, count * dtype.itemsize)
        return np.frombuffer(raw, dtype).reshape(shape)

    def run(self, inputs: dict, outputs: list[str]) -> list[np.ndarray]:
        """Runs with arrays by name, which must be contiguous; gives the named outputs."""
        library = self.library
        values = [self._wrap(array) for array in inputs.values()]
        in_names = (ctypes.c_char_p * len(inputs))(*(name.encode() for name in inputs))
        out_names = (ctypes.c_char_p * len(outputs))(*(name.encode() for name in outputs))
        in_values = (ctypes.c_void_p * len(values))(*(value.value for value in values))
        results = (ctypes.c_void_p * len(outputs))()
        library.call("Run", self._session, None, in_names, in_values,
                     ctypes.c_size_t(len(values)), out_names, ctypes.c_size_t(len(outputs)),
                     results)
        arrays = [self._array(ctypes.c_void_p(result)) for result in results]
        for value in (*values, *(ctypes.c_void_p(result) for result in results)):
            library.release("ReleaseValue", value)
        return arrays
