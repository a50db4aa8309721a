"""How near a response is in meaning to a reference, by the vectors of an embedding model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from pydantic import Field

from prompt_app.datamodel.embedding import EmbeddingRequest, stored_vectors
from prompt_app.datamodel.model import InferenceParameters, ModelSpec, Reply
from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.errors import EvaluationError, InvalidVerdictError
from prompt_app.metrics.common import make_score, quoted, references_of, refuse_longer

MAX_CHARACTERS = 200_000
"""Of each text: far above what embedding models take, whose own refusal tells their limit."""


@dataclass(frozen=True, kw_only=True)
class SemanticSimilarity:
    """The greatest cosine between the response's vector and a reference's; ``judge`` embeds them,
    all in one call. An answer equal to a reference is 1 and a blank one 0, without a call."""

    judge: ModelSpec
    judge_parameters: InferenceParameters = field(default_factory=InferenceParameters)
    dimensions: Annotated[
        int | None,
        Field(ge=1, description="Length of the vectors, where the model offers several."),
    ] = None

    info: ClassVar[MetricInfo] = MetricInfo(
        name="semantic_similarity",
        version="1",
        direction="higher",
        minimum=-1.0,
        maximum=1.0,
        description="Nearness in meaning to a reference: the cosine of their vectors by an "
        "embedding model.",
        needs_judge=True,
        judge_kind="embeddings",
    )

    def __post_init__(self) -> None:
        if self.judge_parameters.given():
            raise EvaluationError(
                "semantic_similarity takes no 'judge_parameters': its model embeds texts and "
                "writes none."
            )

    def request(self, sample: ScoringInput) -> EmbeddingRequest | Score:
        """Raises NoReferenceError and TextTooLongError."""
        references = tuple(dict.fromkeys(text for text in references_of(sample) if text.strip()))
        if sample.text in references:
            return make_score(self.info, 1.0, f"equals {quoted(sample.text)}")
        if not sample.text.strip() or not references:
            same = not sample.text.strip() and not references
            return make_score(self.info, float(same), "the response or the reference is blank")
        for text in (sample.text, *references):
            refuse_longer("text to embed", text, MAX_CHARACTERS)
        return EmbeddingRequest(
            model=self.judge, texts=(sample.text, *references), dimensions=self.dimensions
        )

    def verdict(self, sample: ScoringInput, reply: Reply) -> Score:
        """Raises InvalidVerdictError where the reply holds no vectors to compare."""
        request = self.request(sample)
        if isinstance(request, Score):
            return request
        values = _cosines(reply, len(request.texts))
        best = max(range(len(values)), key=values.__getitem__)
        nearest = quoted(request.texts[best + 1])
        details = {"judge": self.judge.reference}
        return make_score(self.info, values[best], f"nearest reference {nearest}", details)


def _cosines(reply: Reply, texts: int) -> list[float]:
    """Of the first vector with each of the others."""
    import numpy as np

    try:
        vectors = np.array(stored_vectors(reply), dtype=float, ndmin=2)
    except ValueError:
        vectors = np.zeros((texts, 1))
    lengths = np.linalg.norm(vectors, axis=1)
    if len(vectors) != texts or not (lengths > 0).all():
        raise InvalidVerdictError("The embedding model gave no vectors that can be compared.")
    cosines = vectors[1:] @ vectors[0] / (lengths[1:] * lengths[0])
    return [float(value) for value in np.clip(cosines, -1.0, 1.0)]
