"""Threads, instruction sets and seeds."""

import os
import platform
import resource
import subprocess
import sys

import numpy as np
import pytest
import torch

from probecore.determinism import Numerics, configure, environment, numpy_generator, seed_of, torch_generator


def test_configure_must_come_first() -> None:
    with pytest.raises(RuntimeError, match="before numpy or torch"):
        configure(Numerics())


def test_the_environment_of_a_job_does_not_reach_the_numbers() -> None:
    """What Snakemake exports for `threads:` is overridden, and the instruction set holds."""
    code = (
        "from probecore.determinism import Numerics, configure, torch_device\n"
        "settings = Numerics()\nconfigure(settings)\ntorch_device(settings)\n"
        "import torch, numpy, threadpoolctl\n"
        "print(torch.get_num_threads(), torch.backends.cpu.get_cpu_capability(),"
        " {pool['num_threads'] for pool in threadpoolctl.threadpool_info()})\n"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "7", "OPENBLAS_NUM_THREADS": "7", "NPY_ENABLE_CPU_FEATURES": "AVX2"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1 AVX2 {1}\n"


def test_native_leaves_the_instruction_set_alone() -> None:
    assert "ATEN_CPU_CAPABILITY" not in environment(Numerics(isa="native"))
    assert environment(Numerics(threads=3))["MKL_NUM_THREADS"] == "3"


def test_generators_depend_on_the_whole_key() -> None:
    assert seed_of("a", 1) == seed_of("a", 1)
    assert len({seed_of("a", 1), seed_of("a", "1"), seed_of("a1"), seed_of("a", 1, 0)}) == 4
    assert numpy_generator("x", 0).random() == numpy_generator("x", 0).random()
    draws = [torch.rand(2, generator=torch_generator("x", index)) for index in range(2)]
    assert not torch.equal(*draws)
    assert isinstance(numpy_generator("x"), np.random.Generator)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory as they do")
def test_memory_of_a_batch_is_kept_for_the_next_one() -> None:
    code = (
        "from probecore.determinism import Numerics, configure\nconfigure(Numerics())\n"
        "import numpy, resource\n"
        "def batch(): [numpy.ones(1 << 20) for _ in range(6)].clear()\n"
        "batch(), batch()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(10): batch()\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    pages_of_a_batch = 6 * 8 * 2**20 // resource.getpagesize()
    assert int(done.stdout) < pages_of_a_batch / 10
