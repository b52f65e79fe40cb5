"""See sardonyx.capi._pybind_state."""

from sardonyx.capi._pybind_state import *  # noqa: F403
