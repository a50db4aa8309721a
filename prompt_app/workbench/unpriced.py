"""Whose calls count as free only because nobody knows their price."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prompt_app.datamodel.counting import summed_cost
from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.model import ModelSpec
from prompt_app.interfaces import StoredSample
from prompt_app.pipelines.provider import PROVIDER as PIPELINE
from prompt_app.providers.prices import price_of


def unpriced_models(runs: Iterable[Run]) -> list[str]:
    """References of the runs' models and judges without a price, each once."""
    models = (model for run in runs for model in (run.spec.model, *_judges(run)))
    return list(dict.fromkeys(model.reference for model in _unpriced(models)))


def known_cost(usd: float, *models: ModelSpec) -> float | None:
    """``usd`` for calls of ``models``; None where it is 0 only because a price is not known."""
    return usd if usd or not any(_unpriced(models)) else None


def model_cost(run: Run) -> float | None:
    """US dollars of the model's calls in ``run``; None where they are not known. Stored replies
    cost nothing, whatever the model."""
    progress = run.progress
    called = progress.done + progress.in_batch > progress.cached
    return known_cost(progress.cost_usd, run.spec.model) if called else progress.cost_usd


def judge_cost(run: Run) -> float | None:
    """Likewise of the judges' calls."""
    progress = run.progress
    called = progress.answered > 0
    return known_cost(progress.judge_cost_usd, *_judges(run)) if called else progress.judge_cost_usd


def run_cost(run: Run) -> float | None:
    """Of both, as far as it is known."""
    return summed_cost((model_cost(run), judge_cost(run)))


def sample_cost(run: Run, sample: StoredSample) -> float | None:
    """US dollars of one sample's call."""
    return sample.cost_usd if sample.cached else known_cost(sample.cost_usd, run.spec.model)


def _judges(run: Run) -> Iterator[ModelSpec]:
    return (model for spec in run.spec.metrics for model in spec.panel)


def _unpriced(models: Iterable[ModelSpec]) -> Iterator[ModelSpec]:
    """A pipeline's steps have prices of their own; it is pinned together with their models."""
    for model in models:
        if model.provider == PIPELINE:
            steps = model.options.get("models", {}).values()
            yield from _unpriced(ModelSpec.model_validate(step) for step in steps)
        elif price_of(model) is None:
            yield model
