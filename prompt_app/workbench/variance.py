"""Where the spread of a run's scores comes from, and what to buy more of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.score import Score
from prompt_app.engine.summary import read_clusters
from prompt_app.errors import EvaluationError
from prompt_app.interfaces import Store
from prompt_app.statistics.variance import (
    Advice,
    Costs,
    VarianceComponents,
    advise,
    variance_components,
)
from prompt_app.workbench.matching import filled_clusters


@dataclass(frozen=True, slots=True)
class VarianceSplit:
    """Of one metric in one run."""

    run_id: str
    metric: str
    components: VarianceComponents
    shares: dict[str, float]
    """Each known component's share of one judgement's variance."""
    advice: Advice
    costs: Costs
    """Mean US dollars of a response and a judgement; equal units where nothing was paid."""


def split_variance(store: Store, run: Run, metric: str) -> VarianceSplit:
    """Examples, repeats and the judge's votes, as far as the run has several of each.

    Raises EvaluationError for a metric that the run does not have, StatisticsError below two
    examples.
    """
    if metric not in {spec.key for spec in run.spec.metrics}:
        raise EvaluationError(f"{run.id} has no metric {metric!r}.")
    rows = list(_judgements(store, run, metric))
    components = variance_components(
        [value for *_, value in rows],
        [example for example, _, _ in rows],
        [response for _, response, _ in rows],
        filled_clusters(read_clusters(store, run.spec), (example for example, _, _ in rows)),
    )
    progress = run.progress
    responses = len({(example, response) for example, response, _ in rows})
    costs = Costs()
    if progress.cost_usd + progress.judge_cost_usd > 0 and responses:
        costs = Costs(
            response=progress.cost_usd / responses, judgement=progress.judge_cost_usd / len(rows)
        )
    available = store.get_dataset_version_by_id(run.spec.dataset_version).rows
    return VarianceSplit(
        run_id=run.id,
        metric=metric,
        components=components,
        shares=components.shares,
        advice=advise(components, costs, more_examples=available > components.examples),
        costs=costs,
    )


def _judgements(store: Store, run: Run, metric: str) -> Iterator[tuple[str, str, float]]:
    """Example, response, value: one for each vote of a judge, or each response."""
    for sample in store.iterate_samples(run.id):
        for score in sample.scores:
            if score.metric == metric:
                for number, value in enumerate(_values(score)):
                    several = "responses" in score.details
                    response = f"{sample.key.repeat}.{number}" if several else sample.key.repeat
                    yield sample.key.example_id, str(response), value


def _values(score: Score) -> list[float]:
    if "responses" in score.details:
        return [float(value) for value in score.details["responses"]]
    votes = score.details.get("votes")
    if isinstance(votes, list) and votes:
        return [float(vote["value"]) for vote in votes]
    return [score.value]
