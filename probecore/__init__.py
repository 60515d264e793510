"""probecore takes a convolutional network apart, measures it, and rebuilds every number byte for byte."""

__version__ = "0.1.0"
