"""How long the response is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.metrics.common import make_score


@dataclass(frozen=True)
class LengthWords:
    """Words between white space."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="length_words",
        version="1",
        direction="neutral",
        minimum=0.0,
        maximum=None,
        unit="words",
        description="Words of the response, as white space parts them.",
        needs_reference=False,
    )

    def score(self, sample: ScoringInput) -> Score:
        return make_score(self.info, len(sample.text.split()))


@dataclass(frozen=True)
class LengthCharacters:
    """Unicode code points."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="length_characters",
        version="1",
        direction="neutral",
        minimum=0.0,
        maximum=None,
        unit="characters",
        description="Unicode code points of the response.",
        needs_reference=False,
    )

    def score(self, sample: ScoringInput) -> Score:
        return make_score(self.info, len(sample.text))
