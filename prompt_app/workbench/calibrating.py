"""A judge's scores in a run held against people's labels: how far they agree, and what mean people
would have given."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import fmean
from typing import Any

from prompt_app.datamodel.dataset import DatasetVersion
from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.score import MetricInfo
from prompt_app.engine.summary import read_clusters
from prompt_app.errors import EvaluationError, StatisticsError
from prompt_app.interfaces import Store
from prompt_app.metrics import create_metric
from prompt_app.statistics.agreement import Agreement, agreement
from prompt_app.statistics.clusters import design_effect
from prompt_app.statistics.correction import (
    Correction,
    corrected_pass_rate,
    informedness,
    judge_errors,
    prediction_powered_mean,
)
from prompt_app.statistics.correlation import spearman
from prompt_app.statistics.estimate import Estimate
from prompt_app.statistics.labelling import plan_labels, stratified_mean
from prompt_app.workbench.human_labels import labels_in_field
from prompt_app.workbench.matching import filled_clusters

FAIL, PASS = "fail", "pass"
MOST_GRADES = 20
"""Labels and scores that are whole numbers, up to so many different ones, get a table."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A labelled row on which judge and person differ."""

    example_id: str
    human: float
    judge: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A judge against people."""

    run_id: str
    metric: str
    labels: str
    """Path of the field with the people's labels, or the queue that they were given in."""
    labelled: int
    """Rows with a label and a score: what the agreement is of."""
    unlabelled: int
    """Rows with a score alone: what the correction adds."""
    unscored: int
    """Rows with a label that the judge could not score."""
    agreement: Agreement | None
    """For pass/fail and for whole grades."""
    sensitivity: Estimate | None
    """Pass/fail: share of the rows passed by people that the judge passes."""
    specificity: Estimate | None
    informedness: Estimate | None
    """sensitivity + specificity - 1: 0 is chance."""
    correlation: Estimate | None
    """Spearman's, for scales."""
    corrected: Correction | None
    """The mean that people would have given to all rows."""
    refusal: str
    """Why there is no corrected mean; empty where there is one."""
    stratified: Correction | None
    """The same mean from the labels alone, weighted by the judge's scores: it stays right where
    rows were labelled as ``label_next`` says. None with too few labels for some score."""
    label_next: tuple[str, ...]
    """Examples whose labels would shrink the interval of ``stratified`` most."""
    disagreements: tuple[Disagreement, ...]
    """The widest first."""


def calibrate_judge(
    store: Store,
    run: Run,
    metric: str,
    labels: str,
    *,
    labelled_dataset: DatasetVersion | None = None,
    suggest: int = 0,
) -> Calibration:
    """Hold the scores of ``metric`` (its key) in ``run`` against the labels in field ``labels``.

    The labels must be about the responses of this very run. They are read from the run's dataset,
    or from the rows of equal id in ``labelled_dataset``; a blank one is a row that nobody
    labelled. Repeats are averaged per example. ``suggest``: how many rows to name that a person
    should label next. Raises EvaluationError for a metric or field that
    is not there, a label that cannot be read, or when no row has both.
    """
    info = judge_info(run, metric)
    version = labelled_dataset.id if labelled_dataset else run.spec.dataset_version
    human = labels_in_field(store, version, labels, info)
    return calibrate_by(store, run, metric, labels, human, suggest)


def judge_info(run: Run, metric: str) -> MetricInfo:
    """Raises EvaluationError for a key that is none of the run's."""
    spec = next((each for each in run.spec.metrics if each.key == metric), None)
    if spec is None:
        known = ", ".join(each.key for each in run.spec.metrics)
        raise EvaluationError(f"{run.id} has no metric {metric!r}; it has {known}.")
    return create_metric(spec).info


