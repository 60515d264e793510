"""Networks cut at a block: what the block gives, and what follows as a function of that."""

import contextlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from probecore.models.intervention import output_changed
from probecore.models.kinds import units_first
from probecore.models.layers import Block
from probecore.models.tracing import find_call, listening

Rest = Callable[[Tensor, Tensor], Tensor]
"""From a block's output (M, F, ...) for some of the inputs, and their places (M,), to the network's output (M, K)."""

KEPT_NUMBERS = 1 << 28
"""In modules' outputs that are kept before a block, at most; with more the whole network runs."""

ROUNDING = 1e4
"""Differences of so many units in the last place of the largest output are none."""


def block_outputs(model: nn.Module, blocks: Sequence[Block], inputs: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Output (N, F, ...) of each block, by the name of its layer, and the network's own output (N, K)."""
    kept: dict[tuple[str, int], Tensor] = {}

    def keep(name: str, index: int, _inputs: Any, output: Any) -> None:
        kept[name, index] = output.clone()  # what follows may work in place

    with torch.no_grad(), listening(model, {block.output for block in blocks}, keep):
        logits = model(inputs)
    outputs = {block.layer: (kept[block.output, block.output_call + 1], block.axis) for block in blocks}
    return {layer: units_first(output, axis) for layer, (output, axis) in outputs.items()}, logits


def rest_after(model: nn.Module, block: Block, inputs: Tensor) -> Rest:
    """What follows a block, for the inputs (N, ...).

    Of a plain chain its other layers; of another network what is not done before the block gives its output, where
    modules that were done give what they gave; the whole network where that does not give the same.
    """
    if (tail := chain_after(model, block)) is not None:
        following = tail
        return lambda maps, _chosen: following(maps.movedim(1, block.axis + 1))
    call = f"{block.output}#{block.output_call + 1}"
    done = _Done(model, inputs, call)

    def after(maps: Tensor, chosen: Tensor) -> Tensor:
        with done.given_again(chosen), output_changed(model, call, lambda _: maps.movedim(1, block.axis + 1)):
            logits: Tensor = model(inputs[chosen])
        return logits

    changed, _ = block_outputs(model, [block], inputs)
    done.keep_what_serves(after, changed[block.layer].mul_(0.5))
    return after


@dataclass(frozen=True)
class _Kept:
    """What a call of a module gave, (N, ...); of what nobody reads again only the shape counts."""

    name: str
    number: int
    output: Tensor
    read: bool = True

    def of(self, chosen: Tensor) -> Tensor:
        """For some of the inputs; what follows may work in place, so each time a copy."""
        if self.read:
            return self.output[chosen]
        return self.output[:1].expand(len(chosen), *self.output.shape[1:])

    def unread(self) -> "_Kept":
        """NaN that takes no memory, in place of the output."""
        nan = self.output.new_full((1,) * self.output.ndim, torch.nan)
        return replace(self, output=nan.expand(self.output.shape), read=False)


class _Done:
    """Modules that are done before a call of another module gives its output, with what they gave.

    Of modules inside each other the outermost is kept, if it gave one tensor with an entry for each input.
    """

    def __init__(self, model: nn.Module, inputs: Tensor, call: str) -> None:
        self._modules = dict(model.named_modules())
        self._kept: list[_Kept] = []
        wanted, number = find_call(model, call)
        began: list[int] = []
        calls: Counter[str] = Counter()

        def begin(_module: nn.Module, _inputs: Any) -> None:
            began.append(len(self._kept))

        def finish(name: str, output: Any) -> None:
            before = began.pop()
            calls[name] += 1
            if name == wanted and calls[name] == (number or 1):
                raise _End
            if isinstance(output, Tensor) and output.ndim > 1 and len(output) == len(inputs):
                self._kept[before:] = [_Kept(name, calls[name], output.clone())]

        with contextlib.ExitStack() as stack, torch.no_grad(), contextlib.suppress(_End):
            for name, module in self._modules.items():
                stack.callback(module.register_forward_pre_hook(begin).remove)
                stack.callback(module.register_forward_hook(lambda _m, _i, out, name=name: finish(name, out)).remove)
            model(inputs.clone())

    def keep_what_serves(self, run: Rest, maps: Tensor) -> None:
        """Keep nothing if the end, for a part of the inputs and other `maps`, is not what the whole network gives.

        What no module that runs again reads is forgotten before: where it is NaN, the end is the same.
        """
        chosen = torch.arange(len(maps), device=maps.device).flip(0)[: max(1, len(maps) - 1)]
        kept, self._kept = self._kept, []
        with torch.no_grad():
            expected = run(maps[chosen].clone(), chosen)
            run(maps[:1].clone(), chosen[-1:])  # what modules remember by themselves is now of another input
            self._kept = kept
            self._drop_unread(lambda: _same(run, maps, chosen[:1], expected[:1]))
            if not _same(run, maps, chosen, expected):
                self._kept = []

    def _drop_unread(self, is_same: Callable[[], bool]) -> None:
        for place, kept in reversed(list(enumerate(self._kept))):
            self._kept[place] = kept.unread()
            if not is_same():
                self._kept[place] = kept
        if sum(kept.output.numel() for kept in self._kept if kept.read) > KEPT_NUMBERS:
            self._kept = []

    @contextlib.contextmanager
    def given_again(self, chosen: Tensor) -> Iterator[None]:
        """Let the modules give what they gave for some of the inputs, as long as the block lasts."""
        with contextlib.ExitStack() as stack:
            for name in dict.fromkeys(kept.name for kept in self._kept):
                own = {kept.number: kept for kept in self._kept if kept.name == name}
                stack.enter_context(_forward_replaced(self._modules[name], own, chosen))
            yield


def _same(run: Rest, maps: Tensor, chosen: Tensor, expected: Tensor) -> bool:
    try:
        found = run(maps[chosen].clone(), chosen)
    except Exception:  # whatever a network does with an output that it does not expect
        return False
    bound = ROUNDING * torch.finfo(expected.dtype).eps * expected.abs().max()
    return found.shape == expected.shape and bool((found - expected).abs().max() <= bound)


class _End(Exception):
    """The call that a run was to reach is reached."""


@contextlib.contextmanager
def _forward_replaced(module: nn.Module, kept: Mapping[int, _Kept], chosen: Tensor) -> Iterator[None]:
    own, original, calls = "forward" in vars(module), module.forward, itertools.count(1)

    def give(*args: Any, **options: Any) -> Any:
        number = next(calls)
        return kept[number].of(chosen) if number in kept else original(*args, **options)

    module.forward = give
    try:
        yield
    finally:
        if own:
            module.forward = original
        else:
            del module.forward


def chain_after(model: nn.Module, block: Block) -> nn.Sequential | None:
    """The layers that follow a block of a plain chain; None where the network is none."""
    names = list(dict(model.named_children()))
    if not isinstance(model, nn.Sequential) or block.output not in names:
        return None
    after = model[names.index(block.output) + 1 :]
    assert isinstance(after, nn.Sequential)
    return after
