"""Replies from a file of rules."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import regex
import yaml
from pydantic import ValidationError, model_validator

from prompt_app.datamodel.base import Record, canonical_json
from prompt_app.datamodel.model import ModelSpec
from prompt_app.datamodel.prompt import Message
from prompt_app.datamodel.yaml_reading import read_yaml
from prompt_app.errors import EvaluationError, RequestRefusedError
from prompt_app.providers.offline_models import Answer, Draw, last_user_text

PATTERN_SECONDS = 0.5
NO_REPLY = "The script has no reply for this prompt."


class Rule(Record):
    """What to reply when the last user message meets every condition given; no condition meets
    all messages. Of several ``replies``, response number i of a call with seed s is reply i + s,
    counted round."""

    contains: str | None = None
    equals: str | None = None
    pattern: str | None = None
    """A regular expression, searched for in the message."""
    reply: str | None = None
    replies: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _replies_once(self) -> Self:
        if (self.reply is None) == (not self.replies):
            raise ValueError("give either 'reply' or 'replies'")
        if self.pattern is not None:
            try:
                regex.compile(self.pattern)
            except regex.error as error:
                raise ValueError(
                    f"pattern {self.pattern!r} is no regular expression: {error}"
                ) from None
        return self

    def meets(self, text: str) -> bool:
        """Raises TimeoutError for a pattern that takes too long on ``text``."""
        return (
            (self.equals is None or text.strip() == self.equals.strip())
            and (self.contains is None or self.contains in text)
            and (
                self.pattern is None
                or regex.search(self.pattern, text, timeout=PATTERN_SECONDS) is not None
            )
        )

    def choose(self, number: int) -> str:
        choices = self.replies or (self.reply or "",)
        return choices[number % len(choices)]


class Script(Record):
    """Rules in order: the first that the message meets replies, else ``default``."""

    rules: tuple[Rule, ...] = ()
    default: str = NO_REPLY

    def answer(self, messages: Sequence[Message], draw: Draw) -> str:
        text = last_user_text(messages)
        try:
            rule = next((rule for rule in self.rules if rule.meets(text)), None)
        except TimeoutError:
            raise RequestRefusedError(
                f"A pattern of the script took more than {PATTERN_SECONDS} s on one prompt; "
                "write it without nested repetition."
            ) from None
        return self.default if rule is None else rule.choose(draw.index + draw.seed)


def create_scripted(options: dict[str, Any]) -> Answer:
    """Replies as the file of option ``script`` says: YAML with ``rules`` and ``default``, or
    JSONL with a rule a line; or as option ``rules`` says, which holds what such a file does.
    Raises EvaluationError for rules that cannot be read or used."""
    if options.get("rules") is not None:
        return _checked(options["rules"], "The option 'rules'").answer
    if not options.get("script"):
        raise EvaluationError(
            "offline:scripted needs the option 'script': the path of a YAML or JSONL file of "
            "rules; or the option 'rules' with what such a file holds."
        )
    path = Path(str(options["script"]))
    return _parsed(_read(path), str(path)).answer


def with_script(model: ModelSpec, folder: Path) -> ModelSpec:
    """An offline model with the rules that its script holds now, where it names one by a path
    that starts in ``folder``; any other model as it is. Raises EvaluationError that names the
    file and what is wrong in it."""
    script = model.options.get("script")
    if model.provider != "offline" or script is None:
        return model
    path = folder / str(script)
    return with_rules(model, _read(path), str(path))


def with_rules(model: ModelSpec, text: str, path: str) -> ModelSpec:
    """``model`` with the rules in ``text`` in place of its option ``script``: so they are part of
    what changes a reply, and who calls it needs no file. Raises EvaluationError that names
    ``path``."""
    options = {name: value for name, value in model.options.items() if name != "script"}
    if options.get("rules") is not None:
        raise EvaluationError(
            f"{model.reference} takes the option 'script' or the option 'rules', not both."
        )
    rules = _parsed(text, path).model_dump(mode="json", exclude_defaults=True)
    return model.model_copy(update={"options": {**options, "rules": rules}})


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise EvaluationError(f"Cannot read the script {path}: {error.strerror}.") from None
    except ValueError as error:
        raise EvaluationError(f"The script {path} is not valid YAML or JSONL: {error}") from None


def _parsed(text: str, path: str) -> Script:
    try:
        if path.lower().endswith((".jsonl", ".ndjson")):
            content = _of_lines([json.loads(line) for line in text.splitlines() if line.strip()])
        else:
            content = read_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        told = " ".join(str(error).split())
        raise EvaluationError(f"The script {path} is not valid YAML or JSONL: {told}") from None
    return _checked(content, f"The script {path}")


def _checked(content: Any, what: str) -> Script:
    try:
        script = Script.model_validate({"rules": content} if isinstance(content, list) else content)
        canonical_json(script.model_dump(mode="json")).encode()
        return script
    except UnicodeEncodeError:
        raise EvaluationError(f"{what} holds half of a surrogate pair, which is no text.") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise EvaluationError(f"{what}: {where or 'content'}: {first['msg']}.") from None


def _of_lines(lines: Sequence[Any]) -> dict[str, Any]:
    """A line ``{"default": "..."}`` holds the default; every other line is a rule."""
    content: dict[str, Any] = {"rules": []}
    for line in lines:
        if isinstance(line, dict) and set(line) == {"default"}:
            content["default"] = line["default"]
        else:
            content["rules"].append(line)
    return content
