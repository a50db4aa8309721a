"""Whether the response is exactly a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.metrics.common import match_score
from prompt_app.metrics.normalization import without_punctuation


@dataclass(frozen=True)
class ExactMatch:
    """1 where the response equals a reference. With the default options this is the exact match
    of fmeval's QA accuracy: both stripped, nothing else."""

    strip: Annotated[bool, Field(description="Leave out white space at both ends.")] = True
    ignore_case: Annotated[bool, Field(description="Compare case-insensitively.")] = False
    ignore_punctuation: Annotated[
        bool, Field(description="Leave out punctuation, of every script.")
    ] = False
    ignore_spacing: Annotated[
        bool, Field(description="Take any run of white space for one space.")
    ] = False

    info: ClassVar[MetricInfo] = MetricInfo(
        name="exact_match",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=1.0,
        kind="proportion",
        description="1 where the response equals a reference, white space at the ends aside.",
    )

    def score(self, sample: ScoringInput) -> Score:
        """Raises NoReferenceError."""
        response = self._normalized(sample.text)
        return match_score(self.info, sample, lambda text: self._normalized(text) == response)

    def _normalized(self, text: str) -> str:
        if self.ignore_case:
            text = text.casefold()
        if self.ignore_punctuation:
            text = without_punctuation(text)
        if self.ignore_spacing:
            text = " ".join(text.split())
        return text.strip() if self.strip else text
