"""The results of a finished study, by the addresses of its filters."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from probecore.errors import InputError
from probecore.files import read_table
from probecore.measures import declaration
from probecore.measures.atlas.keys import HEADLINE
from probecore.schema import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from probecore.measures.atlas.pruning import Plan


class StudyResults:
    """What a study knows of its filters: see `open_study`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tables: dict[str, pd.DataFrame] = {}

    @property
    def experiments(self) -> list[str]:
        """Names of the experiments that have an atlas."""
        return sorted(path.parent.name for path in self.folder.glob("results/atlas/*/table.csv"))

    def filters(self, experiment: str) -> "pd.DataFrame":
        """Give all that is known of an experiment's filters: ``table.csv`` of its atlas.

        Raises
        ------
        InputError
            If the study has no such experiment, or no atlas of it.
        """
        if experiment not in self.experiments:
            raise InputError(f"{self.folder}: no atlas of {experiment!r}{did_you_mean(experiment, self.experiments)}")
        if experiment not in self._tables:
            path = self.folder / "results/atlas" / experiment / "table.csv"
            self._tables[experiment] = read_table(path, text=declaration("atlas").text)
        return self._tables[experiment]

    def filter(self, address: str) -> "pd.DataFrame":
        """Give all that is known of one filter, a row for each quantity of each measure.

        Parameters
        ----------
        address : ``experiment/network/epoch/layer/filter``

        Raises
        ------
        InputError
            If the address names no filter of the study.
        """
        parts = address.split("/")
        if len(parts) != 5 or not (parts[2].isdecimal() and parts[4].isdecimal()):
            raise InputError(f"{address}: no address of a filter; write experiment/network/epoch/layer/filter")
        found = self.filters(parts[0])
        for column, text in zip(("network", "epoch", "layer", "filter"), parts[1:], strict=True):
            known = found[column].drop_duplicates().astype(str)
            found = found[found[column].astype(str) == text]
            if found.empty:
                raise InputError(f"{address}: no {column} {text!r}{did_you_mean(text, known)}")
        return found.reset_index(drop=True)

    def rank(self, network: str, by: str = HEADLINE) -> "pd.DataFrame":
        """Rank the filters of each layer of a network at its last checkpoint, the highest first.

        Parameters
        ----------
        network : ``experiment/network``
        by : a quantity of the atlas, as ``taylor`` or ``mechanism:strength@block``; ``best``: what predicts
            ``zero_loss`` best in other networks of the condition, see docs/atlas.md

        Returns
        -------
        DataFrame
            ``layer_index``, ``layer``, ``rank``, ``filter``, ``by``, ``value``, ``low``, ``high``, ``n`` and
            ``reliability``; layers in the order they run.

        Raises
        ------
        InputError
            If there is no such network or quantity, or several are meant.
        """
        from probecore.measures.atlas.ranking import rank_filters

        experiment, name = _parted(network)
        return rank_filters(self.filters(experiment), name, by)

    def prune(
        self, network: str, *, loss: float, by: str = "best", layers: Sequence[str] = ("*",), random_state: int = 0
    ) -> "Plan":
        """Plan which filters of a network may go, those ranked lowest by a quantity, and measure what it costs.

        Parameters
        ----------
        network, by : see `rank`
        loss : by how much the mean loss may rise, in nats
        layers : names or globs of layers of the atlas
        random_state : of the bootstrap over images

        Returns
        -------
        Plan
            ``curve``, ``masks``, ``notes`` in lines, and ``write(folder)``.

        Raises
        ------
        InputError
            As `rank`; if a file of the study is missing, or masks cannot take any filter of these layers out.
        """
        from probecore.api.pruning import plan_of_study

        experiment, name = _parted(network)
        table = self.filters(experiment)
        return plan_of_study(self.folder, experiment, name, table, by=by, loss=loss, layers=layers, seed=random_state)


def _parted(network: str) -> tuple[str, str]:
    experiment, _, name = network.partition("/")
    if not name or "/" in name:
        raise InputError(f"{network}: no network; write experiment/network, as lenet5/trained-0")
    return experiment, name


def open_study(folder: str | Path = ".") -> StudyResults:
    """Open the results of a study whose experiments have an atlas.

    Raises
    ------
    InputError
        If the folder is no study.

    Examples
    --------
    >>> import probecore as pc
    >>> study = pc.open_study(".")
    >>> known = study.filter("lenet5/trained-0/40/conv2/7")  # doctest: +SKIP
    """
    path = Path(folder)
    if not (path / "params.yaml").is_file():
        raise InputError(f"{path}: no params.yaml; name the folder of a study")
    return StudyResults(path)
