"""probecore takes a convolutional network apart, measures it, and rebuilds every number byte for byte.

>>> import probecore as pc
>>> [name for name in dir(pc) if name.startswith("measure_")]
['measure_anova', 'measure_mean_dimension', 'measure_mechanism', 'measure_mutual_information', 'measure_recos']
"""

from typing import TYPE_CHECKING

from probecore.lazy import attach
from probecore.version import __version__ as __version__

if TYPE_CHECKING:
    from probecore import (
        activations as activations,
        dataset as dataset,
        models as models,
        statistics as statistics,
        train as train,
    )
    from probecore.api import (
        Result as Result,
        measure_anova as measure_anova,
        measure_mean_dimension as measure_mean_dimension,
        measure_mechanism as measure_mechanism,
        measure_mutual_information as measure_mutual_information,
        measure_recos as measure_recos,
        open_network as open_network,
        open_study as open_study,
    )
    from probecore.dataset.store import load_dataset as load_dataset
    from probecore.errors import InputError as InputError
    from probecore.measures import (
        anova as anova,
        atlas as atlas,
        mean_dimension as mean_dimension,
        mechanism as mechanism,
        mutual_information as mutual_information,
        recos as recos,
    )
    from probecore.statistics.result import Estimate as Estimate
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "api": [
                "Result",
                "measure_anova",
                "measure_mean_dimension",
                "measure_mechanism",
                "measure_mutual_information",
                "measure_recos",
                "open_network",
                "open_study",
            ],
            "dataset.store": ["load_dataset"],
            "errors": ["InputError"],
            "statistics.result": ["Estimate"],
            "activations": [],
            "measures.anova": [],
            "measures.atlas": [],
            "dataset": [],
            "measures.mean_dimension": [],
            "measures.mechanism": [],
            "models": [],
            "measures.mutual_information": [],
            "measures.recos": [],
            "statistics": [],
            "train": [],
        },
    )
