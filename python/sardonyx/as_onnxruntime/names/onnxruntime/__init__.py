"""ONNX Runtime's names over Sardonyx: what sardonyx.install_as_onnxruntime() lets programs import."""

from pkgutil import extend_path as _extend_path

import sardonyx as _sardonyx
from sardonyx import *  # noqa: F403
from sardonyx import __author__  # noqa: F401
from sardonyx._sardonyx import _set_default_profile_prefix

from . import capi  # type: ignore[no-redef]
from .capi import onnxruntime_validation  # noqa: F401

# The version of ONNX Runtime whose Python API this is; programs compare it.
__version__ = version = "1.31.1"
package_name = "onnxruntime"
import_capi_exception = None

# Programs look for the files of profiles by this name.
_set_default_profile_prefix("onnxruntime_profile_")

# An installed onnxruntime adds what is plain Python over the runtime: quantization, transformers.
__path__ = _extend_path(__path__, __name__)


def get_version_string() -> str:  # type: ignore[no-redef]
    """The version of ONNX Runtime that is stood for; sardonyx.get_version_string() is the other."""
    return __version__


def __getattr__(name):
    return getattr(_sardonyx, name)
