"""A pipeline in the place of a model, so that it is evaluated and served like one."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from prompt_app.datamodel.model import GenerationRequest, ModelSpec, Output, Reply, ReplyEvent
from prompt_app.datamodel.prompt import Message
from prompt_app.errors import PipelineError, ProviderError, RequestRefusedError, TransientError
from prompt_app.pipelines.checking import CheckedPipeline
from prompt_app.pipelines.execution import Ask, Executed, Execution
from prompt_app.pipelines.values import as_text
from prompt_app.providers.streaming import in_one_piece

PROVIDER = "pipeline"


def arguments_from(messages: Sequence[Message], names: Sequence[str]) -> dict[str, Any]:
    """The pipeline's arguments as a conversation gives them: one argument is the last user
    message; several are the user messages in their order, or the fields of a JSON object that is
    the last one. Raises PipelineError."""
    texts = [message.content for message in messages if message.role == "user"]
    if len(names) <= 1:
        return dict.fromkeys(names, texts[-1])
    if len(texts) == len(names):
        return dict(zip(names, texts, strict=True))
    try:
        found = json.loads(texts[-1])
    except (ValueError, RecursionError, IndexError):
        found = None
    if not isinstance(found, dict):
        raise PipelineError(
            f"The pipeline takes {', '.join(names)}: give a user message for each, in that order, "
            "or one with a JSON object of them."
        )
    return found


class PipelineProvider:
    """``load`` gives the pipeline behind a model of this provider, or raises a ProviderError;
    ``ask`` calls the models of its steps, with limits and retries of its own."""

    def __init__(
        self,
        load: Callable[[ModelSpec], Awaitable[CheckedPipeline]],
        ask: Ask,
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self._load = load
        self._ask = ask
        self._close = close

    async def generate(self, request: GenerationRequest, timeout: float) -> Reply:
        """See :class:`prompt_app.interfaces.Provider`. A step that failed is a refusal: its model
        was tried again already, and other steps would be paid for twice."""
        pipeline = await self._load(request.model)
        try:
            arguments = arguments_from(request.messages, pipeline.arguments)
            done = await Execution(pipeline, self._ask).run(arguments, timeout)
        except PipelineError as error:
            raise RequestRefusedError(str(error)) from None
        if done.error is not None:
            is_final = isinstance(done.error, ProviderError) and not isinstance(
                done.error, TransientError
            )
            raise done.error if is_final else RequestRefusedError(str(done.error)) from done.error
        return _reply(request, done)

    def stream(
        self, request: GenerationRequest, timeout: float
    ) -> AsyncGenerator[ReplyEvent, None]:
        return in_one_piece(self.generate(request, timeout))

    async def close(self) -> None:
        await self._close()


def _reply(request: GenerationRequest, done: Executed) -> Reply:
    steps: list[Mapping[str, Any]] = [
        step.model_dump(mode="json", exclude_defaults=True) for step in done.steps
    ]
    return Reply(
        outputs=(Output(text=as_text(done.output)),),
        usage=done.usage,
        latency_seconds=done.seconds,
        model=request.model.reference,
        raw={"steps": steps},
        cost_usd=done.cost_usd,
    )
