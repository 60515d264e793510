"""What is predicted and what is correct."""

import torch
from torch import nn

from probecore.train.evaluation import correct, correct_images, predicted


def test_the_class_is_that_of_the_largest_output_and_of_equal_ones_the_first() -> None:
    logits = torch.tensor([[0.0, 2, 1], [3, 3, 1], [-1, -2, -3]])
    assert predicted(logits).tolist() == [1, 0, 0]
    assert correct(logits, torch.tensor([1, 1, 0])).tolist() == [True, False, True]


def test_images_are_judged_in_chunks_in_evaluation_mode_and_the_network_keeps_its_own() -> None:
    model = nn.Sequential(nn.Dropout(0.99), nn.Linear(3, 3, bias=False)).train()
    with torch.no_grad():
        model[1].weight.copy_(torch.eye(3))  # type: ignore[operator]
    labels = torch.arange(603) % 3
    images = nn.functional.one_hot(labels, 3).to(torch.uint8)
    sizes: list[int] = []

    def scale(part: torch.Tensor) -> torch.Tensor:
        sizes.append(len(part))
        return part.float()

    assert correct_images(model, images, labels, scale=scale).all()
    assert sizes == [500, 103]
    assert not correct_images(model, images.float(), (labels + 1) % 3, size=7).any()
    assert model.training
