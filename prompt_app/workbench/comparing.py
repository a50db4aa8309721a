"""Runs compared with a baseline run, example by example."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.score import MetricSpec
from prompt_app.engine.summary import read_clusters
from prompt_app.errors import EvaluationError
from prompt_app.interfaces import RowFilter, Store
from prompt_app.interfaces.watching import tell
from prompt_app.metrics import create_metric
from prompt_app.registry import nearest_names
from prompt_app.statistics.comparison import PairedMetric, compare
from prompt_app.statistics.verdict import PairedComparison
from prompt_app.workbench.matching import (
    filled_clusters,
    match_examples,
    without,
)

Margins = float | Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Every metric of every candidate against the baseline, tested together."""

    baseline: Run
    candidates: tuple[Run, ...]
    shared_examples: Mapping[str, int]
    """Candidate's run id -> examples of equal id and content that both datasets have."""
    results: tuple[PairedComparison, ...]
    """``candidate_name`` is the candidate's run id; differences are candidate - baseline."""
    warnings: tuple[str, ...]
    """What makes a difference less than it seems, one sentence each."""


def compare_runs(
    store: Store, runs: Sequence[Run], *, margin: Margins = None, metrics: Sequence[str] = ()
) -> RunComparison:
    """Compare ``runs`` with the first of them, matched by example id.

    ``margin``: the largest difference that does not matter; one number for all metrics from 0
    to 1, or metric key -> number in the metric's unit. ``metrics``: keys to compare, else all
    that the baseline shares with a candidate. Examples of other content under the same id are
    left out. Raises EvaluationError for fewer than two different runs, no shared metric, or a
    name in ``metrics`` or ``margin`` that none of them has.
    """
    if len({run.id for run in runs}) < max(2, len(runs)):
        raise EvaluationError("A comparison takes at least two runs, each named once.")
    baseline, *candidates = runs
    chosen = _chosen(runs, metrics, margin)
    warnings = [_unfinished(run) for run in runs if run.state != "finished"]
    warnings += [_stopped(run) for run in runs if run.reason and run.state == "finished"]
    before: dict[str, dict[str, float]] = {}
    for key in chosen:
        tell("runs read", 0, len(runs))
        before[key] = store.example_means(baseline.id, key)
    examples = {example: None for values in before.values() for example in values}
    clusters = filled_clusters(read_clusters(store, baseline.spec), examples)
    paired: list[PairedMetric] = []
    shared: dict[str, int] = {}
    for number, candidate in enumerate(candidates, start=1):
        tell("runs read", number, len(runs))
        match = match_examples(store, baseline, candidate)
        shared[candidate.id] = match.shared
        pairs, apart = _common(baseline, candidate, chosen)
        warnings += [*match.warnings, *apart]
        for spec, other in pairs:
            warnings += _judging(store, baseline, candidate, spec, other)
            paired.append(
                PairedMetric(
                    metric=spec.key,
                    baseline=without(before[spec.key], match.changed),
                    candidate=without(store.example_means(candidate.id, spec.key), match.changed),
                    clusters=clusters,
                    candidate_name=candidate.id,
                    **described(spec, margin),
                )
            )
    if not paired:
        raise EvaluationError(
            "The runs have no metric in common. Score one with the other's metrics "
            "(prompt-app rescore), which calls no model."
        )
    results = compare(paired)
    warnings += [sentence for result in results if (sentence := _unpaired(result))]
    return RunComparison(baseline, tuple(candidates), shared, results, tuple(warnings))


# metrics


def _chosen(runs: Sequence[Run], metrics: Sequence[str], margin: Margins) -> list[str]:
    known = list(dict.fromkeys(spec.key for run in runs for spec in run.spec.metrics))
    for name in [*metrics, *(margin if isinstance(margin, Mapping) else ())]:
        if name not in known:
            nearest = nearest_names(name, known, most=1)
            hint = f"Did you mean {nearest[0]!r}?" if nearest else f"They have {', '.join(known)}."
            raise EvaluationError(f"No run of the comparison has a metric {name!r}. {hint}")
    return [spec.key for spec in runs[0].spec.metrics if not metrics or spec.key in metrics]


def _common(
    baseline: Run, candidate: Run, keys: Sequence[str]
) -> tuple[list[tuple[MetricSpec, MetricSpec]], list[str]]:
    """The metrics of both, and a sentence for each of the baseline's that is not."""
    theirs = {spec.key: spec for spec in candidate.spec.metrics}
    pairs, apart = [], []
    for spec in baseline.spec.metrics:
        other = theirs.get(spec.key)
        if spec.key not in keys:
            continue
        if other is None:
            apart.append(f"{spec.key} is not compared: {candidate.id} does not have it.")
        elif (spec.name, spec.options) != (other.name, other.options):
            apart.append(
                f"{spec.key} is not compared: {baseline.id} and {candidate.id} compute it "
                "with different options."
            )
        else:
            pairs.append((spec, other))
    return pairs, apart


def described(spec: MetricSpec, margin: Margins) -> dict[str, Any]:
    """What a comparison must know of a metric, as keywords of PairedMetric."""
    info = create_metric(spec).info
    if isinstance(margin, Mapping):
        own = margin.get(spec.key)
    else:
        own = margin if (info.minimum, info.maximum) == (0, 1) else None
    low, high = info.minimum, info.maximum
    bounds = (low, high) if low is not None and high is not None else None
    return {
        "kind": info.kind,
        "direction": info.direction,
        "unit": info.unit,
        "margin": own,
        "bounds": bounds,
    }


# what to beware of


def _unfinished(run: Run) -> str:
    return (
        f"{run.id} is {run.state}: only what is scored so far is compared "
        f"({run.progress.scored} of {run.progress.total} samples)."
    )


def _stopped(run: Run) -> str:
    return (
        f"{run.id}: {run.reason} The p-values here do not know of that; what decided is the "
        "interval that it names."
    )


def _judging(
    store: Store, baseline: Run, candidate: Run, spec: MetricSpec, other: MetricSpec
) -> list[str]:
    """Whether both runs' scores came from the same version, by the same judge."""
    if spec != other:
        return [
            f"{spec.key} was judged differently: by {_judge(spec)} in {baseline.id}, by "
            f"{_judge(other)} in {candidate.id}. A difference may be the judges' own; rescore "
            "one run with the other's judge."
        ]
    before, after = (_version(store, run, spec.key) for run in (baseline, candidate))
    if before is not None and after is not None and before != after:
        return [
            f"{spec.key} was scored by version {before} in {baseline.id} and {after} in "
            f"{candidate.id}. A difference may come from that; rescore the older run."
        ]
    return []


def _judge(spec: MetricSpec) -> str:
    given = spec.judge_parameters.given()
    shown = ", ".join(f"{name}={value}" for name, value in given.items())
    models = " and ".join(model.reference for model in spec.panel)
    return f"{models} ({shown})" if shown else models


def _version(store: Store, run: Run, key: str) -> str | None:
    """Of the run's first score of this metric."""
    scored = RowFilter(metric=key, minimum=-sys.float_info.max)
    rows = store.list_samples(run.id, scored, limit=1).items
    versions = [score.version for row in rows for score in row.scores if score.metric == key]
    return versions[0] if versions else None


def _unpaired(result: PairedComparison) -> str:
    alone = result.only_baseline + result.only_candidate
    if not alone:
        return ""
    return (
        f"{result.metric}: {alone} examples were scored in one run only and are left out "
        f"({result.only_baseline} in the baseline, {result.only_candidate} in "
        f"{result.candidate_name})."
    )
