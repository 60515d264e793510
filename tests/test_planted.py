"""A network whose weights are set by hand: measures see what was planted, in the filters where it was, and nowhere else.

Images hold a horizontal line (u), a vertical (v) and a diagonal one (w), each or not, by independent fair coins. Class 0
is u; of the others, class 1 is v or w but not both. Filter 0 sees u and alone decides class 0; filters 1 and 2 both see
v, and either is enough; filter 3 is dead; filter 4 sees w, which says nothing without v.
"""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from probecore.measures.anova import LayerModel
from probecore.measures.anova.excitations import activation_weighted_patch
from probecore.measures.mean_dimension import mean_dimension
from probecore.measures.mechanism.head import Head
from probecore.measures.mechanism.readout import image_winners, ranking_half
from probecore.measures.mechanism.winners import favourites, winner_statistics
from probecore.measures.mutual_information.discrete import class_information
from probecore.measures.mutual_information.redundancy import pair_information
from probecore.measures.recos.density import PatchSums
from probecore.measures.recos.geometry import anchor_vectors, sphere_correlations
from probecore.models import ablate, blocks
from probecore.statistics import paired_difference

ALONE, ONE, ITS_COPY, DEAD, INTERACTS = range(5)
LINES = {
    "u": [[0, 0, 0], [1, 1, 1], [0, 0, 0]],
    "v": [[0, 1, 0], [0, 1, 0], [0, 1, 0]],
    "w": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
}
CORNERS = {"u": (0, 0), "v": (0, 6), "w": (6, 0)}
N = 400


def planted_network() -> nn.Sequential:
    """The second layer cuts v at one however many filters see it; the third makes u, and v or w but not both."""
    model = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 5, 3),
            act1=nn.ReLU(),
            pool=nn.AdaptiveAvgPool2d(1),
            flat=nn.Flatten(),
            fc1=nn.Linear(5, 6),
            act2=nn.ReLU(),
            fc2=nn.Linear(6, 3),
        )
    )
    hidden = [[1, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 0, 1], [0, 1, 1, 0, 2], [0, 1, 1, 0, 2]]
    u, either = torch.tensor([4.0, 0, 0, 0, 0, 0]), torch.tensor([0.0, 1, -1, 1, -2, 2])
    weights = {
        "conv1.weight": torch.stack([2 * torch.tensor(LINES[line])[None] - 1 for line in "uvvuw"]),
        "conv1.bias": torch.tensor([-2.5, -2.5, -2.5, -9.0, -2.5]),
        "fc1.weight": 200 * torch.tensor(hidden),
        "fc1.bias": torch.tensor([0.0, 0, -1, 0, -2, -3]),
        "fc2.weight": torch.stack([u, either, -either]),
        "fc2.bias": torch.tensor([-1.0, -0.5, 0.5]),
    }
    model.load_state_dict(weights)
    return model.eval()


@pytest.fixture(scope="module")
def images() -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    coins = {line: rng.permutation(np.arange(N) % 2) for line in CORNERS}
    pixels = rng.uniform(0, 0.008, (N, 1, 12, 12))
    for line, (top, left) in CORNERS.items():
        for image in np.flatnonzero(coins[line]):
            row, column = np.add((top, left), rng.integers(0, 3, 2))
            pixels[image, 0, row : row + 3, column : column + 3] += LINES[line]
    labels = np.where(coins["u"] == 1, 0, np.where(coins["v"] != coins["w"], 1, 2))
    return torch.from_numpy(pixels).float(), torch.from_numpy(labels)


@pytest.fixture(scope="module")
def pooled(images: tuple[torch.Tensor, torch.Tensor]) -> np.ndarray:
    """What each filter answers to each image, (N, 5)."""
    with torch.inference_mode():
        return planted_network()[:4](images[0]).double().numpy()


