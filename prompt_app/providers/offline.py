"""The built-in provider: deterministic, free, no network."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from prompt_app.datamodel.embedding import EmbeddingReply, EmbeddingRequest
from prompt_app.datamodel.model import (
    FinishReason,
    GenerationRequest,
    InferenceParameters,
    ModelSpec,
    Output,
    Reply,
    ReplyDelta,
    ReplyEvent,
    TokenUsage,
)
from prompt_app.datamodel.prompt import Message
from prompt_app.errors import (
    DeadlineExceededError,
    EvaluationError,
    ModelNotFoundError,
    UnsupportedParameterError,
)
from prompt_app.providers.embedding import cannot_embed
from prompt_app.providers.offline_models import Answer, Draw
from prompt_app.providers.offline_models.hashing import DIMENSIONS, hashed_vector
from prompt_app.registry import Registry, nearest_names
from prompt_app.settings import Settings

OFFLINE_MODELS = Registry(
    "offline model",
    {
        "echo": "prompt_app.providers.offline_models.plain:create_echo",
        "extractive": "prompt_app.providers.offline_models.extractive:create_extractive",
        "fixed": "prompt_app.providers.offline_models.plain:create_fixed",
        "judge": "prompt_app.providers.offline_models.judge:create_judge",
        "scripted": "prompt_app.providers.offline_models.scripted:create_scripted",
    },
)
OFFLINE_EMBEDDER = "hashing"
SUPPORTED_PARAMETERS = frozenset({"temperature", "max_tokens", "stop", "seed", "num_responses"})
FORMAT_FIELD = "response_format"
JUDGE = "judge"
"""The offline model whose replies follow a JSON schema."""
OPTIONS = frozenset({"script", "rules", "reply", "latency_ms"})
CHARACTERS_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 4
CHARACTERS_PER_PIECE = 16


def create_answer(name: str, options: dict[str, Any]) -> Answer:
    """The offline model ``name``. Raises UnknownNameError, or EvaluationError for its options."""
    answer: Answer = OFFLINE_MODELS.load(name)(options)
    return answer


def count_tokens(text: str) -> int:
    """A token is four characters, about what English has with common tokenizers."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def make_reply(
    answer: Answer, name: str, messages: Sequence[Message], parameters: InferenceParameters
) -> Reply:
    """Draw the responses, cut them as ``parameters`` ask, and count their tokens."""
    started = time.monotonic()
    outputs = []
    for index in range(parameters.num_responses):
        draw = Draw(
            index,
            parameters.temperature or 0.0,
            parameters.seed or 0,
            parameters.extra.get(FORMAT_FIELD),
        )
        outputs.append(_finish(answer(messages, draw), parameters))
    usage = TokenUsage(
        input=sum(count_tokens(m.content) + TOKENS_PER_MESSAGE for m in messages),
        output=sum(count_tokens(output.text) for output in outputs),
    )
    return Reply(
        outputs=tuple(outputs),
        usage=usage,
        model=name,
        latency_seconds=time.monotonic() - started,
    )


def _finish(text: str, parameters: InferenceParameters) -> Output:
    reason: FinishReason = "stop"
    ends = [at for stop in parameters.stop if stop and (at := text.find(stop)) >= 0]
    if ends:
        text = text[: min(ends)]
    if parameters.max_tokens is not None and count_tokens(text) > parameters.max_tokens:
        text, reason = text[: parameters.max_tokens * CHARACTERS_PER_TOKEN], "length"
    return Output(text=text, finish_reason=reason)


def embed_offline(name: str, texts: Sequence[str], dimensions: int | None) -> EmbeddingReply:
    """The hashed vectors of ``texts``, and their tokens."""
    return EmbeddingReply(
        vectors=tuple(tuple(hashed_vector(text, dimensions or DIMENSIONS)) for text in texts),
        usage=TokenUsage(input=sum(count_tokens(text) for text in texts)),
        model=name,
    )


