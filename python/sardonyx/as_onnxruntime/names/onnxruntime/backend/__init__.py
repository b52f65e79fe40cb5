"""See sardonyx.backend."""

from .backend import is_compatible, prepare, run, supports_device  # noqa: F401
