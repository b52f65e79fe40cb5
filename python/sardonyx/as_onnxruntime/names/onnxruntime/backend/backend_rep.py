"""See sardonyx.backend."""

from sardonyx.backend import BackendRep as OnnxRuntimeBackendRep  # noqa: F401
