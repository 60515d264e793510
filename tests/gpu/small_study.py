"""A study of all steps on one small network, on a device: `python -m tests.gpu.small_study DEVICE FOLDER`."""

import os
import sys
from pathlib import Path

from probecore.determinism import Numerics, configure

EXPERIMENT = "small"


def main(device: str, folder: Path) -> None:
    configure(Numerics.read({"device": device}))
    import yaml
    from safetensors.torch import save_file

    from probecore.api.opening import open_network
    from probecore.dataset import write_dataset
    from probecore.examine import run_here
    from probecore.files import write_text
    from probecore.params import load_study
    from tests.test_steps import SMALL, images

    folder.mkdir(parents=True)
    os.chdir(folder)
    dataset = images(channels=3, size=32)
    Path("own").mkdir()
    write_dataset(dataset, Path("own/images.h5"))
    network = open_network("vgg6", input_shape=dataset.input_shape, n_outputs=dataset.outputs)
    save_file({name: tensor.clone() for name, tensor in network.state_dict().items()}, "own/weights.safetensors")
    train = {"model": "vgg6", "seeds": [0], "epochs": 1, "batch": 10}
    given = {"weights": "own/weights.safetensors", "control": None}
    experiment = {"dataset": "images", "train": train | {"given": given}, "activations": {"excitations": {}}, **SMALL}
    content = {
        "home": "home",
        "numerics": {"device": device},
        "datasets": {"images": {"kind": "arrays", "path": "own/images.h5"}},
        "experiments": {EXPERIMENT: experiment},
    }
    write_text(Path("params.yaml"), yaml.safe_dump(content, sort_keys=False))
    run_here(*load_study(Path("params.yaml")))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
