"""The step `mutual_information`: who knows what, and when (Fang, Wang and Yamaguchi 2018, doi 10.3390/e20110823)."""

from typing import TYPE_CHECKING

from probecore.lazy import exports

if TYPE_CHECKING:
    from probecore.mutual_information.density import kolchinsky_tracey, monte_carlo_mixture
    from probecore.mutual_information.discrete import class_information, equal_bins, plugin, quantile_bins
    from probecore.mutual_information.neighbours import ksg, mixed_ksg, ross
    from probecore.mutual_information.parametric import gaussian, probe_bound
    from probecore.mutual_information.redundancy import choice_order, pair_information
    from probecore.mutual_information.renyi import matrix_renyi
    from probecore.mutual_information.result import MutualInformation
    from probecore.mutual_information.units import label_information

__all__ = [
    "MutualInformation",
    "choice_order",
    "class_information",
    "equal_bins",
    "gaussian",
    "kolchinsky_tracey",
    "ksg",
    "label_information",
    "matrix_renyi",
    "mixed_ksg",
    "monte_carlo_mixture",
    "pair_information",
    "plugin",
    "probe_bound",
    "quantile_bins",
    "ross",
]

_HOMES = {
    "density": ["kolchinsky_tracey", "monte_carlo_mixture"],
    "discrete": ["class_information", "equal_bins", "plugin", "quantile_bins"],
    "neighbours": ["ksg", "mixed_ksg", "ross"],
    "parametric": ["gaussian", "probe_bound"],
    "redundancy": ["choice_order", "pair_information"],
    "renyi": ["matrix_renyi"],
    "result": ["MutualInformation"],
    "units": ["label_information"],
}

__getattr__ = exports(__name__, {name: module for module, names in _HOMES.items() for name in names})
