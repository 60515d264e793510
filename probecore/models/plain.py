"""The plain networks of the papers, layer by layer. Sources and choices: `probecore.models.catalogue`."""

from torch import nn

from probecore.models.chain import Chain
from probecore.models.params import ModelParams, filled

_VGG16_FILTERS = (1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 8, 8, 8)
"""Filters of the 13 blocks in units of the width d."""


def lenet5(params: ModelParams, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """6-16-120-84; conv1 pads images below 32 pixels by 2, so that 28 and 32 give the same maps."""
    padding = 2 if min(input_shape[1:], default=0) < 32 else 0
    chain = Chain(params, input_shape)
    chain.conv(6, 5, padding=padding).act().max_pool()
    chain.conv(16, 5).act().max_pool()
    chain.linear(120).act().linear(84).act().linear(outputs)
    return chain.build()


def lenet_caffe(params: ModelParams, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """20-50-500."""
    chain = Chain(params, input_shape)
    chain.conv(20, 5).act().max_pool()
    chain.conv(50, 5).act().max_pool()
    chain.linear(500).act().linear(outputs)
    return chain.build()


def vgg6(params: ModelParams, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Five 3x3 blocks with batch normalisation, each pooled, and one linear layer without bias."""
    chain = Chain(params, input_shape)
    for multiple in (1, 2, 4, 8, 8):
        chain.conv(multiple * filled(params.width), 3, padding=1).norm().act().max_pool()
    chain.linear(outputs, bias=False)
    return chain.build()


def vgg16(params: ModelParams, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """13 blocks, 2x2 max-pools after 2, 4, 7, 10 and 13, three linear layers without activation."""
    chain = Chain(params, input_shape)
    for block, multiple in enumerate(_VGG16_FILTERS, start=1):
        chain.conv(multiple * filled(params.width), 3, padding=1).norm().act()
        if block in (2, 4, 7, 10, 13):
            chain.max_pool()
    return _with_linear_layers(chain, params, outputs)


def avgg16(params: ModelParams, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """VGG-16 without the pools after 2 and 4, and with an average-pool before the last max-pool."""
    chain = Chain(params, input_shape)
    for block, multiple in enumerate(_VGG16_FILTERS, start=1):
        chain.conv(multiple * filled(params.width), 3, padding=1).norm().act()
        if block in (7, 10):
            chain.max_pool()
    chain.average_pool(4).max_pool()
    return _with_linear_layers(chain, params, outputs)


def alexnet(params: ModelParams, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """AlexNet for 32x32 images."""
    chain = Chain(params, input_shape)
    chain.conv(64, 5, stride=2, padding=2).act().max_pool(3, padding=1)
    chain.conv(192, 5, padding=2).act().max_pool(3, padding=1)
    chain.conv(384, 3, padding=1).act()
    chain.conv(256, 3, padding=1).act()
    chain.conv(256, 3, padding=1).act().max_pool(3, padding=1)
    chain.dropout(0.5).linear(4096).act()
    chain.dropout(0.5).linear(4096).act()
    chain.linear(outputs)
    return chain.build()


def sibling_cnn(params: ModelParams, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """L convolutions of 32 filters, the first unpadded; a 2x2 max-pool; 512 neurons."""
    kernel = filled(params.kernel)
    chain = Chain(params, input_shape)
    chain.conv(32, kernel).act()
    for _ in range(1, filled(params.layers)):
        chain.conv(32, kernel, padding=kernel // 2).act()
    chain.max_pool().linear(512).act().linear(outputs)
    return chain.build()


def mlp(params: ModelParams, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Linear layers with activations between them; images are flattened."""
    chain = Chain(params, input_shape)
    for neurons in filled(params.hidden):
        chain.linear(neurons).act()
    chain.linear(outputs)
    return chain.build()


def _with_linear_layers(chain: Chain, params: ModelParams, outputs: int) -> nn.Module:
    inner = 64 * filled(params.width)
    return chain.linear(inner).linear(inner).linear(outputs, bias=False).build()
