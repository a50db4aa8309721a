"""Which of the gateway's calls cost nothing, and which only seem to: a call whose price was not
known is kept with a cost of 0."""

from __future__ import annotations

from pydantic import ValidationError

from prompt_app.datamodel.model import ModelSpec, TokenUsage
from prompt_app.datamodel.serving import UsageRecord, UsageTotals
from prompt_app.errors import PromptAppError
from prompt_app.interfaces import Store
from prompt_app.pipelines.provider import PROVIDER as PIPELINE
from prompt_app.providers.prices import cost_usd, price_of
from prompt_app.settings import Settings
from prompt_app.workbench.pipeline_checks import PipelineChecker, version_of


class TargetPrices:
    """By today's prices. A target's models are looked up when it is first met."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._models: dict[str, list[ModelSpec]] = {}

    def cost(self, record: UsageRecord) -> float | None:
        """US dollars of one call; None where nobody knows them."""
        tokens = TokenUsage(input=record.input_tokens, output=record.output_tokens)
        return record.cost_usd if record.cost_usd or self._is_free(record.target, tokens) else None

    def unpriced_calls(self, target: str, sums: UsageTotals) -> int:
        """How many of the calls of ``target`` that ``sums`` adds up have a cost that nobody
        knows."""
        tokens = TokenUsage(input=sums.input_tokens, output=sums.output_tokens)
        if sums.cost_usd or self._is_free(target, tokens):
            return 0
        return max(1, sums.calls - sums.failed - sums.cached)

    def _is_free(self, target: str, tokens: TokenUsage) -> bool:
        """Whether ``tokens`` of ``target`` cost nothing. Stored replies and calls that were
        refused took none."""
        if not tokens.total:
            return True
        if target not in self._models:
            self._models[target] = self._models_of(target)
        prices = [price_of(model) for model in self._models[target]]
        return bool(prices) and all(price and not cost_usd(price, tokens) for price in prices)

    def _models_of(self, target: str) -> list[ModelSpec]:
        """The endpoints that call it, or else the model itself; a pipeline's steps. Empty where
        it is gone."""
        provider, _, name = target.partition(":")
        try:
            if provider == PIPELINE:
                checker = PipelineChecker(self._settings, self._store)
                version = version_of(self._store, name)
                checker.check(version.text, version.model)
                return list(checker.found.models.values())
            models = [endpoint.model for endpoint in self._store.list_endpoints()]
            found = [model for model in models if model.reference == target]
            return found or [ModelSpec.model_validate(target)]
        except (PromptAppError, ValidationError):
            return []
