"""The parameters of ``/assessment``, from a form or JSON, as an experiment."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from prompt_app.errors import AssessmentError, RubricError
from prompt_app.gateway.errors import BadRequestError
from prompt_app.gateway.exchange import MOST_BODY_BYTES, Exchange
from prompt_app.rubrics.code_rules import Rules, read_code_rules
from prompt_app.rubrics.files import read_rubric
from prompt_app.rubrics.lesson_rules import lesson_rules
from prompt_app.rubrics.model import Experiment, Rubric, RubricParameters, WorkedExample
from prompt_app.rubrics.releases import promoted_release
from prompt_app.rubrics.replies import read_reply
from prompt_app.workbench.rubrics import Rubrics

DEFAULT_MODEL = "openai:gpt-5-mini"
OF_THE_CALL = "call"
"""Name of an experiment whose rubric comes with the call."""
API_KEYS = frozenset({"api-key", "api_key"})
TRUE = frozenset({"1", "true", "yes", "on"})


class AssessmentRequest(BaseModel):
    """Numbers, switches and lists may come as texts, as a form sends them. A ``release`` or a
    ``lesson`` with a promoted one brings its own prompt and rubric."""

    model_config = ConfigDict(extra="allow")
    code: str
    prompt: str = ""
    rubric: str = ""
    """The text of a CSV file."""
    examples: str | list[tuple[str, str]] = ""
    """Pairs of a work and a reply."""
    model: str = DEFAULT_MODEL
    api_key: Annotated[str, Field(alias="api-key")] = ""
    remove_comments: Annotated[bool | int | str, Field(alias="remove-comments")] = 0
    num_responses: Annotated[int | str, Field(alias="num-responses")] = 1
    temperature: float | str = 0
    response_type: Annotated[Literal["tsv", "json"], Field(alias="response-type")] = "tsv"
    code_feature_extractor: Annotated[str | list[str], Field(alias="code-feature-extractor")] = ""
    code_rules: Annotated[str, Field(alias="code-rules")] = ""
    lesson: str = ""
    release: str = ""
    student_id: Annotated[str, Field(alias="student-id")] = ""


async def read_values(exchange: Exchange) -> dict[str, Any]:
    """The parameters of a form or a JSON object. An api-key is used for nothing, so that it is
    not kept with the call's body either. Raises BadRequestError."""
    body = await exchange.body()
    exchange.request_body = b""
    values = await _parsed(exchange, body)
    for name in API_KEYS & values.keys():
        del values[name]
    exchange.request_body = orjson.dumps(values)
    return values


async def _parsed(exchange: Exchange, body: bytes) -> dict[str, Any]:
    kind = exchange.header(b"content-type").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        request = Request(exchange.scope, _replayed(body))
        try:
            form = await request.form(max_files=10, max_fields=50, max_part_size=MOST_BODY_BYTES)
            return {name: await _text_of(value) for name, value in form.items()}
        except (HTTPException, ValueError) as error:
            told = error.detail if isinstance(error, HTTPException) else str(error)
            raise BadRequestError(f"The form cannot be read: {told}") from None
    if kind == "application/x-www-form-urlencoded":
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: values[-1] for name, values in fields.items()}
    try:
        values = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict):
        raise BadRequestError("Send the parameters as a form or as a JSON object.")
    return values


async def _text_of(value: str | UploadFile) -> str:
    return value if isinstance(value, str) else str(await value.read(), "utf-8", "replace")


