"""The import of torchvision: mended where its operators cannot load, untouched elsewhere."""

import subprocess
import sys
from pathlib import Path

import pytest

from probecore.errors import InputError
from probecore.torchvision_import import import_timm, import_torchvision

TRAP = """
import torchvision.part
import torch
try:
    torch.ops.torchvision.nms
except AttributeError:
    raise RuntimeError("operator torchvision::nms does not exist")
"""


def run(code: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `code` in a new interpreter that finds packages in `path` first."""
    prefix = f"import sys; sys.path.insert(0, {str(path)!r})\n" if path else ""
    return subprocess.run([sys.executable, "-c", prefix + code], check=False, capture_output=True, text=True)


def fake_torchvision(folder: Path, source: str) -> Path:
    package = folder / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(source)
    (package / "part.py").write_text("")
    return folder


def test_the_installed_one_works() -> None:
    models = import_torchvision().models
    assert sum(parameter.numel() for parameter in models.resnet18(weights=None).parameters()) == 11_689_512


def test_a_file_of_a_user_may_import_it(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/net.py").write_text(
        "import torchvision\ndef f(): return torchvision.models.alexnet(num_classes=2)"
    )
    code = (
        "from probecore.models import build_model\nfrom probecore.models.params import ModelParams\n"
        "build_model(ModelParams.read('own/net.py:f'), input_shape=(3, 64, 64), outputs=2)\n"
        "import torchvision.transforms.v2"
    )
    result = run("import os; os.chdir(" + repr(str(tmp_path)) + ")\n" + code)
    assert result.returncode == 0, result.stderr


def test_missing_operators_are_declared(tmp_path: Path) -> None:
    code = (
        "from probecore.torchvision_import import import_torchvision as f\n"
        "import torch\nassert f() is f() and f().part\ntorch.ops.torchvision.nms, torch.ops.torchvision.qnms"
    )
    result = run(code, fake_torchvision(tmp_path, TRAP))
    assert result.returncode == 0, result.stderr


def test_a_healthy_one_is_left_alone(tmp_path: Path) -> None:
    code = (
        "from probecore.torchvision_import import import_torchvision as f\n"
        "import sys\nassert f().healthy\nassert 'torch' not in sys.modules"
    )
    result = run(code, fake_torchvision(tmp_path, "healthy = True"))
    assert result.returncode == 0, result.stderr


def test_other_failures_are_not_hidden(tmp_path: Path) -> None:
    code = "from probecore.torchvision_import import import_torchvision as f\nf()"
    result = run(code, fake_torchvision(tmp_path, "print('tried')\nraise RuntimeError('something else')"))
    assert result.stdout == "tried\n"
    assert "RuntimeError: something else" in result.stderr


def test_timm_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match="timm: not installed; run `pip install timm`"):
        import_timm()
