"""Names inside an activations file, shared by the writer and the reader.

::

    /                         format, format_version, library_version, model, data_sha256, complete
    /epoch-020                checkpoint_sha256
    /epoch-020/test           images, layers
        labels indices logits predictions class_counts
        layers/conv1          module, call, shape, units_axis
            maps mean max class_means
        excitations/conv1     by_class by_dilation patches responses maps covariance images covariance_images dilations

Every data set carries `block_rows` and `xxh3`: the XXH3-64 of each block of that many rows, over the bytes
as they lie in the file. Texts are of fixed length, because HDF5 guards those (not its heap of variable
ones) by checksums of its own.
"""

import h5py
import numpy as np

FORMAT = "probecore-activations"
FORMAT_VERSION = 2


def epoch_name(epoch: int) -> str:
    """The group of an epoch: epoch-020."""
    return f"epoch-{epoch:03d}"


def write_text(attributes: h5py.AttributeManager, key: str, text: str) -> None:
    """Write a text of fixed length."""
    attributes[key] = np.bytes_(text.encode())


def read_text(attributes: h5py.AttributeManager, key: str) -> str:
    """Read what `write_text` wrote."""
    return bytes(attributes[key]).decode()
