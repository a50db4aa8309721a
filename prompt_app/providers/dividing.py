"""Requests that a model takes in parts only. Each part is a call of its own: with a slot, with
tries and with a price of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from prompt_app.datamodel.embedding import EmbeddingReply, EmbeddingRequest
from prompt_app.datamodel.model import GenerationRequest, Reply, TokenUsage
from prompt_app.errors import ProviderError, RunBlockingError

One = TypeVar("One", Reply, EmbeddingReply)
Request = TypeVar("Request", GenerationRequest, EmbeddingRequest)


def single_requests(request: GenerationRequest) -> list[GenerationRequest]:
    """Converse gives one response a request: one for each response that is asked for."""
    count = request.parameters.num_responses
    if count == 1 or request.model.provider != "bedrock":
        return [request]
    parameters = request.parameters.model_copy(update={"num_responses": 1})
    return [request.model_copy(update={"parameters": parameters})] * count


def embedding_requests(request: EmbeddingRequest) -> list[EmbeddingRequest]:
    """Titan takes one text a call, and Cohere 96. Raises ModelNotFoundError for a model of
    Bedrock that embeds nothing."""
    if request.model.provider != "bedrock":
        return [request]
    from prompt_app.providers.bedrock_embeddings import requests_of

    return requests_of(request)


async def answer_all(
    parts: Sequence[Request], answer: Callable[[Request], Awaitable[One]]
) -> list[One]:
    """The answers in order. Every part ends before the first failure is raised, which carries what
    the others answered, since that was paid for: see :attr:`ProviderError.answered`."""
    tasks = [asyncio.ensure_future(answer(part)) for part in parts]
    try:
        results = await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        for task in tasks:
            task.cancel()
    failures = [result for result in results if isinstance(result, BaseException)]
    if not failures:
        return [result for result in results if not isinstance(result, BaseException)]
    failures.sort(key=lambda failure: not isinstance(failure, RunBlockingError))
    error = failures[0]
    if isinstance(error, ProviderError):
        error.answered = tuple(
            result for result in results if not isinstance(result, BaseException)
        )
    raise error


def merged(replies: Sequence[Reply]) -> Reply:
    """Several replies to one prompt as one with several outputs: usage summed, the longest
    latency, the first request's id. A single one is itself."""
    if len(replies) == 1:
        return replies[0]
    usage = TokenUsage()
    for reply in replies:
        usage += reply.usage
    return Reply(
        outputs=tuple(output for reply in replies for output in reply.outputs),
        usage=usage,
        latency_seconds=max(reply.latency_seconds for reply in replies),
        request_id=replies[0].request_id,
        model=replies[0].model,
        raw={"responses": [reply.raw for reply in replies]},
    )
