"""What the call behind a response took: time, money and tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.errors import MetricError
from prompt_app.metrics.common import make_score


@dataclass(frozen=True)
class Latency:
    """Seconds of the attempt that succeeded; waiting and retries are not in it."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="latency",
        version="1",
        direction="lower",
        minimum=0.0,
        maximum=None,
        unit="s",
        description="Time from sending the request that succeeded to its last byte.",
        needs_reference=False,
    )

    def score(self, sample: ScoringInput) -> Score:
        return make_score(self.info, sample.reply.latency_seconds)


@dataclass(frozen=True)
class Cost:
    """US dollars of the call that gave the reply, all its responses together. A stored reply
    costs what its call did, so that runs compare whatever was stored before."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="cost",
        version="2",
        direction="lower",
        minimum=0.0,
        maximum=None,
        unit="USD",
        description="Price of the call that gave the reply, stored replies included; judges are "
        "not in it.",
        needs_reference=False,
    )

    def score(self, sample: ScoringInput) -> Score:
        """Raises MetricError where the price is unknown."""
        if sample.cost_usd is None:
            raise MetricError(
                "The price of the model's calls is unknown: give the model a 'price' (US dollars "
                "per million input and output tokens)."
            )
        return make_score(self.info, sample.cost_usd)


@dataclass(frozen=True)
class OutputTokens:
    """Tokens that the provider billed as output, reasoning included."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="output_tokens",
        version="1",
        direction="neutral",
        minimum=0.0,
        maximum=None,
        unit="tokens",
        description="Output tokens of the sample's call, reasoning included.",
        needs_reference=False,
    )

    def score(self, sample: ScoringInput) -> Score:
        return make_score(self.info, sample.reply.usage.output)
