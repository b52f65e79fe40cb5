"""See sardonyx.backend."""

from sardonyx.backend import Backend as OnnxRuntimeBackend  # noqa: F401
from sardonyx.backend import is_compatible, prepare, run, supports_device  # noqa: F401
