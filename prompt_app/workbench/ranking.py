"""Runs ranked by what a pairwise judge preferred."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prompt_app.datamodel.evaluation import Run
from prompt_app.errors import EvaluationError
from prompt_app.interfaces import Store
from prompt_app.statistics.estimate import Estimate
from prompt_app.statistics.preference import (
    Answer,
    Outcome,
    Preference,
    PreferenceRanking,
    bradley_terry,
    order_consistency,
)

PAIRWISE = "pairwise"


@dataclass(frozen=True, slots=True)
class PositionBias:
    """How far a pairwise judge follows the order in which it is shown two answers."""

    consistency: Estimate
    """Share of questions to which both orders gave the same answer. Undefined without any."""
    first: int
    """Questions on which it preferred whatever was shown first, both times."""
    second: int
    """And whatever was shown second."""


def rank_runs(store: Store, runs: Sequence[Run], metric: str) -> PreferenceRanking:
    """Bradley-Terry strengths of ``runs`` and of the answers that each was compared with, by the
    key of a pairwise judge. Comparisons of one example are a cluster; 0.5, where the judge
    changed its mind with the order, is a tie.

    Raises EvaluationError for a run without such a judge; StatisticsError for runs that no
    comparison connects.
    """
    return bradley_terry([each for run in runs for each in _preferences(store, run, metric)])


def position_bias(store: Store, runs: Sequence[Run], metric: str) -> PositionBias:
    """What the pairwise judges of ``runs`` answered in each order; each judge of a panel counts,
    answers that lack one order do not."""
    answers = [
        pair
        for run in runs
        for sample in store.iterate_samples(run.id)
        for score in sample.scores
        if score.metric == metric
        for pair in _orders(score.details)
    ]
    return PositionBias(
        consistency=order_consistency(answers),
        first=answers.count(("first", "first")),
        second=answers.count(("second", "second")),
    )


def _orders(details: dict[str, Any]) -> Iterator[tuple[Answer, Answer]]:
    """Each judge's answers: with the response shown first, and shown second."""
    votes = details.get("votes", ())
    if details.get("votes_missing") or len(votes) % 2:
        return
    for forward, backward in zip(votes[::2], votes[1::2], strict=True):
        yield _answer(forward["value"]), _answer(1 - backward["value"])


def _answer(value: float) -> Answer:
    return "first" if value > 0.5 else "second" if value < 0.5 else "tie"


def _preferences(store: Store, run: Run, metric: str) -> Iterator[Preference]:
    spec = next((each for each in run.spec.metrics if each.key == metric), None)
    if spec is None or spec.name != PAIRWISE:
        found = ", ".join(each.key for each in run.spec.metrics if each.name == PAIRWISE) or "none"
        raise EvaluationError(
            f"{run.id} has no pairwise judge {metric!r}; its pairwise judges: {found}."
        )
    other = f"answers in {spec.options['against']!r} of {run.spec.dataset_name}"
    for example, _, value in store.iterate_outcomes(run.id, metric):
        if value is not None:
            outcome: Outcome = "left" if value > 0.5 else "right" if value < 0.5 else "tie"
            yield Preference(run.id, other, outcome, cluster=example)
