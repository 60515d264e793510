"""The version of the package; what writes it into files depends on this module alone."""

__version__ = "0.2.0"
