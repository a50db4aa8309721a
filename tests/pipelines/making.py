"""What the pipelines' tests share: a catalogue over a few prompts, and a model that answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from prompt_app.datamodel.model import GenerationRequest, ModelSpec, Output, Reply, TokenUsage
from prompt_app.datamodel.pipeline import RegisteredFunction
from prompt_app.datamodel.prompt import PinnedPrompt, PromptTemplate
from prompt_app.errors import UnknownNameError
from prompt_app.interfaces.pipelines import StepReply
from prompt_app.pipelines.catalogue import FunctionCatalogue
from prompt_app.pipelines.checking import CheckedPipeline, check_pipeline
from prompt_app.pipelines.execution import Ask, Executed, Execution

PROMPTS = {
    "prompt_buddy": "Hello {buddy}",
    "p1": "Say {a1}",
    "two": "{a} and {b}",
    "my-prompt": "About {topic}",
    "upper": "Shout {word}",
    "modelled": "{model}",
    "spaced": "{Reference Answer(s)}",
}
MODEL = ModelSpec.model_validate("offline:echo")


def catalogue(
    registered: Iterable[RegisteredFunction] = (),
    folder: Path = Path("nowhere"),
    prompts: Mapping[str, str] = PROMPTS,
) -> FunctionCatalogue:
    def find(name: str) -> PinnedPrompt:
        plain = name.partition("@")[0]
        if plain not in prompts:
            raise UnknownNameError("prompt", plain)
        template = PromptTemplate.model_validate(prompts[plain])
        return PinnedPrompt(name=plain, version_id=template.content_id, number=1, template=template)

    return FunctionCatalogue(registered, folder, find, lambda: list(prompts))


def checked(text: str, **parts: Any) -> CheckedPipeline:
    return check_pipeline(text, catalogue(**parts), MODEL)


async def bracketing(request: GenerationRequest) -> StepReply:
    """Answers ``<the prompt>``, for a cent."""
    text = f"<{request.messages[-1].content}>"
    usage = TokenUsage(input=3, output=1)
    return StepReply(Reply(outputs=(Output(text=text),), usage=usage), cost_usd=0.01)


def run(
    text: str, arguments: Mapping[str, Any] | None = None, ask: Ask = bracketing, **parts: Any
) -> Executed:
    execution = Execution(checked(text, **parts), ask)
    return asyncio.run(execution.run(arguments or {}, timeout=30))


def value(text: str, **arguments: Any) -> Any:
    """What a pipeline that must succeed gives."""
    done = run(text, arguments)
    assert done.error is None, done.error
    return done.output


def failure(text: str, **arguments: Any) -> str:
    """Why a pipeline fails."""
    done = run(text, arguments)
    assert done.error is not None
    return str(done.error)
