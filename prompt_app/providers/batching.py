"""Which providers take batch jobs, and what they take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_app.datamodel.model import InferenceParameters, ModelSpec, Price, PriceTier
from prompt_app.errors import EvaluationError
from prompt_app.registry import Registry
from prompt_app.settings import Settings

if TYPE_CHECKING:
    from prompt_app.interfaces.batch_jobs import BatchProvider

BATCH_PROVIDERS = Registry(
    "provider with batch jobs",
    {
        "bedrock": "prompt_app.providers.bedrock_batch:connect",
        "openai": "prompt_app.providers.openai_batch:connect",
    },
)
LEAST_REQUESTS = {"bedrock": 100}
"""Of a job: a smaller one is refused."""
MOST_REQUESTS = 5000
"""Of a job. Both providers take 50,000; smaller jobs are collected, and lost, in smaller parts."""
BATCH_SHARE = 0.5
"""Of the live price: what OpenAI and Bedrock charge for a batch."""
WITHIN_SECONDS = 24 * 3600.0


def connect_batch(model: ModelSpec, settings: Settings) -> BatchProvider:
    """Raises InputError as :func:`check_batch`."""
    provider: BatchProvider = BATCH_PROVIDERS.load(model.provider)(model, settings)
    return provider


def check_batch(
    model: ModelSpec, parameters: InferenceParameters, samples: int, settings: Settings
) -> None:
    """Raises EvaluationError for what the provider would refuse."""
    if model.provider not in BATCH_PROVIDERS:
        raise EvaluationError(
            f"Model {model.reference}: only {' and '.join(sorted(BATCH_PROVIDERS))} models take "
            "'mode: batch'. Use 'mode: live'."
        )
    least = LEAST_REQUESTS.get(model.provider, 1)
    if samples < least:
        raise EvaluationError(
            f"Model {model.reference}: a batch job takes at least {least} requests, and the run "
            f"has {samples}. Use 'mode: live'."
        )
    if model.provider == "bedrock":
        if parameters.num_responses > 1:
            raise EvaluationError(
                "A batch job of Bedrock gives one response a request: use repeats in place of "
                "num_responses, or 'mode: live'."
            )
        missing = [
            name
            for name, value in (
                ("PROMPT_APP_BATCH_URL", settings.batch_url),
                ("PROMPT_APP_BATCH_ROLE_ARN", settings.batch_role_arn),
            )
            if not value
        ]
        if missing:
            raise EvaluationError(
                f"Batch jobs of Bedrock need {' and '.join(missing)}: a bucket for requests and "
                "replies, and the role that Bedrock uses it with."
            )
    elif (
        model.base_url not in (None, settings.openai_base_url)
        and not settings.allow_private_addresses
    ):
        raise EvaluationError(
            f"Model {model.reference}: batch jobs go to OPENAI_BASE_URL alone where private "
            "addresses are not allowed."
        )


def batch_price(price: Price) -> Price:
    """Of a call in a batch job."""

    def share(value: float | None) -> float | None:
        return None if value is None else BATCH_SHARE * value

    def half(rate: Price | PriceTier) -> dict[str, float | None]:
        return {
            "input": share(rate.input),
            "output": share(rate.output),
            "cached_input": share(rate.cached_input),
            "cache_write": share(rate.cache_write),
        }

    return price.model_copy(
        update={
            **half(price),
            "per_request": BATCH_SHARE * price.per_request,
            "tiers": tuple(tier.model_copy(update=half(tier)) for tier in price.tiers),
        }
    )
