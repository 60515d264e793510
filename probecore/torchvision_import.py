"""The one way in which probecore imports torchvision and timm.

The CPU build of torch and the torchvision wheel of a package index may not belong together: the
compiled operators of torchvision then cannot load, and its import fails although nothing that is
wanted here needs them. Only then are the missing operators declared, so that the import works;
calling one of them still fails. timm imports torchvision and is caught in the same trap.
"""

import importlib
import sys
from types import ModuleType

from probecore.errors import InputError


def import_torchvision() -> ModuleType:
    """torchvision, with its operators declared if (and only if) they cannot load."""
    if "torchvision" in sys.modules:
        return sys.modules["torchvision"]
    _forget_failed_import()
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if not lacks_operators(error):
            raise
    _forget_failed_import()
    _declare_operators()
    return importlib.import_module("torchvision")


def import_timm() -> ModuleType:
    """timm, an optional dependency.

    Raises
    ------
    InputError
        If it is not installed.
    """
    import_torchvision()
    try:
        return importlib.import_module("timm")
    except ModuleNotFoundError as error:
        if error.name != "timm":
            raise
        raise InputError("timm: not installed; run `pip install timm`, or use another model") from None


def lacks_operators(error: BaseException) -> bool:
    """Whether `error` is the one of an import of torchvision without its compiled operators."""
    return isinstance(error, RuntimeError) and "operator torchvision::" in str(error)


def _forget_failed_import() -> None:
    """Drop the submodules that a failed import leaves: they would not be bound to the new package."""
    for name in [name for name in sys.modules if name.startswith("torchvision.")]:
        del sys.modules[name]


def _declare_operators() -> None:
    from torch.library import define

    for name in ("nms", "qnms"):
        define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