def test_the_network_knows_the_classes(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    with torch.inference_mode():
        assert (planted_network()(images[0]).argmax(1) == images[1]).all()


def test_ablation_sees_what_the_network_cannot_do_without(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    model, (inputs, labels) = planted_network(), images
    intact, ablated = ablate(model, blocks(model, (1, 12, 12))[0], [(inputs, labels)], "zero")
    silenced = ablated.correct
    changes = [paired_difference(intact.correct, hits) for hits in silenced]
    assert [change.p < 0.001 for change in changes] == [True, False, False, False, True]
    assert [changes[filter_].value for filter_ in (ONE, ITS_COPY, DEAD)] == [0, 0, 0]
    assert changes[ALONE].value == -0.5
    assert not silenced[ALONE][labels.numpy() == 0].any()
    assert silenced[ALONE][labels.numpy() != 0].all()
    assert silenced[INTERACTS][labels.numpy() == 0].all()


def test_one_filter_alone_tells_its_class_by_its_votes(
    images: tuple[torch.Tensor, torch.Tensor], pooled: np.ndarray
) -> None:
    """A linear head reads u; of the others no filter alone is right more often than chance, and the dead one is silent."""
    labels = images[1].numpy()
    centre = pooled.mean(0)
    weight = np.linalg.lstsq(pooled - centre, np.eye(3)[labels] - 1 / 3, rcond=None)[0].T
    head = Head(weight=torch.from_numpy(weight), centre=torch.from_numpy(centre))
    won = image_winners(head, torch.from_numpy(pooled)).numpy()
    ranking = ranking_half(labels, classes=3)
    ranked, judged = (
        np.stack([won[half & (labels == label)].mean(0) for label in range(3)], axis=1) for half in (ranking, ~ranking)
    )
    found = winner_statistics(judged, favourites(ranked))
    assert judged[ALONE, 0, 0] == 1
    assert not judged[ALONE, 1:, 0].any()
    assert found.single_accuracy[ALONE] == pytest.approx(2 / 3)
    assert found.winner_share[ALONE] == pytest.approx(2 / 3)
    assert np.abs(found.single_accuracy[[ONE, ITS_COPY, INTERACTS]] - 1 / 3).max() < 0.1
    assert np.isnan(found.single_accuracy[DEAD]) and np.isnan(found.winner_share[DEAD])


def test_label_information_is_in_the_filter_that_decides(
    images: tuple[torch.Tensor, torch.Tensor], pooled: np.ndarray
) -> None:
    found = class_information(pooled, images[1].numpy(), classes=3, bins=2)
    assert found[ALONE, 0] == pytest.approx(np.log(2), abs=0.01)
    assert np.abs(found[[ONE, ITS_COPY, DEAD, INTERACTS]]).max() < 0.02


def test_pairs_are_redundant_or_synergetic_where_it_was_planted(
    images: tuple[torch.Tensor, torch.Tensor], pooled: np.ndarray
) -> None:
    rng = np.random.default_rng(1)
    pairs = pair_information(pooled, images[1].numpy(), bins=2, shuffles=99, generator=rng)
    units = np.triu_indices(5, 1)
    copies = {(int(i), int(j)) for i, j in zip(*units, strict=True) if pairs.shared[i, j] > 0.1}
    synergetic = {(int(i), int(j)) for i, j in zip(*units, strict=True) if pairs.redundancy[i, j] < -0.1}
    assert copies == {(ONE, ITS_COPY)}
    assert synergetic == {(ONE, INTERACTS), (ITS_COPY, INTERACTS)}
    assert pairs.redundancy[ONE, INTERACTS] == pytest.approx(-np.log(2) / 2, abs=0.05)
    others = [(i, j) for i, j in zip(*units, strict=True) if (i, j) not in synergetic]
    assert max(abs(pairs.redundancy[i, j]) for i, j in others) < 0.05


def test_mean_dimension_is_two_where_two_lines_interact(pooled: np.ndarray) -> None:
    tail = planted_network()[4:]

    def logit(number: int) -> float:
        def function(points: torch.Tensor) -> torch.Tensor:
            u, v, w = points.T
            logits: torch.Tensor = tail(torch.stack([u, v, v, torch.zeros_like(u), w], dim=1))
            return logits[:, number]

        points = torch.from_numpy(pooled[:, [ALONE, ONE, INTERACTS]]).float()
        return mean_dimension(function, points, shuffles=5, generator=np.random.default_rng(2)).value

    assert logit(0) == pytest.approx(1.0, abs=0.05)
    assert logit(1) == pytest.approx(2.0, abs=0.15)


def test_recos_sees_which_anchors_are_one_direction(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    """The dead filter has the first one's weights and a bias that silences it; geometry knows weights alone."""
    conv = planted_network()[0]
    anchors = anchor_vectors(conv).double()
    angles = torch.rad2deg(torch.acos((anchors @ anchors.T).clamp(-1, 1)))
    copies = {(i, j) for i in range(5) for j in range(i + 1, 5) if angles[i, j] < 1}
    assert copies == {(ALONE, DEAD), (ONE, ITS_COPY)}
    distinct = torch.tensor([ALONE, ONE, INTERACTS])
    assert (angles[distinct][:, distinct] + 180 * torch.eye(3)).min() > 60
    nearest = PatchSums.of(sphere_correlations(conv, images[0])).nearest.sum(0)
    occupancy = nearest / nearest.sum()
    assert (occupancy[[ITS_COPY, DEAD]] == 0).all()  # of equal ones the first is the nearest
    assert (occupancy[distinct] > 0.1).all()


def test_anova_sees_filters_that_follow_their_lines(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    rng = np.random.default_rng(3)
    conv = planted_network()[0]
    with torch.inference_mode():
        responses = conv(images[0]).relu().flatten(2).transpose(1, 2).flatten(0, 1)
    patches = nn.functional.unfold(images[0], 3).transpose(1, 2).flatten(0, 1)
    weights = conv.get_parameter("weight").detach().flatten(1).double().numpy()
    excitations = activation_weighted_patch(patches.numpy(), responses.numpy())
    assert [bool(np.isnan(own).any()) for own in excitations] == [filter_ == DEAD for filter_ in range(5)]
    live = [ALONE, ONE, ITS_COPY, INTERACTS]
    model = LayerModel(4, 9, grid=(3, 3), generator=rng, permutations=99)
    assert (model.tap_correlations(weights[live], excitations[live]).r > 0.9).all()
    followed = model.associate(weights[live], excitations[live])
    assert followed.r2 > 0.8
    assert followed.taps_p <= 0.05
    random = [model.tap_correlations(rng.normal(size=(4, 9)), excitations[live]).p for _ in range(100)]
    assert (np.concatenate(random) <= 0.05).mean() < 0.08
