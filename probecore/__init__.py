"""probecore takes a convolutional network apart, measures it, and rebuilds every number byte for byte."""

from probecore.version import __version__ as __version__
