"""A study with planted tables: what is said of it is known."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from probecore.claims.params import Test
from probecore.params import STEPS, Study, load_study

SEEDS = range(6)

TEST: dict[str, Any] = {
    "experiment": "e",
    "table": "mechanism/layers.csv",
    "where": {"quantity": "snr"},
    "effect": {"kind": "spearman", "along": "layer_index"},
    "held": {"above": 0.5},
    "family": "mechanism",
}


def declared(**changes: Any) -> dict[str, Any]:
    """A test as in ``claims.yaml``, with changes; None takes a key away."""
    return {key: value for key, value in (TEST | changes).items() if value is not None}


def a_test(**changes: Any) -> Test:
    """The same, read."""
    return Test.read(declared(**changes))


def claim(name: str = "snr-depth", **changes: Any) -> dict[str, Any]:
    """A claim as in ``claims.yaml``; `amended` and `untestable` are its own, other changes those of its test."""
    own = {key: changes.pop(key) for key in ("amended", "untestable") if key in changes}
    test = {} if "untestable" in own else {"test": declared(**changes)}
    return {"id": name, "paper": "arXiv 2305.18078", "says": "SNR rises with depth", **own, **test}


def experiment(**changes: Any) -> dict[str, Any]:
    """An experiment of which `mechanism` alone is wanted."""
    train = {"model": "lenet5", "seeds": list(SEEDS), "epochs": 2, "shuffled": {}} | changes
    return {"dataset": "mnist5k", "train": train, **dict.fromkeys(STEPS[1:]), "mechanism": {}}


def write_study(folder: Path, *claims: dict[str, Any], **more: Any) -> Study:
    """Write ``params.yaml`` and ``claims.yaml``; `experiments` replaces the experiment ``e``."""
    experiments = more.pop("experiments", {"e": experiment()})
    params = {"home": ".", "numerics": {}, "datasets": {"mnist5k": {}}, "experiments": experiments}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    write_claims_yaml(folder, *claims, **more)
    return load_study(folder / "params.yaml")[0]


def write_claims_yaml(folder: Path, *claims: dict[str, Any], **more: Any) -> None:
    (folder / "claims.yaml").write_text(yaml.safe_dump({"claims": list(claims), **more}))


def layers(values: Mapping[str, Sequence[float]], *, epoch: int = 2, quantity: str = "snr") -> pd.DataFrame:
    """A ``mechanism/layers.csv``: the quantity of each network, layer by layer."""
    return pd.DataFrame(
        {
            "experiment": "e",
            "network": network,
            "epoch": epoch,
            "layer": f"conv{depth}",
            "quantity": quantity,
            "layer_index": depth,
            "value": value,
            "null": 1.0,
        }
        for network, of_network in values.items()
        for depth, value in enumerate(of_network, start=1)
    )


def rising(condition: str = "trained", *, step: float = 1.0) -> dict[str, list[float]]:
    """Networks whose SNR rises by `step` with each of four layers, each from where its seed begins."""
    return {f"{condition}-{seed}": [seed + step * depth for depth in range(4)] for seed in SEEDS}


def write_results(folder: Path, table: pd.DataFrame, name: str = "mechanism/e/layers.csv") -> Path:
    path = folder / "results" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)
    return path