def calibrate_by(
    store: Store,
    run: Run,
    metric: str,
    labels: str,
    human: Mapping[str, float],
    suggest: int = 0,
) -> Calibration:
    """As :func:`calibrate_judge`, by ``human``: example id -> label as a number. ``labels`` says
    where they come from. Raises EvaluationError when no row has both."""
    info = judge_info(run, metric)
    scores, unscored = judge_scores(store, run, metric, info)
    both = [example for example in scores if example in human]
    if not both:
        raise EvaluationError(
            f"No row has both a score of {metric!r} and a label in {labels!r}: nothing to compare."
        )
    alone = [example for example in scores if example not in human]
    clusters = filled_clusters(read_clusters(store, run.spec), scores)
    rows = _Rows(
        human=[human[example] for example in both],
        judge=[scores[example] for example in both],
        rest=[scores[example] for example in alone],
        clusters=None if clusters is None else [clusters[example] for example in both],
        rest_clusters=None if clusters is None else [clusters[example] for example in alone],
    )
    differ = [Disagreement(e, human[e], scores[e]) for e in both if human[e] != scores[e]]
    differ.sort(key=lambda each: -abs(each.human - each.judge))
    return Calibration(
        run_id=run.id,
        metric=metric,
        labels=labels,
        labelled=len(both),
        unlabelled=len(alone),
        unscored=len(unscored & human.keys()),
        disagreements=tuple(differ),
        stratified=_stratified(scores, human, clusters, info),
        label_next=_next(scores, human, suggest),
        **(_pass_fail(rows) if info.kind == "proportion" else _scale(rows)),
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """Labels and scores of the rows with both, scores of the rest, and the clusters of each."""

    human: list[float]
    judge: list[float]
    rest: list[float]
    clusters: list[Hashable] | None
    rest_clusters: list[Hashable] | None

    def agreement(self, human: list[str], judge: list[str], labels: Sequence[str]) -> Agreement:
        return agreement(human, judge, labels=labels, clusters=self.clusters)


def _pass_fail(rows: _Rows) -> dict[str, Any]:
    human, judge = ([bool(value) for value in side] for side in (rows.human, rows.judge))
    errors = judge_errors(human, judge, rows.clusters)
    corrected, refusal = None, ""
    try:
        effect = 1.0
        if rows.rest and rows.rest_clusters is not None:
            effect = design_effect(rows.rest, rows.rest_clusters)
        passed = round(sum(rows.rest))
        corrected = corrected_pass_rate(passed, len(rows.rest), errors, effect=effect)
    except StatisticsError as error:
        refusal = _refusal(error, rows.rest)
    people, judged = ([PASS if one else FAIL for one in side] for side in (human, judge))
    return {
        "agreement": rows.agreement(people, judged, (FAIL, PASS)),
        "sensitivity": errors.sensitivity(),
        "specificity": errors.specificity(),
        "informedness": informedness(errors),
        "correlation": None,
        "corrected": corrected,
        "refusal": refusal,
    }


def _scale(rows: _Rows) -> dict[str, Any]:
    human, judge = rows.human, rows.judge
    corrected, refusal = None, ""
    try:
        clusters = None
        if rows.clusters is not None and rows.rest_clusters is not None:
            clusters = rows.rest_clusters, rows.clusters
        corrected = prediction_powered_mean(rows.rest, judge, human, clusters=clusters)
    except StatisticsError as error:
        refusal = _refusal(error, rows.rest)
    values = sorted({*human, *judge})
    table = None
    if all(value.is_integer() for value in values) and len(values) <= MOST_GRADES:
        grades = [f"{value:g}" for value in values]
        table = rows.agreement([f"{v:g}" for v in human], [f"{v:g}" for v in judge], grades)
    return {
        "agreement": table,
        "sensitivity": None,
        "specificity": None,
        "informedness": None,
        "correlation": spearman(human, judge, clusters=rows.clusters),
        "corrected": corrected,
        "refusal": refusal,
    }


def _stratified(
    scores: Mapping[str, float],
    human: Mapping[str, float],
    clusters: Mapping[str, Hashable] | None,
    info: MetricInfo,
) -> Correction | None:
    """Its interval ends where the scores can: few labels say nothing of means beyond."""
    names = None if clusters is None else [clusters[example] for example in scores]
    labels = [human.get(example) for example in scores]
    try:
        found = stratified_mean(list(scores.values()), labels, clusters=names)
    except StatisticsError:
        return None
    lower, upper = found.interval.lower, found.interval.upper
    if info.minimum is not None:
        lower = max(lower, min(info.minimum, *human.values(), found.value))
    if info.maximum is not None:
        upper = min(upper, max(info.maximum, *human.values(), found.value))
    within = found.interval.model_copy(update={"lower": lower, "upper": upper})
    return replace(found, interval=within)


def _next(scores: Mapping[str, float], human: Mapping[str, float], count: int) -> tuple[str, ...]:
    if count == 0 or all(example in human for example in scores):
        return ()
    examples = list(scores)
    plan = plan_labels(list(scores.values()), [human.get(each) for each in examples], count)
    return tuple(examples[row] for row in plan.rows)


def _refusal(error: StatisticsError, rest: list[float]) -> str:
    if len(rest) < 2:
        return "Every scored row has a label: their own mean needs no judge, and no correction."
    return str(error)


def judge_scores(
    store: Store, run: Run, metric: str, info: MetricInfo
) -> tuple[dict[str, float], set[str]]:
    """Scores by example id, and the examples without one (also pass/fail repeats that tie)."""
    scores: dict[str, float] = {}
    unscored: set[str] = set()
    for example, group in groupby(store.iterate_outcomes(run.id, metric), key=lambda each: each[0]):
        values = [value for _, _, value in group if value is not None]
        mean = fmean(values) if values else None
        if mean is None or (info.kind == "proportion" and mean == 0.5):
            unscored.add(example)
        else:
            scores[example] = float(mean > 0.5) if info.kind == "proportion" else mean
    return scores, unscored
