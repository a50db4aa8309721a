"""Assistants: a stored context, its sample questions, its models."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

import orjson
from pydantic import BaseModel, ConfigDict

from prompt_app.datamodel.prompt import Message
from prompt_app.datamodel.serving import Assistant, Scope
from prompt_app.errors import InputError, PromptAppError, UnknownNameError
from prompt_app.gateway.address import Address
from prompt_app.gateway.answers import Answer
from prompt_app.gateway.calling import acting, answer
from prompt_app.gateway.errors import error_text, problem
from prompt_app.gateway.exchange import Exchange
from prompt_app.providers.catalogue import named_model
from prompt_app.workbench.endpoints import known_model
from prompt_app.workbench.serving import Asked
from prompt_app.workbench.serving.names import Known

GROUPS = {"offline": "Mock", "openai": "OpenAI", "bedrock": "Bedrock", "sagemaker": "SageMaker"}
OTHERS = "Other"
"""Prompts, pipelines and aliases, where an assistant answers with such."""
FINE_TUNED = "Fine-tuned"


class AssistantError(InputError):
    """A mistake in a call of an assistant; ``supported_models`` is the list that helps."""

    def __init__(self, message: str, supported_models: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.supported_models = supported_models


class UnsupportedModelError(AssistantError):
    """The assistant does not answer with this model."""


class BothQuestionsError(AssistantError):
    """A sample question and an own one at once."""


class NoQuestionError(AssistantError):
    """Neither a sample question nor an own one."""


class QuestionNumberError(AssistantError):
    """There is no sample question of that number."""


class QuestionsNotSeenError(AssistantError):
    """A number was given by a caller that has not asked for the list yet."""


class Model(BaseModel):
    model_config = ConfigDict(extra="ignore")
    model_name: str


class SampleQuestion(BaseModel):
    status: bool = False
    selected_question: Any = None
    """A number; whatever there is where the status is false."""


class CustomQuestion(BaseModel):
    status: bool = False
    your_question: Any = None


class Inference(BaseModel):
    sample_question: SampleQuestion = SampleQuestion()
    custom_question: CustomQuestion = CustomQuestion()


class InferenceRequest(BaseModel):
    model_config = ConfigDict(extra="ignore")
    model: Model
    inference: Inference
    assistant: str | None = None
    """Where there are several."""


def refusal(error: PromptAppError) -> Answer:
    """``error``, and the supported models where the list helps."""
    told = problem(error)
    body: dict[str, Any] = {"error": error_text(error), "kind": error.kind}
    if isinstance(error, AssistantError) and error.supported_models:
        body["supported_models"] = list(error.supported_models)
    return Answer(orjson.dumps(body), told.status, headers=told.headers)


async def supported_models(exchange: Exchange) -> Answer:
    known = await _known(exchange)
    groups: dict[str, list[str]] = {FINE_TUNED: [], **{group: [] for group in GROUPS.values()}}
    if known.assistants:
        references = list(_chosen(exchange, known).models)
    else:
        models = acting(exchange).models
        references = [card.reference for card in await asyncio.to_thread(models.cards)]
    for name in references:
        if "/" in name.partition(":")[0] or name in known.routes:
            groups.setdefault(OTHERS, []).append(name)
            continue
        try:
            model = await asyncio.to_thread(known_model, named_model(name), known.store)
        except UnknownNameError:
            continue  # an endpoint that has been deleted answers nothing
        tuned = model.name.startswith("ft:") or ":custom-model" in model.name
        groups[FINE_TUNED if tuned else GROUPS[model.provider]].append(name)
    return Answer(orjson.dumps({"message": groups}))


async def sample_questions(exchange: Exchange) -> Answer:
    assistant = _chosen(exchange, await _known(exchange))
    exchange.gateway.saw_questions(_reader(exchange), assistant.name)
    listed = [f"question {n}: {text}" for n, text in enumerate(assistant.questions, start=1)]
    return Answer(orjson.dumps({"response": listed}))


async def send_inference(exchange: Exchange) -> Answer:
    request = await exchange.read(InferenceRequest)
    assistant = _chosen(exchange, await _known(exchange), request.assistant)
    model = request.model.model_name
    if model not in assistant.models:
        raise UnsupportedModelError(
            f"The assistant {assistant.name!r} does not answer with {model!r}.", assistant.models
        )
    question = _question(exchange, request.inference, assistant)
    messages = (
        Message(role="system", content=assistant.context),
        Message(role="user", content=question),
    )
    reply = await answer(exchange, Asked(model, messages, cache=exchange.cache_use()))
    body = {
        "model_name": model,
        "response": {"response": reply.text, "your_question": question},
    }
    return Answer(orjson.dumps(body), headers=exchange.serving_headers())


def _question(exchange: Exchange, asked: Inference, assistant: Assistant) -> str:
    sample, custom = asked.sample_question, asked.custom_question
    if sample.status and custom.status:
        raise BothQuestionsError(
            "Ask a sample question or an own one: set the 'status' of one of them to false."
        )
    if custom.status:
        if not isinstance(custom.your_question, str) or not custom.your_question.strip():
            raise NoQuestionError("'your_question' must be a text, and not empty.")
        return custom.your_question
    if not sample.status:
        raise NoQuestionError("Set the 'status' of 'sample_question' or 'custom_question' to true.")
    if not exchange.gateway.has_seen_questions(_reader(exchange), assistant.name):
        raise QuestionsNotSeenError(
            "Get the list first (GET /get_sample_questions): a number means nothing without it."
        )
    number = sample.selected_question
    if isinstance(number, str) and number.strip().isdecimal():
        number = int(number)
    if not isinstance(number, int) or not 1 <= number <= len(assistant.questions):
        raise QuestionNumberError(
            f"'selected_question' must be a number from 1 to {len(assistant.questions)}."
        )
    return assistant.questions[number - 1]


def _reader(exchange: Exchange) -> str:
    assert exchange.caller is not None
    return exchange.caller.token_id or exchange.caller.person


async def _known(exchange: Exchange) -> Known:
    assert exchange.caller is not None
    return await exchange.gateway.serving.names.known(exchange.caller.reach)


def _chosen(exchange: Exchange, known: Known, name: str | None = None) -> Assistant:
    """The assistant that the call names, else the only one, or the first by name."""
    query = parse_qs(exchange.scope["query_string"].decode("latin-1"))
    name = name or (query.get("assistant") or [""])[0]
    if name:
        return known.assistant(name)
    if not known.assistants:
        raise UnknownNameError("assistant", "default", advice="Make one on the page Assistants.")
    return known.assistants[min(known.assistants)]


ADDRESSES = (
    Address(
        method="GET",
        # The second is how deployed clients spell it.
        paths=("/get_supported_models", "/get_suppored_models"),
        handler=supported_models,
        summary="The models that may be asked, by kind",
        route="assistant.models",
        scope=Scope.READ,
        shape=refusal,
        query=("assistant",),
        answer={"message": {"Fine-tuned": [], "Mock": ["offline:echo"], "OpenAI": []}},
    ),
    Address(
        method="GET",
        paths=("/get_sample_questions",),
        handler=sample_questions,
        summary="The sample questions of an assistant",
        route="assistant.questions",
        scope=Scope.READ,
        shape=refusal,
        query=("assistant",),
        answer={"response": ["question 1: What is a loop?"]},
    ),
    Address(
        method="POST",
        paths=("/send_inference",),
        handler=send_inference,
        summary="Ask an assistant a sample question or an own one",
        route="assistant.ask",
        shape=refusal,
        request=InferenceRequest,
        example={
            "model": {"model_name": "offline:echo"},
            "inference": {
                "sample_question": {"status": False, "selected_question": None},
                "custom_question": {"status": True, "your_question": "What is a loop?"},
            },
        },
        answer={
            "model_name": "offline:echo",
            "response": {"response": "...", "your_question": "What is a loop?"},
        },
    ),
)
