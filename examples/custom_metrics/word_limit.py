"""A metric of your own: whether a response keeps to a number of words.

It is one frozen dataclass. Its fields are the options, checked by their types; ``info`` says what
the value means; ``score`` gives the value for one response. Nothing has to be registered beyond
putting the file into the folder that PROMPT_APP_CUSTOM_METRICS names:

    PROMPT_APP_CUSTOM_METRICS=examples/custom_metrics \\
        prompt-app rescore RUN '{name: "custom:word_limit:WordLimit", options: {words: 20}}'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.errors import MetricError


@dataclass(frozen=True)
class WordLimit:
    """1 where the response has at most ``words`` words."""

    words: Annotated[int, Field(ge=1, description="Most words that are allowed.")] = 50

    info: ClassVar[MetricInfo] = MetricInfo(
        name="word_limit",
        version="1",  # raise it with every change that could give a reply another score
        direction="higher",
        minimum=0.0,
        maximum=1.0,
        kind="proportion",  # every value is 0 or 1; else "mean"
        description="1 where the response keeps to a number of words.",
        needs_reference=False,
    )

    def score(self, sample: ScoringInput) -> Score:
        """A MetricError becomes a failed score with its message; it is never part of the mean."""
        count = len(sample.text.split())
        if count == 0:
            raise MetricError("The response is empty.")
        return Score(
            metric=self.info.name,
            value=float(count <= self.words),
            reason=f"{count} words, {self.words} are allowed",
            version=self.info.version,
        )
