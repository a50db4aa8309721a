"""Runs ranked by what a pairwise judge preferred."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prompt_app.datamodel.evaluation import Run
from prompt_app.errors import EvaluationError
from prompt_app.interfaces import Store
from prompt_app.statistics.preference import (
    Outcome,
    Preference,
    PreferenceRanking,
    bradley_terry,
)

PAIRWISE = "pairwise"


def rank_runs(store: Store, runs: Sequence[Run], metric: str) -> PreferenceRanking:
    """Bradley-Terry strengths of ``runs`` and of the answers that each was compared with, by the
    key of a pairwise judge. Comparisons of one example are a cluster; 0.5, where the judge
    changed its mind with the order, is a tie.

    Raises EvaluationError for a run without such a judge; StatisticsError for runs that no
    comparison connects.
    """
    return bradley_terry([each for run in runs for each in _preferences(store, run, metric)])


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
