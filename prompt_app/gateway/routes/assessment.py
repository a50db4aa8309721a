"""``/assessment``: one work by a rubric that comes with the call, or by a release."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import orjson

from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.datamodel.serving import Scope
from prompt_app.errors import (
    AssessmentError,
    ContextTooLongError,
    DeadlineExceededError,
    EmptyAssessmentError,
    LimitReachedError,
    ModelNotFoundError,
    PromptAppError,
    ProviderError,
    RequestRefusedError,
    UnknownNameError,
)
from prompt_app.gateway.address import Address
from prompt_app.gateway.answers import Answer
from prompt_app.gateway.assessment_request import (
    DEFAULT_MODEL,
    OF_THE_CALL,
    AssessmentRequest,
    experiment_of,
    read_values,
)
from prompt_app.gateway.calling import acting, answer
from prompt_app.gateway.errors import TITLES, BadRequestError, problem
from prompt_app.gateway.exchange import Exchange
from prompt_app.rubrics.code_rules import votes_by_rules
from prompt_app.rubrics.model import Experiment
from prompt_app.rubrics.prompting import (
    asked_rubric,
    blank_assessment,
    build_messages,
    is_blank,
    shown_text,
)
from prompt_app.rubrics.votes import ConceptVote, vote
from prompt_app.workbench.endpoints import known_model
from prompt_app.workbench.rubric_preparing import read_outputs, resolve_model
from prompt_app.workbench.rubrics import EXAMPLE_RUBRICS
from prompt_app.workbench.serving import Asked, CacheUse

EXAMPLE_LESSON = "L1-moving-things"
EXAMPLE_WORK = "amber"


def refusal(error: PromptAppError) -> Answer:
    """413 for a work that the model cannot take, 504 for no answer in time, 503 for a provider
    that does not answer as it should, 400 for what the caller can mend."""
    told = problem(error)
    if isinstance(error, ContextTooLongError):
        told.status = 413
    elif isinstance(error, AssessmentError) or (
        isinstance(error, ProviderError)
        and not isinstance(error, DeadlineExceededError | RequestRefusedError | ModelNotFoundError)
    ):
        told.status = 503
    elif isinstance(error, LimitReachedError):
        told.status = 429
    elif isinstance(error, UnknownNameError | ModelNotFoundError):
        told.status = 400
    body = orjson.loads(told.body)
    body |= {"status": told.status, "title": TITLES[told.status]}
    told.body = orjson.dumps(body)
    return told


async def assessment(exchange: Exchange) -> Answer:
    values = await read_values(exchange)
    experiment = await asyncio.to_thread(experiment_of, exchange.gateway.workbench.rubrics, values)
    code = values.get("code")
    if not isinstance(code, str):
        raise BadRequestError("code: the work to assess is missing", "code")
    student = str(values.get("student-id") or values.get("student_id") or "")
    return await _assess(exchange, experiment, code, student)


async def _assess(exchange: Exchange, experiment: Experiment, code: str, student: str) -> Answer:
    started = time.perf_counter()
    shown = shown_text(code, "work.js", experiment)
    metadata: dict[str, Any] = {"agent": "static", "student_id": student}
    if is_blank(shown):
        votes = vote([blank_assessment(experiment.rubric)])
        metadata["time"] = round(time.perf_counter() - started, 3)
        return Answer(orjson.dumps({"metadata": metadata, "data": _rows(votes)}))
    ruled = await asyncio.to_thread(votes_by_rules, code, experiment)
    if not asked_rubric(experiment).concepts:
        metadata["time"] = round(time.perf_counter() - started, 3)
        body = {"metadata": metadata, "data": _rows(_in_order(ruled, experiment))}
        return Answer(orjson.dumps(body))
    judged, asked = await _votes(exchange, experiment, shown)
    votes = _in_order(judged | ruled, experiment)
    spent, parameters = asked.spent, experiment.parameters
    metadata["agent"], _, answered_by = spent.target.partition(":")
    metadata["time"] = round(time.perf_counter() - started, 3)
    metadata["usage"] = {
        "prompt_tokens": spent.input_tokens,
        "completion_tokens": spent.output_tokens,
        "total_tokens": spent.input_tokens + spent.output_tokens,
    }
    metadata["request"] = {
        "model": answered_by,
        "temperature": parameters.temperature,
        "messages": [each.model_dump() for each in asked.messages],
        "n": parameters.num_responses,
    }
    body = {"metadata": metadata, "data": _rows(votes)}
    return Answer(orjson.dumps(body), headers=exchange.serving_headers())


def _model(exchange: Exchange, experiment: Experiment) -> tuple[str, ModelSpec | None]:
    """A call names its model as any other does; a release's is the one that was measured."""
    given = experiment.parameters.model
    if experiment.name == OF_THE_CALL and isinstance(given, str):
        return given, None
    folder = exchange.gateway.workbench.rubrics.folder
    model = known_model(resolve_model(given, folder), acting(exchange).store)
    return model.reference, model