def connect(model: ModelSpec, settings: Settings) -> OfflineProvider:
    """``model.options`` may hold ``script`` or ``rules`` (scripted), ``reply`` (fixed) and
    ``latency_ms``.

    Raises EvaluationError for any other option, and for a ``base_url``.
    """
    if model.base_url is not None:
        raise EvaluationError(
            f"{model.reference} is built in and called at no address: leave its base_url out, or "
            "name the provider of that server, e.g. openai."
        )
    for option in model.options:
        if option not in OPTIONS:
            near = nearest_names(option, OPTIONS)
            raise EvaluationError(
                f"offline models have no option {option!r}; they take "
                f"{', '.join(sorted(OPTIONS))}." + (f" Did you mean {near[0]!r}?" if near else "")
            )
    return OfflineProvider(model.options)


class OfflineProvider:
    """Serves every offline model."""

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        self._options = options or {}
        self._answers: dict[str, Answer] = {}
        self._latency = float(self._options.get("latency_ms", 0)) / 1000

    async def generate(self, request: GenerationRequest, timeout: float) -> Reply:
        started = time.monotonic()
        check_offline_parameters(request.model.name, request.parameters)
        answer = self._answer(request.model.name)
        await self._wait(request.model.name, timeout)
        reply = make_reply(answer, request.model.name, request.messages, request.parameters)
        return reply.model_copy(update={"latency_seconds": time.monotonic() - started})

    async def stream(
        self, request: GenerationRequest, timeout: float
    ) -> AsyncGenerator[ReplyEvent, None]:
        """A few words at a time."""
        reply = await self.generate(request, timeout)
        for index, output in enumerate(reply.outputs):
            for at in range(0, len(output.text), CHARACTERS_PER_PIECE):
                yield ReplyDelta(output.text[at : at + CHARACTERS_PER_PIECE], index)
                await asyncio.sleep(0)
        yield reply

    async def embed(self, request: EmbeddingRequest, timeout: float) -> EmbeddingReply:
        """See :func:`hashed_vector`."""
        started = time.monotonic()
        if request.model.name != OFFLINE_EMBEDDER:
            raise cannot_embed(request.model)
        check_offline_parameters(request.model.name, request.parameters)
        await self._wait(request.model.name, timeout)
        reply = embed_offline(request.model.name, request.texts, request.dimensions)
        return reply.model_copy(update={"latency_seconds": time.monotonic() - started})

    async def close(self) -> None:
        self._answers.clear()

    async def _wait(self, name: str, timeout: float) -> None:
        if self._latency:
            await asyncio.sleep(min(self._latency, timeout))
            if self._latency > timeout:
                raise DeadlineExceededError(f"offline:{name} gave no answer within {timeout:g} s.")

    def _answer(self, name: str) -> Answer:
        if name not in self._answers:
            if name not in OFFLINE_MODELS:
                near = nearest_names(name, OFFLINE_MODELS)
                hint = f"Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
                raise ModelNotFoundError(
                    f"There is no offline model {name!r}; there are "
                    f"{', '.join(sorted(OFFLINE_MODELS))}. {hint}".rstrip()
                )
            self._answers[name] = create_answer(name, self._options)
        return self._answers[name]


def check_offline_parameters(name: str, parameters: InferenceParameters) -> None:
    """Raises UnsupportedParameterError for what the offline model ``name`` would pass over."""
    given = [each for each in parameters.model_fields_set if each != "extra"]
    refused = [
        each
        for each in given
        if each not in SUPPORTED_PARAMETERS and getattr(parameters, each) is not None
    ]
    for extra, value in parameters.extra.items():
        if extra != FORMAT_FIELD or (name != JUDGE and value != {"type": "text"}):
            refused.append(extra)
    if refused:
        raise UnsupportedParameterError(
            f"offline:{name} does not take {refused[0]!r}; offline models take "
            f"{', '.join(sorted(SUPPORTED_PARAMETERS))}, and {JUDGE} {FORMAT_FIELD}. Leave it out.",
            parameter=refused[0],
            status=None,
        )
