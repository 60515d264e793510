"""Networks from elsewhere: torchvision's, timm's, and factories of a user's own.

A factory is called with those of the keywords `input_shape` and `outputs` that it takes, and with
the section's `options`; it returns an ``nn.Module`` that maps (N, *input_shape) to (N, outputs).
"""

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from probecore.errors import InputError
from probecore.models.layers import first_line
from probecore.models.params import ModelParams
from probecore.models.trust import check_factory, check_place, named_packages
from probecore.schema import did_you_mean
from probecore.torchvision_import import import_timm, import_torchvision, lacks_operators


def build_foreign(params: ModelParams, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """The network that `params.name` (torchvision:…, timm:…, …:function) stands for, without weights.

    Raises
    ------
    InputError
        If there is no such network or factory, if it fails, or returns something else.
    """
    source, _, name = params.name.rpartition(":")
    if source == "torchvision":
        return _checked(params, lambda: _torchvision(name, outputs, params.options))
    if source == "timm":
        return _checked(params, lambda: _timm(name, input_shape, outputs, params.options))
    sizes = {"input_shape": input_shape, "outputs": outputs}
    try:
        return _checked(params, lambda: _own(params, name, sizes))
    except RuntimeError as error:
        if not lacks_operators(error):
            raise
    import_torchvision()
    return _checked(params, lambda: _own(params, name, sizes))


def _checked(params: ModelParams, build: Callable[[], Any]) -> nn.Module:
    try:
        model = build()
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        if lacks_operators(error):
            raise
        raise InputError(f"model: {params.name} fails: {first_line(error)}{_place(error, params)}") from error
    if not isinstance(model, nn.Module):
        raise InputError(f"model: {params.name} returned {type(model).__name__}; return a torch.nn.Module")
    return model


def _place(error: BaseException, params: ModelParams) -> str:
    """The line of the user's file where it failed."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(params.file)]
    return f" (line {lines[-1]})" if lines else ""


def _torchvision(name: str, outputs: int, options: dict[str, Any]) -> Any:
    models = import_torchvision().models
    names = models.list_models(module=models)
    if name not in names:
        raise InputError(f"model: torchvision has no classification network {name!r}{did_you_mean(name, names)}")
    return models.get_model(name, weights=None, num_classes=outputs, **options)


def _timm(name: str, input_shape: tuple[int, ...], outputs: int, options: dict[str, Any]) -> Any:
    timm = import_timm()
    if not timm.is_model(name):
        raise InputError(f"model: timm has no network {name!r}{did_you_mean(name, timm.list_models())}")
    return timm.create_model(name, pretrained=False, num_classes=outputs, in_chans=input_shape[0], **options)


def _own(params: ModelParams, name: str, sizes: dict[str, Any]) -> Any:
    packages = named_packages()
    check_place(params, packages)
    module = _run_file(params.file) if params.file else importlib.import_module(params.name.rpartition(":")[0])
    factory = getattr(module, name, None)
    if not callable(factory):
        functions = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise InputError(f"model: {params.name}: no function {name!r} there{did_you_mean(name, functions)}")
    check_factory(params, module, factory, packages)
    return factory(**{key: size for key, size in sizes.items() if _takes(factory, key)}, **params.options)


def _run_file(path: Path) -> Any:
    """The module of a Python file, executed anew and without leaving a bytecode cache beside it."""
    spec = importlib.util.spec_from_file_location(f"_probecore_{path.stem}", path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))
    except BaseException:
        del sys.modules[module.__name__]
        raise
    return module


def _takes(factory: Callable[..., Any], keyword: str) -> bool:
    parameters = inspect.signature(factory).parameters
    return keyword in parameters or any(item.kind is item.VAR_KEYWORD for item in parameters.values())
