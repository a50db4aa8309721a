"""Semantic similarity: what is embedded, and the cosine against numpy's and scipy's own."""

from __future__ import annotations

from typing import Any

import pytest
from scipy.spatial.distance import cosine

from prompt_app.datamodel.embedding import EmbeddingReply, EmbeddingRequest
from prompt_app.datamodel.model import Output, Reply
from prompt_app.datamodel.score import MetricSpec, Score
from prompt_app.errors import (
    EvaluationError,
    InvalidVerdictError,
    NoReferenceError,
    TextTooLongError,
)
from prompt_app.metrics import create_metric
from prompt_app.providers.offline_models.hashing import hashed_vector
from tests.metrics.samples import sample


def made(**changes: Any) -> Any:
    spec = {"name": "semantic_similarity", "judge": "offline:hashing", **changes}
    return create_metric(MetricSpec.model_validate(spec))


def embedded(*vectors: tuple[float, ...]) -> Reply:
    return EmbeddingReply(vectors=vectors).as_reply()


def test_response_and_references_are_embedded_in_one_call() -> None:
    request = made(options={"dimensions": 64}).request(sample("a mill", "the mill", "a tower"))
    assert isinstance(request, EmbeddingRequest)
    assert request.texts == ("a mill", "the mill", "a tower")
    assert request.dimensions == 64
    assert request.model.reference == "offline:hashing"


def test_the_nearest_reference_counts_by_its_cosine() -> None:
    texts = ("the old mill by the river", "an old mill near a river", "a zebra")
    vectors = [tuple(hashed_vector(text)) for text in texts]
    score = made().verdict(sample(*texts), embedded(*vectors))
    assert score.value == pytest.approx(1 - cosine(vectors[0], vectors[1]), abs=1e-6)
    assert score.reason == "nearest reference 'an old mill near a river'"


def test_opposite_vectors_are_minus_one() -> None:
    score = made().verdict(sample("no", "yes"), embedded((3.0, 4.0), (-6.0, -8.0)))
    assert score.value == -1.0


@pytest.mark.parametrize(
    ("text", "references", "value"),
    [
        ("Paris", ("London", "Paris"), 1.0),
        ("  ", ("Paris",), 0.0),
        ("Paris", (" ",), 0.0),
        ("", (" ",), 1.0),
    ],
)
def test_what_is_plain_needs_no_call(text: str, references: tuple[str, ...], value: float) -> None:
    request = made().request(sample(text, *references))
    assert isinstance(request, Score)
    assert request.value == value


@pytest.mark.parametrize(
    "reply",
    [
        embedded((1.0, 0.0)),
        embedded((0.0, 0.0), (1.0, 0.0)),
        Reply(outputs=(Output(text="I am no vector"), Output(text="AAAA"))),
        Reply(outputs=(Output(text=""), Output(text=""))),
    ],
)
def test_no_vectors_are_no_score(reply: Reply) -> None:
    with pytest.raises(InvalidVerdictError):
        made().verdict(sample("a", "b"), reply)


def test_refusals() -> None:
    with pytest.raises(NoReferenceError):
        made().request(sample("a"))
    with pytest.raises(TextTooLongError):
        made().request(sample("a" * 200_001, "b"))
    with pytest.raises(EvaluationError, match="judge_parameters"):
        made(judge_parameters={"temperature": 0})
    with pytest.raises(EvaluationError, match="dimensions"):
        made(options={"dimensions": 0})
