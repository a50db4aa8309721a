"""Two releases of a lesson, compared label by label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prompt_app.errors import RubricError
from prompt_app.rubrics.model import Rubric
from prompt_app.rubrics.releases import Release

if TYPE_CHECKING:
    from prompt_app.statistics.verdict import PairedComparison


@dataclass(frozen=True, slots=True)
class MovedLabel:
    """A prediction that is not what it was."""

    student: str
    concept: str
    before: str | None
    after: str | None
    actual: str


@dataclass(frozen=True, slots=True)
class ReleaseComparison:
    """What another release changes. Every difference is candidate - baseline."""

    exact: PairedComparison
    """Of the labels that agree with people's; works are its clusters."""
    changed: tuple[str, ...]
    """Which of prompt, rubric, examples and judge are not the same."""
    moved: tuple[MovedLabel, ...]
    clauses: dict[str, int]
    """Key concepts whose clauses were changed -> labels of theirs that moved."""


def compare_releases(
    baseline: Release, candidate: Release, rubrics: tuple[Rubric, Rubric]
) -> ReleaseComparison:
    """``rubrics`` are those of baseline and candidate.

    Raises RubricError where they were measured on different works or labels: then a difference
    could be the dataset's.
    """
    from prompt_app.statistics.comparison import PairedMetric, compare

    if baseline.hashes["dataset"] != candidate.hashes["dataset"]:
        raise RubricError(
            f"{baseline.name} and {candidate.name} were measured on different works or labels of "
            f"{baseline.lesson}; test both on the same dataset and release them again."
        )
    before = {(p.student, p.concept): p for p in baseline.predictions}
    after = {(p.student, p.concept): p for p in candidate.predictions}
    shared = [key for key in before if key in after]
    names = {key: f"{key[0]}: {key[1]}" for key in {*before, *after}}
    metric = PairedMetric(
        metric="agreement",
        baseline={names[k]: float(p.predicted == p.actual)
                  for k, p in before.items() if p.predicted is not None},
        candidate={names[k]: float(p.predicted == p.actual)
                   for k, p in after.items() if p.predicted is not None},
        kind="proportion",
        clusters={name: student for (student, _), name in names.items()},
    )  # fmt: skip
    moved = tuple(
        MovedLabel(*key, before[key].predicted, after[key].predicted, before[key].actual)
        for key in shared
        if before[key].predicted != after[key].predicted
    )
    old, new = ({c.name: c for c in rubric.concepts} for rubric in rubrics)
    clauses = {
        name: sum(label.concept == name for label in moved)
        for name in old
        if name in new and old[name] != new[name]
    }
    changed = tuple(k for k, value in baseline.hashes.items() if candidate.hashes[k] != value)
    return ReleaseComparison(compare([metric])[0], changed, moved, clauses)
