"""What to write into ``params.yaml`` so that a study stays within a budget."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from probecore.measures import MEASURES, declaration
from probecore.planning.forecast import Forecast, Subject, duration
from probecore.planning.needs import START
from probecore.planning.sizes import WHOLE, Sizes, joined, sizes_within
from probecore.planning.speed import Speed


def remedies(subjects: Sequence[Subject], jobs: Sequence[Forecast], speed: Speed, *, budget: float) -> Iterator[str]:
    """For each measure that takes more than its share of the budget, what brings it within, in a line.

    Then one section `activations` for all that read them, how many images a data set keeps, and whether this is enough.
    """
    share = budget / max(1, len({(job.experiment, job.step) for job in jobs}))
    counts: dict[str, list[Sizes]] = {}
    total = sum(job.needs.seconds for job in jobs)
    for subject in subjects:
        changed: dict[str, Sizes] = {}
        for step in MEASURES:
            own = [job for job in jobs if (job.experiment, job.step) == (subject.name, step)]
            seconds, start = sum(job.needs.seconds for job in own), START * len(own)
            passes = sum(job.passes for job in own)
            if passes == 0 or seconds - start <= share:
                continue
            most = max(0.0, share - start) / passes
            changed[step] = sizes = sizes_within(most, step, subject.outline, subject.images, cost=speed.seconds)
            fewer = start + passes * speed.seconds(sizes.work)
            total += fewer - seconds
            yield (
                f"{subject.name}: {step} takes {duration(seconds)}; about {duration(fewer)} with "
                f"{step}: {json.dumps(sizes.options)}"
            )
            if step in WHOLE and sizes.kept != subject.images:
                counts.setdefault(subject.experiment.dataset, []).append(sizes)
        if any(sizes.activations for sizes in changed.values()):
            total -= sum(
                job.needs.seconds for job in jobs if (job.experiment, job.step) == (subject.name, "activations")
            )
            yield f"{subject.name}: activations: {json.dumps(_activations(subject, changed))}"
    yield from (_of_dataset(name, found, subjects) for name, found in counts.items())
    if total > budget:
        yield f"With all of this still about {duration(total)}: measure fewer networks, checkpoints or steps"


def _activations(subject: Subject, changed: Mapping[str, Sizes]) -> dict[str, Any]:
    """One section for those that are made small and those that stay."""
    now = subject.experiment.activations
    if now is None:
        return joined(sizes.activations for sizes in changed.values())
    wanted = [sizes.activations for sizes in changed.values()]
    for step in MEASURES:
        read = declaration(step).section.reads_activations
        if step in changed or read is None or getattr(subject.experiment, step) is None:
            continue
        if read == "excitations" and now.excitations is not None:
            wanted.append({"excitations": now.excitations.model_dump(mode="json", exclude_unset=True)})
        elif read != "excitations":
            wanted.append({"layers": now.layers})
    return {**now.model_dump(mode="json", exclude_unset=True), **joined(wanted)}


def _of_dataset(name: str, found: Sequence[Sizes], subjects: Sequence[Subject]) -> str:
    counts = {
        "train_samples": min(sizes.kept.train for sizes in found),
        "test_samples": min(sizes.kept.test for sizes in found),
    }
    trained = any(each.experiment.train.seeds for each in subjects if each.experiment.dataset == name)
    also = "; networks are then trained on so few images, too" if trained else ""
    return f"datasets.{name}: {json.dumps(counts)}{also}"
