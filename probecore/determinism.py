"""The one place where threads, instruction sets, devices and random numbers are decided.

`configure` must run before numpy or torch are imported: their libraries read the environment
once. It overrides what a workflow engine exports, so that the number of cores a job is given
never reaches the numbers.
"""

import ctypes
import hashlib
import os
import sys
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from probecore.errors import InputError
from probecore.schema import Section

if TYPE_CHECKING:
    import numpy as np
    import torch


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""glibc's numbers for how much free memory is kept, and from which size on blocks are returned at once, in bytes."""

KEPT_BYTES = 1 << 28


class Numerics(Section):
    """How numbers are computed: part of what determines the bytes."""

    device: Literal["cpu", "cuda"] = Field("cpu", description="Where networks run; never chosen silently.")
    threads: int = Field(1, ge=1, le=256, description="Threads of every numerical library in one job.")
    isa: Literal["avx2", "native"] = Field(
        "avx2",
        description="CPU instruction set: `avx2` aims at equal bytes on every x86-64 machine that has it; "
        "`native` is faster and repeats on the same kind of machine only.",
    )


def configure(numerics: Numerics) -> None:
    """Fix threads, instruction set and algorithms for this process.

    Raises
    ------
    RuntimeError
        If numpy or torch is already imported.
    InputError
        If `numerics.device` is `cuda` and no GPU answers.
    """
    if "numpy" in sys.modules or "torch" in sys.modules:
        raise RuntimeError("determinism.configure must run before numpy or torch are imported")
    os.environ.pop("NPY_ENABLE_CPU_FEATURES", None)  # numpy refuses to start with this and the one that we set
    os.environ.update(environment(numerics))
    _keep_freed_memory()


def environment(numerics: Numerics) -> dict[str, str]:
    """The environment variables that `configure` sets."""
    threads = str(numerics.threads)
    variables = {
        f"{library}_NUM_THREADS": threads for library in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "NUMBA", "VECLIB")
    }
    variables["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    if numerics.isa == "avx2":
        variables |= {
            "ATEN_CPU_CAPABILITY": "avx2",
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "MKL_CBWR": "COMPATIBLE",
            "OPENBLAS_CORETYPE": "Haswell",
            "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
        }
    return variables


def _keep_freed_memory() -> None:
    """Have glibc keep what tensors free for the next ones.

    By default it may give pages back after each batch and fault them in again: forward passes then take up to one and
    a half times as long. Other C libraries have no `mallopt`.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES) or mallopt(M_MMAP_THRESHOLD, 1 << 25)  # the most that old ones take


def torch_device(numerics: Numerics) -> "torch.device":
    """The device of this process, with deterministic algorithms switched on.

    Raises
    ------
    InputError
        If a GPU is asked for and none answers.
    """
    import torch

    torch.set_num_threads(numerics.threads)
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms also imports the compiler: 1 s
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    if numerics.device == "cuda" and not torch.cuda.is_available():
        raise InputError("numerics.device: cuda is asked for but no GPU answers; set `device: cpu` or free one")
    return torch.device(numerics.device)


def seed_of(*key: str | int) -> int:
    """A 63-bit seed that depends on every part of `key`, e.g. (experiment, network, step, index)."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in key)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def numpy_generator(*key: str | int) -> "np.random.Generator":
    """A numpy generator of its own for the unit of work named by `key`."""
    import numpy as np

    return np.random.Generator(np.random.PCG64(seed_of(*key)))


def torch_generator(*key: str | int) -> "torch.Generator":
    """A torch CPU generator of its own for the unit of work named by `key`."""
    import torch

    return torch.Generator().manual_seed(seed_of(*key))
