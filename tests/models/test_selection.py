"""Layers by name and pattern."""

import pytest

from probecore.errors import InputError
from probecore.models.selection import choose_layers

NAMES = ["conv1", "conv2", "fc1"]


def test_layers_keep_their_own_order_and_come_once() -> None:
    assert choose_layers(NAMES, ["fc*", "conv2", "conv*"], where="x") == ["conv1", "conv2", "fc1"]
    assert choose_layers(NAMES, ["*"], where="x") == NAMES


def test_a_pattern_that_means_none_is_said() -> None:
    with pytest.raises(InputError, match=r"^recos.layers: no layer 'cnov1' here; did you mean 'conv1'\?"):
        choose_layers(NAMES, ["fc1", "cnov1"], where="recos.layers", which=" here")
