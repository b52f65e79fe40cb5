"""What ONNX Runtime's package finds of its installation, under the name of that module."""

from .._sardonyx import version


def check_distro_info():
    """Nothing is to be checked: the library needs libc and libstdc++ alone."""


def get_package_name_and_version_info():
    """(name, version, CUDA version)."""
    return "sardonyx", version, ""


def check_training_module():
    """(has ORTModule, name, version, CUDA version)."""
    return False, *get_package_name_and_version_info()
