import subprocess
import sys

import pytest

from probecore.activations.params import ActivationsParams
from probecore.errors import InputError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"layers": []}, "activations.layers: "),
        ({"layers": ["conv1", "conv1"]}, "activations.layers: must name nothing twice"),
        ({"splits": ["valid"]}, "activations.splits.0: "),
        ({"epochs": "some"}, "activations.epochs"),
        ({"epochs": [-1]}, "activations.epochs"),
        ({"epochs": []}, "activations.epochs"),
        ({"store": ["map"]}, "activations.store.0: "),
        ({"dtype": "float64"}, "activations.dtype: "),
        ({"compression": "gzip", "level": 10}, "gzip knows 1 to 9, not 10"),
        ({"level": 23}, "activations.level: "),
        ({"batch": 0}, "activations.batch: "),
        ({"layer": ["conv1"]}, "activations.layer: unknown key; did you mean 'layers'?"),
    ],
)
def test_refused(content: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        ActivationsParams.read(content, where="activations")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_epochs() -> None:
    available = [20, 0, 5]
    assert ActivationsParams().epochs_of(available) == [0, 5, 20]
    assert ActivationsParams(epochs="last").epochs_of(available) == [20]
    assert ActivationsParams(epochs=[20, 0]).epochs_of(available) == [0, 20]
    with pytest.raises(InputError, match=r"activations.epochs: epoch 7 has no checkpoint \(kept: 0, 5, 20\)"):
        ActivationsParams(epochs=[0, 7]).epochs_of(available)


def test_parameters_need_no_heavy_import() -> None:
    code = "import sys, probecore.activations.params; print({'torch', 'numpy', 'h5py'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