def _replayed(body: bytes) -> Any:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def experiment_of(rubrics: Rubrics, values: dict[str, Any]) -> Experiment:
    """What is asked for, by the call's own rubric or by a release. Raises InputError."""
    lesson = str(values.get("lesson") or "")
    release = values.get("release")
    if release or (lesson and not values.get("rubric")):
        name = str(release or promoted_release(rubrics.folder, lesson))
        if not lesson:
            raise BadRequestError("lesson: a release is of a lesson", "lesson")
        return rubrics.experiment(name, lesson, "releases")
    for needed in ("prompt", "rubric"):
        if not isinstance(values.get(needed), str) or not str(values[needed]).strip():
            raise BadRequestError(f"{needed}: it is missing", needed)
    rubric = read_rubric(str(values["rubric"]), "rubric")
    decided, rules = _decided_by_rules(rubrics, values, rubric, lesson)
    return Experiment(
        name=OF_THE_CALL,
        lesson=lesson or "call",
        parameters=_parameters(values).model_copy(update={"code_feature_extractor": decided}),
        code_rules=rules,
        system_prompt=str(values["prompt"]),
        rubric=rubric,
        examples=tuple(
            WorkedExample(
                name=f"{number}.js",
                work=work,
                reply_file=f"{number}.tsv",
                reply=reply,
                assessment=_read_example(reply, rubric, number),
            )
            for number, (work, reply) in enumerate(_examples(values), start=1)
        ),
    )


def _decided_by_rules(
    rubrics: Rubrics, values: dict[str, Any], rubric: Rubric, lesson: str
) -> tuple[tuple[str, ...], Rules]:
    """The key concepts that ``code-feature-extractor`` leaves to rules, and the rules: the call's
    own (``code-rules``, the text of a code_rules.yaml) or the lesson's."""
    place = "code-feature-extractor"
    decided = tuple(str(each) for each in _list(values, place))
    if not decided:
        return (), {}
    own = values.get("code-rules")
    if isinstance(own, str) and own.strip():
        rules = read_code_rules(own, "code-rules", rubric)
    elif lesson:
        rules = lesson_rules(rubrics.folder, lesson, rubric)
    else:
        raise BadRequestError(
            f"{place}: give the rules in 'code-rules', or name the 'lesson' that has them", place
        )
    for concept in decided:
        if concept not in rules:
            raise BadRequestError(
                f"{place}: no rule decides {concept!r}; they are for {', '.join(rules)}", place
            )
    return decided, rules


def _read_example(reply: str, rubric: Any, number: int) -> Any:
    try:
        return read_reply(reply, rubric)
    except AssessmentError as error:
        raise RubricError(
            f"The reply of example {number} does not fit the rubric: {error}"
        ) from None


def _parameters(values: dict[str, Any]) -> RubricParameters:
    def number(name: str, default: float, most: float) -> float:
        try:
            value = float(values.get(name) or default)
        except (TypeError, ValueError):
            raise BadRequestError(f"{name}: it must be a number", name) from None
        if not 0 <= value <= most:
            raise BadRequestError(f"{name}: it must be from 0 to {most:g}", name)
        return value

    kind = str(values.get("response-type") or "tsv")
    if kind not in ("tsv", "json"):
        raise BadRequestError("response-type: it must be tsv or json", "response-type")
    model = values.get("model") or DEFAULT_MODEL
    if not isinstance(model, str):
        raise BadRequestError("model: it must be a model's name", "model")
    responses = number("num-responses", 1, 100)
    return RubricParameters.model_validate(
        {
            "model": model,
            "num_responses": max(1, int(responses)),
            "temperature": number("temperature", 0, 2),
            "remove_comments": str(values.get("remove-comments") or "0").lower() in TRUE,
            "response_type": kind,
        }
    )


def _list(values: dict[str, Any], name: str) -> list[Any]:
    value = values.get(name)
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else []
        except json.JSONDecodeError:
            value = [value]
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadRequestError(f"{name}: it must be a JSON array", name)
    return value


def _examples(values: dict[str, Any]) -> list[tuple[str, str]]:
    pairs = _list(values, "examples")
    for pair in pairs:
        if (
            not isinstance(pair, list)
            or len(pair) != 2
            or not all(isinstance(each, str) for each in pair)
        ):
            raise BadRequestError("examples: an array of [work, reply] pairs", "examples")
    return [(work, reply) for work, reply in pairs]
