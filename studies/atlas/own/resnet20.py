"""ResNet-20 for 32×32 images (He et al. 2016, arXiv 1512.03385, section 4.2), with shortcuts without parameters."""

from collections import OrderedDict
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import pad


def build(width: int = 16, outputs: int = 10) -> nn.Module:
    """Build three stages of three residual blocks, of `width`, 2 `width` and 4 `width` filters."""
    widths = [width * factor for factor in (1, 1, 1, 1, 2, 2, 2, 4, 4, 4)]
    layers = OrderedDict[str, nn.Module](
        conv=nn.Conv2d(3, width, 3, padding=1, bias=False), norm=nn.BatchNorm2d(width), act=nn.ReLU()
    )
    for place, (before, after) in enumerate(pairwise(widths), start=1):
        layers[f"block{place}"] = Residual(before, after)
    layers |= {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "fc": nn.Linear(widths[-1], outputs)}
    return nn.Sequential(layers)


class Residual(nn.Module):
    """Two convolutions and a sum; where the number of filters grows, the map is halved and zeros are added."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.stride, self.added = (1 if before == after else 2), after - before
        self.conv1 = nn.Conv2d(before, after, 3, stride=self.stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.act1 = nn.ReLU()
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.act2 = nn.ReLU()

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (N, before, H, W) to (N, after, H / stride, W / stride)."""
        shortcut = pad(inputs[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
        inner: Tensor = self.norm2(self.conv2(self.act1(self.norm1(self.conv1(inputs)))))
        outputs: Tensor = self.act2(inner + shortcut)
        return outputs
