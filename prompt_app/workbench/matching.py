"""Which examples of two runs are the same ones, and what a metric gave each."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from prompt_app.datamodel.evaluation import Run
from prompt_app.interfaces import Store


@dataclass(frozen=True, slots=True)
class Match:
    """What two runs' datasets have in common."""

    shared: int
    """Examples of equal id and content."""
    changed: frozenset[str] = frozenset()
    """Ids that stand for other content in each."""
    warnings: tuple[str, ...] = ()


def match_examples(store: Store, baseline: Run, candidate: Run) -> Match:
    """Which examples of both datasets are the same ones."""
    first, second = baseline.spec, candidate.spec
    if first.dataset_version == second.dataset_version:
        return Match(store.get_dataset_version_by_id(first.dataset_version).rows)
    ours = store.example_fingerprints(first.dataset_version)
    theirs = store.example_fingerprints(second.dataset_version)
    common = ours.keys() & theirs.keys()
    changed = frozenset(example for example in common if ours[example] != theirs[example])
    sentence = (
        f"The datasets differ ({first.dataset_name}, {second.dataset_name}): compared on the "
        f"{len(common) - len(changed)} examples of equal id and content that both have, "
        f"of {len(ours)} and {len(theirs)}."
    )
    if changed:
        sentence += f" {len(changed)} have the same id but other content, and are left out."
    return Match(len(common) - len(changed), changed, (sentence,))


def filled_clusters(
    clusters: Mapping[str, str] | None, examples: Iterable[str]
) -> dict[str, Hashable] | None:
    """An example without a cluster is one of its own."""
    if clusters is None:
        return None
    return {example: clusters.get(example, ("alone", example)) for example in examples}


def without(values: Mapping[str, float], left_out: frozenset[str]) -> dict[str, float]:
    if not left_out:
        return dict(values)
    return {example: value for example, value in values.items() if example not in left_out}
