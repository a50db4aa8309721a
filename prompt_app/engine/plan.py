"""What a run has left to do: spec + examples + finished samples -> work items. Pure, so that
resuming is nothing but planning again."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from prompt_app.datamodel.dataset import Example, sampling_key
from prompt_app.datamodel.evaluation import RunSpec, SampleKey


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One sample that needs a reply."""

    key: SampleKey
    example: Example


class Selection:
    """Which examples of the pinned dataset version a run uses."""

    def __init__(self, spec: RunSpec) -> None:
        self._spec = spec
        self._shot_ids = {shot.id for shot in spec.prompt.shots}
        self._shot_contents = {shot.fingerprint for shot in spec.prompt.shots}

    def wants(self, example: Example) -> bool:
        """Inside the split and the seeded sample."""
        spec = self._spec
        if spec.split is not None and example.split != spec.split:
            return False
        return (
            spec.sample_threshold is None
            or sampling_key(spec.sample_seed, example.id) <= spec.sample_threshold
        )

    def is_shot(self, example: Example) -> bool:
        """Serves as a few-shot example, by id or by content, and so must not be scored."""
        if not self._shot_contents:
            return False
        return example.id in self._shot_ids or example.fingerprint in self._shot_contents


def plan_work(
    spec: RunSpec, examples: Iterable[Example], finished: Container[SampleKey]
) -> Iterator[WorkItem]:
    """The samples of ``examples`` that are selected and not in ``finished``, in order; every
    repeat of an example is an item of its own."""
    selection = Selection(spec)
    for example in examples:
        if not selection.wants(example) or selection.is_shot(example):
            continue
        for repeat in range(spec.repeats):
            key = SampleKey(example_id=example.id, repeat=repeat)
            if key not in finished:
                yield WorkItem(key=key, example=example)
