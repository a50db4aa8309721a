"""Whether the response states one of the expected facts, as fmeval defines it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.errors import NoReferenceError
from prompt_app.metrics.common import references_of
from prompt_app.metrics.contains import Require, inclusion_score, occurs
from prompt_app.metrics.normalization import fmeval_normalized


@dataclass(frozen=True)
class FactualKnowledge:
    """1 where a reference occurs in the response, both in lower case.

    Source: ``factual_knowledge`` and ``factual_knowledge_quasi_exact`` of github.com/aws/fmeval,
    ``eval_algorithms/factual_knowledge.py``. One difference: a reference of which ``quasi``
    leaves nothing ("The") is in every text, and fmeval counts it as found; here it is not used.
    """

    quasi: Annotated[
        bool, Field(description="Compare without punctuation, articles and extra spaces too.")
    ] = False
    whole_words: Annotated[
        bool, Field(description="Find 'art' in 'an art', but not in 'party'.")
    ] = False
    require: Annotated[
        Require, Field(description="Whether any of the references must occur, or all.")
    ] = "any"

    info: ClassVar[MetricInfo] = MetricInfo(
        name="factual_knowledge",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=1.0,
        kind="proportion",
        description="fmeval's factual knowledge: 1 where the response contains a reference, "
        "whatever the case.",
    )

    def score(self, sample: ScoringInput) -> Score:
        """Raises NoReferenceError."""
        references = [self._normalized(text) for text in references_of(sample)]
        if not any(references):
            raise NoReferenceError("Of the reference answers, normalisation leaves nothing.")
        response = self._normalized(sample.text)
        found = [
            occurs(reference, response, whole_words=self.whole_words)
            if reference
            else self.require == "all"
            for reference in references
        ]
        return inclusion_score(self.info, sample, found, self.require)

    def _normalized(self, text: str) -> str:
        return fmeval_normalized(text) if self.quasi else text.lower()
