"""Whose calls count as free only because nobody knows their price."""

from __future__ import annotations

from collections.abc import Iterable

from prompt_app.datamodel.evaluation import Run
from prompt_app.pipelines.provider import PROVIDER as PIPELINE
from prompt_app.providers.prices import price_of


def unpriced_models(runs: Iterable[Run]) -> list[str]:
    """References of the runs' models and judges without a price, each once. A pipeline's steps
    have prices of their own."""
    models = (
        model
        for run in runs
        for model in (run.spec.model, *(each for spec in run.spec.metrics for each in spec.panel))
    )
    return list(
        dict.fromkeys(
            model.reference
            for model in models
            if model.provider != PIPELINE and price_of(model) is None
        )
    )
