"""How well a lesson's assessments agree with people's labels, with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from prompt_app.datamodel.score import Interval
from prompt_app.rubrics.results import LessonResult, Pair, View, pairs
from prompt_app.statistics.interval_choice import interval_for
from prompt_app.statistics.intervals import wilson_interval


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A share of labels that agree, over those that were predicted."""

    value: float | None
    interval: Interval | None
    agreeing: int
    scored: int
    unscored: int
    """Labels of people without a prediction: unreadable replies and ties. Not in the share."""


@dataclass(frozen=True, slots=True)
class ConceptMeasures:
    """Agreement on one key concept, or over all of them."""

    name: str
    accuracy: Accuracy
    kappa: float | None
    """Cohen's, unweighted; None where it is undefined."""
    kappa_interval: Interval | None
    weighted_kappa: float | None
    """Quadratic: a label next to the right one counts as nearly right."""
    weighted_kappa_interval: Interval | None
    confusion: tuple[tuple[int, ...], ...]
    """Counts: a row for each actual label, a column for each predicted one."""


@dataclass(frozen=True, slots=True)
class LessonMeasures:
    """All of one view on a lesson."""

    view: View
    labels: tuple[str, ...]
    overall: ConceptMeasures
    """Its intervals are clustered: the key concepts of one work are not independent."""
    concepts: tuple[ConceptMeasures, ...]
    students: int
    """Works that measure something."""
    left_out: int
    """Works for tuning, worked examples, and those that nobody has labelled."""
    errors: dict[str, int]
    """Replies that could not be read, by the kind of their error."""
    ties: int


def measure(result: LessonResult, view: View) -> LessonMeasures:
    """Agreement over the works that were held out."""
    found = pairs(result, view)
    labels = result.labels(view)
    measured = {pair.student for pair in found}
    problems = [p.kind for s in result.students for p in s.problems]
    ties = [v for s in result.students for v in s.votes if v.is_tie]
    return LessonMeasures(
        view=view,
        labels=labels,
        overall=_measures("all", found, labels, clustered=True),
        concepts=tuple(
            _measures(name, [pair for pair in found if pair.concept == name], labels)
            for name in result.experiment.rubric.names
        ),
        students=len(measured),
        left_out=len(result.students) - len(measured),
        errors=dict(Counter(problems).most_common()),
        ties=len(ties),
    )


def accuracy_of(found: Sequence[Pair], *, clustered: bool = False) -> Accuracy:
    """Wilson's interval; with ``clustered`` that of labels that share a work."""
    scored = [pair for pair in found if pair.predicted is not None]
    hits = [float(pair.actual == pair.predicted) for pair in scored]
    agreeing = int(sum(hits))
    interval = wilson_interval(agreeing, len(scored))
    if clustered and scored:
        interval = interval_for(hits, "proportion", [pair.student for pair in scored])
    return Accuracy(
        value=agreeing / len(scored) if scored else None,
        interval=interval,
        agreeing=agreeing,
        scored=len(scored),
        unscored=len(found) - len(scored),
    )


def _measures(
    name: str, found: Sequence[Pair], labels: tuple[str, ...], *, clustered: bool = False
) -> ConceptMeasures:
    import numpy as np

    from prompt_app.statistics.agreement import confusion_matrix
    from prompt_app.statistics.kappa import kappa, kappa_weights

    accuracy = accuracy_of(found, clustered=clustered)
    if not accuracy.scored:
        empty = tuple((0,) * len(labels) for _ in labels)
        return ConceptMeasures(name, accuracy, None, None, None, None, empty)
    by_work: dict[str, list[Pair]] = {}
    for pair in found:
        if pair.predicted is not None:
            by_work.setdefault(pair.student, []).append(pair)
    tables = np.array(
        [
            confusion_matrix([p.actual for p in own], [p.predicted for p in own], labels)
            for own in by_work.values()
        ]
    )
    table = tables.sum(axis=0)
    units = tables if clustered else None
    plain, weighted = (kappa(table, kappa_weights(len(labels), p), units=units) for p in (0, 2))
    return ConceptMeasures(
        name=name,
        accuracy=accuracy,
        kappa=plain.value,
        kappa_interval=plain.interval,
        weighted_kappa=weighted.value,
        weighted_kappa_interval=weighted.interval,
        confusion=tuple(tuple(row) for row in table.tolist()),
    )
