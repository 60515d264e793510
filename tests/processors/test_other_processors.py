"""The same bytes on other processors: this one, dressed up as others (see other_processor.c)."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from probecore.determinism import Numerics, environment
from probecore.fingerprint import differing, read_fingerprint
from tests.processors.support import SMALL_STUDY, hashes, run

SHIM = Path(__file__).with_name("other_processor.c")
PROCESSORS = ("amd,512,32768", "intel,256,8192")
"""Another vendor and two other sizes of caches, where this is an Intel; its own caches are the third size."""

FAULTING = "cpuid_fault" in Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else False

pytestmark = [
    pytest.mark.skipif(not FAULTING, reason="this processor or kernel offers no CPUID faulting"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc"),
]


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("shim") / "other_processor.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-o", library, SHIM], check=True)
    return library


@pytest.mark.slow
def test_primitives_and_all_measures_give_the_same_bytes(shim: Path, tmp_path: Path) -> None:
    """The first is this processor; the others are compared with it."""
    folders = [tmp_path / str(number) for number in range(1 + len(PROCESSORS))]
    for folder, processor in zip(folders, ("", *PROCESSORS), strict=True):
        folder.mkdir()
        run("-m", SMALL_STUDY, str(folder), shim=shim if processor else None, processor=processor)
    here, *others = folders
    for folder in others:
        assert differing(*(read_fingerprint(each / "fingerprint.csv") for each in (here, folder))) == []
        assert hashes(folder / "study") == hashes(here / "study")


def test_without_the_setting_the_vendor_decides(shim: Path) -> None:
    """MKL's AVX2 mode is not enough: the shim does reach it, so the tests above can fail."""
    code = "import torch; torch.set_num_threads(1); g = torch.Generator().manual_seed(0); r = lambda *s: torch.randn(*s, generator=g); "
    code += "print((r(100, 1000) @ r(1000, 100)).double().sum().item().hex())"
    seen = {
        mode: {
            run(
                "-c",
                code,
                shim=shim,
                processor=processor,
                **environment(Numerics()) | {"MKL_CBWR": mode},
            )
            for processor in ("amd,512,32768", "intel,2048,32768")
        }
        for mode in ("AVX2", "COMPATIBLE")
    }
    assert [len(found) for found in seen.values()] == [2, 1]


def test_the_shim_shows_what_it_is_told(shim: Path) -> None:
    code = "import numpy; print(numpy._core._multiarray_umath.__cpu_features__['AVX512F'])"
    assert run("-c", code, shim=shim, processor="amd,512,32768") == "False\n"
    broken = os.environ | {"LD_PRELOAD": str(shim), "OTHER_PROCESSOR": "via"}
    assert subprocess.run(["true"], env=broken, capture_output=True).returncode == 2
