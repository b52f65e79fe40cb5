"""What programs can name in ONNX Runtime's Python modules is here too, with the same values."""

import enum
import importlib
import inspect

import onnxruntime
import pytest
import sardonyx
from both_runtimes import both, state

MODULES = ["", "capi", "capi._pybind_state", "capi.onnxruntime_pybind11_state",
           "capi.onnxruntime_inference_collection", "capi.onnxruntime_validation", "backend"]

# Not ours to offer, or found elsewhere.
ABSENT = {
    "": {"import_capi_exception", "onnxruntime_validation"},  # of the import; in the stand-in
    "capi": {"build_and_package_info"},  # the version: onnxruntime_validation has it
    "backend": {"backend", "backend_rep"},  # submodules of the stand-in
    "capi.onnxruntime_inference_collection": {
        "C",  # the binding, which it imports
        "make_get_initializer_location_func_wrapper",  # weights have two places to go to
    },
    "capi._pybind_state": {"opkernel", "schemadef"},  # submodules of kernels and schemas
    "capi.onnxruntime_pybind11_state": {"opkernel", "schemadef"},
}  # fmt: skip
# Plain Python over the runtime, there when something imported it; it runs here through the shim.
SUBPACKAGES = {"quantization", "transformers", "tools", "datasets"}
# Attributes of instances there, as here, which only pybind11 shows on the class.
OF_INSTANCES = {
    "OrtArenaCfg", "OrtEpAssignedNode", "OrtEpAssignedSubgraph", "OrtEpContextData",
    "OrtEpContextDataBuffer", "OrtEpDevice", "OrtExternalInitializerInfo", "OrtHardwareDevice",
}  # fmt: skip


def names(thing):
    return {name for name in dir(thing) if not name.startswith("_")}


def module_pair(path):
    dotted = f".{path}" if path else ""
    return (importlib.import_module(each + dotted) for each in ("onnxruntime", "sardonyx"))


def imported(module, name):
    """Whether a name is there because the module's source needed it."""
    value = getattr(module, name)
    home = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", "") or ""
    return not home.startswith("onnxruntime") and not isinstance(value, (str, int, type(None)))


@pytest.mark.parametrize("path", MODULES)
def test_every_name_is_here(path):
    original, ours = module_pair(path)
    wanted = {name for name in names(original) if not imported(original, name)}
    wanted |= {name for name in names(original) if hasattr(original, name)} & names(ours)
    missing = {name for name in wanted if not hasattr(ours, name)} - {"annotations"}
    assert missing - SUBPACKAGES == ABSENT.get(path, set())


@pytest.mark.parametrize("path", ["", "capi.onnxruntime_pybind11_state"])
def test_classes_have_the_same_attributes(path):
    original, ours = module_pair(path)
    missing = {}
    for name in names(original) & names(ours) - OF_INSTANCES:
        theirs, mine = getattr(original, name), getattr(ours, name)
        if not (inspect.isclass(theirs) and inspect.isclass(mine)):
            continue
        gone = {each for each in names(theirs) if not hasattr(mine, each)}
        if issubclass(mine, enum.Enum):
            gone -= {"name", "value"}
        if gone:
            missing[name] = gone
    assert missing == {}


def values(kind):
    return {name: int(member) for name, member in kind.__members__.items()}


@pytest.mark.parametrize("name", [
    "ExecutionMode", "ExecutionOrder", "GraphOptimizationLevel", "OrtAllocatorType",
    "OrtCompileApiFlags", "OrtDeviceMemoryType", "OrtExecutionProviderDevicePolicy",
    "OrtHardwareDeviceType", "OrtMemoryInfoDeviceType", "OrtSparseFormat", "OrtDeviceVendorId",
])
def test_enums_have_the_same_members(name):
    assert values(getattr(sardonyx, name)) == values(getattr(onnxruntime, name))


@both
def test_enums_of_the_binding(ort):
    binding = state(ort)
    assert values(binding.ArenaExtendStrategy) == {"kNextPowerOfTwo": 0, "kSameAsRequested": 1}
    assert binding.kNextPowerOfTwo == binding.ArenaExtendStrategy.kNextPowerOfTwo
    assert values(binding.OrtCompiledModelCompatibility) == {
        "EP_NOT_APPLICABLE": 0, "EP_SUPPORTED_OPTIMAL": 1, "EP_SUPPORTED_PREFER_RECOMPILATION": 2,
        "EP_UNSUPPORTED": 3}  # fmt: skip
    assert values(binding.OrtDeviceEpIncompatibilityReason) == {
        "NONE": 0, "DRIVER_INCOMPATIBLE": 1, "DEVICE_INCOMPATIBLE": 2, "MISSING_DEPENDENCY": 4,
        "UNKNOWN": -(2**31)}  # fmt: skip
    mem = ort.OrtMemType
    assert [int(each) for each in (mem.CPU_INPUT, mem.CPU_OUTPUT, mem.CPU, mem.DEFAULT)] == [
        -2, -1, -1, 0]  # fmt: skip


@both
def test_what_the_library_says_of_itself(ort):
    assert "Build Info" in ort.get_build_info()
    assert isinstance(ort.get_version_string(), str) and ort.__version__
    assert (ort.get_device(), ort.has_collective_ops(), ort.cuda_version) == ("CPU", False, "")
    assert ort.get_all_providers()[-1] == ort.get_available_providers()[-1] == "CPUExecutionProvider"
    ort.disable_telemetry_events()
    ort.enable_telemetry_events()
    ort.set_default_logger_verbosity(0)
    ort.set_default_logger_severity(2)
    with pytest.raises(RuntimeError):
        ort.set_default_logger_severity(5)
    ort.preload_dlls(cuda=False, cudnn=False)


# By position, as programs written for ONNX Runtime call them.
@pytest.mark.parametrize("owner, name", [
    ("InferenceSession", "__init__"), ("InferenceSession", "run_async"),
    ("InferenceSession", "set_providers"), ("InferenceSession", "set_tuning_results"),
    ("InferenceSession", "set_ep_dynamic_options"), ("InferenceSession", "release_captured_graph"),
    ("ModelCompiler", "__init__"), ("ModelCompiler", "compile_to_file"),
    ("ModelCompiler", "compile_to_stream"), ("", "copy_tensors"), ("", "preload_dlls"),
])
def test_parameters_have_the_same_names_and_order(owner, name):
    def parameters(module):
        function = getattr(getattr(module, owner) if owner else module, name)
        return [(each.name, each.kind) for each in inspect.signature(function).parameters.values()]

    assert parameters(sardonyx) == parameters(onnxruntime)
