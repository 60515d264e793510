"""The results of a finished study, by the addresses of its filters."""

from pathlib import Path
from typing import TYPE_CHECKING

from probecore.errors import InputError
from probecore.files import read_table
from probecore.measures import declaration
from probecore.schema import did_you_mean

if TYPE_CHECKING:
    import pandas as pd


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
