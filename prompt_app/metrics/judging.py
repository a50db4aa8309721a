"""What every judge shares: its prompt as versioned data, untrusted text as JSON fields, and a
reply that is one schema-checked verdict or an error of a kind with a name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

from jsonschema.protocols import Validator

from prompt_app.datamodel.base import Record, canonical_json
from prompt_app.datamodel.model import GenerationRequest, InferenceParameters, ModelSpec, Output
from prompt_app.datamodel.prompt import Message
from prompt_app.datamodel.score import Direction, MetricInfo
from prompt_app.errors import (
    ContradictoryVerdictsError,
    CutOffVerdictError,
    InvalidVerdictError,
    NoVerdictError,
)
from prompt_app.metrics.common import quoted, refuse_longer
from prompt_app.metrics.json_schema import compile_schema, first_problem

MAX_FIELD_CHARACTERS = 1_000_000
"""Of each text that a judge is shown."""
MAX_REPLY_CHARACTERS = 100_000
MAX_BROKEN_OBJECTS = 1_000
"""In a judge's reply. Braces of formulas and code count among them."""
_SURROGATE = re.compile("[\ud800-\udfff]")


Shown = Literal[
    "question", "answer", "reference_answers", "contexts", "criterion", "rubric", "labels",
    "first", "second",
]  # fmt: skip


class VerdictValue(Record):
    """How a verdict becomes a number."""

    field: str
    """The field of the verdict that decides."""
    form: Literal["number", "share", "average_precision", "choice", "label"]
    """``number``: a number, or true for 1; ``share``: of a list of objects, those whose
    ``counts`` is true; ``average_precision``: a list of the 1-based places that are relevant;
    ``choice``: 1 for ``first``, 0 for ``second``; ``label``: one of the evaluation's own, by its
    place among them."""
    counts: str = ""


class JudgePrompt(Record):
    """A file of ``judge_prompts/``."""

    name: str
    version: str
    """Changes with anything in the file that could change a verdict."""
    description: str
    direction: Direction
    minimum: float
    maximum: float
    kind: Literal["proportion", "mean"]
    needs_reference: bool
    shows: tuple[Shown, ...]
    """What the judge is given, in this order."""
    value: VerdictValue
    instructions: str
    """The system message; fixed text, into which nothing of a sample is ever put."""
    show_schema: bool = False
    """Whether the schema stands behind the instructions."""
    output_schema: dict[str, Any]
    """JSON Schema of the verdict, an object with a ``reasoning``."""

    @property
    def system(self) -> str:
        """The system message as it is sent."""
        if not self.show_schema:
            return self.instructions
        return self.instructions + json.dumps(self.output_schema, ensure_ascii=False) + "\n"

    @property
    def info(self) -> MetricInfo:
        return MetricInfo(
            name=self.name,
            version=self.version,
            direction=self.direction,
            minimum=self.minimum,
            maximum=self.maximum,
            description=self.description,
            kind=self.kind,
            by_majority=self.value.form == "label",
            needs_reference=self.needs_reference,
            needs_judge=True,
        )


@lru_cache
def load_judge_prompt(name: str) -> JudgePrompt:
    """The prompt of the judge ``name``."""
    text = files("prompt_app.metrics").joinpath("judge_prompts", f"{name}.yaml").read_text("utf-8")
    return JudgePrompt.from_yaml(text)


def judge_request(
    prompt: JudgePrompt,
    judge: ModelSpec,
    parameters: InferenceParameters,
    data: Mapping[str, str | list[str]],
) -> GenerationRequest:
    """Instructions as the system message, ``data`` as one JSON object in the user message.

    Raises TextTooLongError before a call is paid for.
    """
    for name, value in data.items():
        for text in [value] if isinstance(value, str) else value:
            refuse_longer(name, text, MAX_FIELD_CHARACTERS)
    shown = json.dumps(data, ensure_ascii=False, indent=1)
    return GenerationRequest(
        model=judge,
        messages=(
            Message(role="system", content=prompt.system),
            Message(role="user", content=_SURROGATE.sub("\ufffd", shown)),
        ),
        parameters=parameters,
    )


def read_verdict(prompt: JudgePrompt, output: Output) -> dict[str, Any]:
    """The one verdict in a judge's response, valid by the prompt's schema.

    A code fence or text around it is allowed, and so are equal verdicts. Raises
    CutOffVerdictError, NoVerdictError, InvalidVerdictError or ContradictoryVerdictsError.
    """
    if output.finish_reason == "length":
        raise CutOffVerdictError(
            "The judge's reply was cut off at its token limit: raise max_tokens in "
            "'judge_parameters'."
        )
    if output.finish_reason == "content_filter":
        raise NoVerdictError("The judge's provider filtered its reply.")
    refuse_longer("judge's reply", output.text, MAX_REPLY_CHARACTERS)
    properties = list(prompt.output_schema["properties"])
    found, rest = _json_objects(output.text)
    candidates = [value for value in found if any(name in value for name in properties)]
    validator = _validator(canonical_json(prompt.output_schema))
    for candidate in candidates:
        if problem := first_problem(validator, candidate):
            raise InvalidVerdictError(f"The judge's verdict is not as asked: {problem}.")
    if re.search(rf"""["'](?:{"|".join(properties)})["']\s*:""", rest):
        raise InvalidVerdictError(f"The judge's verdict is broken JSON: {quoted(output.text)}.")
    if not candidates:
        raise NoVerdictError(f"The judge gave no verdict: {quoted(output.text)}.")
    decisions = [
        {name: value for name, value in candidate.items() if name != "reasoning"}
        for candidate in candidates
    ]
    if any(decision != decisions[0] for decision in decisions):
        raise ContradictoryVerdictsError(
            f"The judge gave {len(candidates)} verdicts that differ: {quoted(output.text)}."
        )
    return candidates[-1]


@lru_cache
def _validator(schema: str) -> Validator:
    return compile_schema(json.loads(schema))


def _json_objects(text: str) -> tuple[list[dict[str, Any]], str]:
    """The outermost JSON objects in ``text``, and the text that is left without them."""
    # Not strict: judges break lines inside their reasoning.
    decoder = json.JSONDecoder(object_pairs_hook=_distinct, strict=False)
    objects: list[dict[str, Any]] = []
    rest: list[str] = []
    position = 0
    broken = 0
    while (start := text.find("{", position)) >= 0:
        rest.append(text[position:start])
        try:
            value, position = decoder.raw_decode(text, start)
            objects.append(value)
        except json.JSONDecodeError as error:
            position = max(error.pos, start + 1)
            rest.append(text[start:position])
            broken += 1
            if broken > MAX_BROKEN_OBJECTS:
                raise InvalidVerdictError(
                    f"The judge's reply is full of broken JSON: {quoted(text)}."
                ) from None
        except (RecursionError, ValueError):
            raise InvalidVerdictError(
                f"The judge's reply holds JSON that cannot be read: {quoted(text)}."
            ) from None
    rest.append(text[position:])
    return objects, "".join(rest)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different; plain JSON reading keeps the last of a name."""
    value = dict(pairs)
    if len(value) < len(pairs):
        shown = ", ".join(name for name, _ in pairs)
        raise ContradictoryVerdictsError(f"The judge gave a field twice: {quoted(shown)}.")
    return value
