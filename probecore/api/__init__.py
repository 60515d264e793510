"""What a notebook calls: open a network, measure it in one call, look at a result. No study folder is needed."""

from typing import TYPE_CHECKING

from probecore.lazy import attach

if TYPE_CHECKING:
    from probecore.api.measures import (
        measure_anova as measure_anova,
        measure_mean_dimension as measure_mean_dimension,
        measure_mechanism as measure_mechanism,
        measure_mutual_information as measure_mutual_information,
        measure_recos as measure_recos,
    )
    from probecore.api.opening import open_network as open_network
    from probecore.api.result import Result as Result
    from probecore.api.study import open_study as open_study
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "measures": [
                "measure_anova",
                "measure_mean_dimension",
                "measure_mechanism",
                "measure_mutual_information",
                "measure_recos",
            ],
            "opening": ["open_network"],
            "result": ["Result"],
            "study": ["open_study"],
        },
    )
