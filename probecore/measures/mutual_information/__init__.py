"""The step `mutual_information`: who knows what, and when (Fang, Wang and Yamaguchi 2018, doi 10.3390/e20110823)."""

from typing import TYPE_CHECKING

from probecore.lazy import attach

if TYPE_CHECKING:
    from probecore.measures.mutual_information.density import (
        kolchinsky_tracey as kolchinsky_tracey,
        monte_carlo_mixture as monte_carlo_mixture,
    )
    from probecore.measures.mutual_information.discrete import (
        class_information as class_information,
        equal_bins as equal_bins,
        plugin as plugin,
    )
    from probecore.measures.mutual_information.neighbours import ksg as ksg, mixed_ksg as mixed_ksg, ross as ross
    from probecore.measures.mutual_information.parametric import gaussian as gaussian, probe_bound as probe_bound
    from probecore.measures.mutual_information.redundancy import (
        choice_order as choice_order,
        pair_information as pair_information,
    )
    from probecore.measures.mutual_information.renyi import matrix_renyi as matrix_renyi
    from probecore.measures.mutual_information.result import MutualInformation as MutualInformation
    from probecore.measures.mutual_information.units import label_information as label_information
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "density": ["kolchinsky_tracey", "monte_carlo_mixture"],
            "discrete": ["class_information", "equal_bins", "plugin"],
            "neighbours": ["ksg", "mixed_ksg", "ross"],
            "parametric": ["gaussian", "probe_bound"],
            "redundancy": ["choice_order", "pair_information"],
            "renyi": ["matrix_renyi"],
            "result": ["MutualInformation"],
            "units": ["label_information"],
        },
    )