async def _votes(
    exchange: Exchange, experiment: Experiment, shown: str
) -> tuple[dict[str, ConceptVote], Asked]:
    """By the model. A stored reply that cannot be read is asked for anew; one that was just paid
    for is not paid for again. Raises AssessmentError where no reply can be read."""
    parameters = InferenceParameters(
        temperature=experiment.parameters.temperature,
        num_responses=experiment.parameters.num_responses,
        max_tokens=experiment.parameters.max_tokens,
    )
    rubric = asked_rubric(experiment)
    messages = build_messages(experiment, shown)
    name, model = await asyncio.to_thread(_model, exchange, experiment)
    for cache in (exchange.cache_use(), CacheUse(read=False)):
        asked = Asked(name, messages, parameters, spec=model, cache=cache)
        reply = await answer(exchange, asked)
        assessments, problems = await asyncio.to_thread(read_outputs, reply, rubric)
        if assessments:
            return {each.concept: each for each in vote(assessments)}, asked
        if not asked.spent.cached:
            break
    raise EmptyAssessmentError(f"No reply of the model could be read: {problems[0].message}")


def _in_order(votes: dict[str, ConceptVote], experiment: Experiment) -> tuple[ConceptVote, ...]:
    return tuple(votes[name] for name in experiment.rubric.names)


def _rows(votes: tuple[ConceptVote, ...]) -> list[dict[str, str]]:
    return [
        {
            "Key Concept": each.concept,
            "Observations": each.observations,
            "Label": each.label or "",
            "Reason": each.reason,
            "Evidence": each.evidence,
        }
        for each in votes
    ]


# --- trying it out --------------------------------------------------------------------------


async def alive(exchange: Exchange) -> Answer:
    return Answer(b'{"status": "ok"}')


async def try_model(exchange: Exchange) -> Answer:
    """One small paid call to the model that the settings name."""
    from prompt_app.datamodel.prompt import Message

    settings = exchange.gateway.workbench.settings
    model = settings.gateway_model or DEFAULT_MODEL
    asked = Asked(model, (Message(role="user", content="Answer with the word OK."),))
    asked.cache = CacheUse(read=False, write=False)
    reply = await answer(exchange, asked)
    return Answer(orjson.dumps({"model": model, "response": reply.text}))


async def openai_models(exchange: Exchange) -> Answer:
    assert exchange.caller is not None
    names = await exchange.gateway.serving.names.callable_names(exchange.caller.reach)
    found = [name.partition(":")[2] for name in names if name.startswith("openai:")]
    return Answer(orjson.dumps(found))


async def try_assessment(exchange: Exchange) -> Answer:
    experiment, work = await asyncio.to_thread(_shipped, with_examples=False)
    return await _assess(exchange, experiment, work, "test")


async def try_examples(exchange: Exchange) -> Answer:
    experiment, work = await asyncio.to_thread(_shipped, with_examples=True)
    return await _assess(exchange, experiment, work, "test")


async def try_blank(exchange: Exchange) -> Answer:
    experiment, _ = await asyncio.to_thread(_shipped, with_examples=False)
    return await _assess(exchange, experiment, " \n", "test")


def _shipped(*, with_examples: bool) -> tuple[Experiment, str]:
    """The example lesson and one of its works."""
    from pathlib import Path

    from prompt_app.rubrics.files import read_experiment, read_works
    from prompt_app.rubrics.folders import LocalFolder

    folder = LocalFolder(Path(EXAMPLE_RUBRICS))
    experiment = read_experiment(folder, "first", EXAMPLE_LESSON, "releases")
    model = resolve_model(experiment.parameters.model, folder)
    parameters = experiment.parameters.model_copy(
        update={"model": model.model_dump(mode="json", exclude_defaults=True)}
    )
    update: dict[str, Any] = {"parameters": parameters}
    if not with_examples:
        update["examples"] = ()
    works = {work.student: work.text for work in read_works(folder, "games", EXAMPLE_LESSON)}
    return experiment.model_copy(update=update), works[EXAMPLE_WORK]


_ANSWER = {
    "metadata": {
        "agent": "openai",
        "time": 3.2,
        "student_id": "",
        "usage": {"prompt_tokens": 900, "completion_tokens": 200, "total_tokens": 1100},
        "request": {"model": "gpt-5-mini", "temperature": 0.2, "messages": [], "n": 1},
    },
    "data": [
        {
            "Key Concept": "Loops",
            "Observations": "A draw loop moves the sprite.",
            "Label": "Extensive Evidence",
            "Reason": "Two properties change.",
            "Evidence": "Lines 12-18",
        }
    ],
}


def _trial(path: str, handler: Any, summary: str, scope: Scope | None = Scope.INVOKE) -> Address:
    return Address(
        method="GET",
        paths=(path,),
        handler=handler,
        summary=summary,
        route="assessment.test",
        scope=scope,
        shape=refusal,
    )


ADDRESSES = (
    Address(
        method="POST",
        paths=("/assessment",),
        handler=assessment,
        summary="A work assessed by a rubric",
        route="assessment",
        shape=refusal,
        request=AssessmentRequest,
        media=("application/json", "application/x-www-form-urlencoded", "multipart/form-data"),
        example={
            "code": "var sprite = createSprite(200, 200);",
            "prompt": "Assess the program by the rubric.",
            "rubric": "Key Concept,Instructions,Extensive Evidence,No Evidence\n"
            "Sprites,Count them.,At least one,None\n",
            "examples": "[]",
            "model": "offline:echo",
            "num-responses": 1,
            "temperature": 0.2,
        },
        answer=_ANSWER,
    ),
    _trial("/test", alive, "Whether the service is alive", scope=None),
    _trial("/test/openai", try_model, "One small call to the configured model"),
    _trial("/openai/models", openai_models, "OpenAI's models that are known", scope=Scope.READ),
    _trial("/test/assessment", try_assessment, "The shipped example assessed"),
    _trial("/test/assessment/blank", try_blank, "A blank work assessed"),
    _trial("/test/assessment/examples", try_examples, "The same with worked examples"),
)
