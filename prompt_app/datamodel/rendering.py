"""Templates become messages. A template is text in which only placeholders are special.

``single`` notation: ``{name}``. A name starts with a letter and goes on with letters, digits,
spaces, any other non-ASCII character, and ``_ . - ( ) / # % & ?``; it does not end with a space.
Any other text in braces is literal, so JSON (``{"a": 1}``), code (``{ return x; }``, ``{x: 1}``)
and empty braces need no escape. ``{{name}}`` is the escape: it renders ``{name}``; and
``{{{name}}}`` renders the value in braces.

``double`` notation: ``{{name}}``, spaces around the name allowed. A name starts with a letter and
holds neither braces nor line breaks. Single braces are always literal.

A name is looked up by :func:`prompt_app.datamodel.dataset.field_value`: a column of that very
name, or a dotted path into nested objects and lists. There is no attribute access, no format
specification and no call, and text that comes from a value is never looked at again.

A string renders as it is, null as nothing, anything else as JSON.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Literal

from prompt_app.datamodel.base import yaml_text
from prompt_app.datamodel.dataset import field_value
from prompt_app.datamodel.perturbing import perturb_fields
from prompt_app.datamodel.prompt import Message, PinnedPrompt, PromptTemplate
from prompt_app.errors import TemplateError
from prompt_app.registry import nearest_names

Notation = Literal["single", "double"]

_LETTER = r"[^\W\d_]"
_SINGLE_NAME = rf"{_LETTER}(?:[\w.()/#%&? -]|[^\x00-\x9f\u2028\u2029])*(?<! )"
_SINGLE = re.compile(
    rf"\{{\{{\{{(?P<braced>{_SINGLE_NAME})\}}\}}\}}"
    rf"|\{{\{{(?P<escaped>{_SINGLE_NAME})\}}\}}"
    rf"|\{{(?P<plain>{_SINGLE_NAME})\}}"
)
_DOUBLE = re.compile(rf"\{{\{{[ \t]*(?P<plain>{_LETTER}[^{{}}\r\n]*)\}}\}}")


def placeholders(text: str, notation: Notation = "single") -> list[str]:
    """The names that ``text`` asks for, each once, in order of first appearance."""
    names: dict[str, None] = {}

    def note(name: str) -> str:
        names[name] = None
        return ""

    _substitute(text, notation, note)
    return list(names)


def render_text(text: str, notation: Notation, fields: Mapping[str, Any]) -> str:
    """``text`` with every placeholder replaced by its value in ``fields``.

    Raises TemplateError that names a placeholder without a field and the nearest column.
    """

    def value_of(name: str) -> str:
        try:
            return _as_text(field_value(fields, name))
        except KeyError:
            shown = _written(name, notation)
            raise TemplateError(
                f"The placeholder {shown} has no field in this row.{_hint(name, notation, fields)}"
            ) from None

    return _substitute(text, notation, value_of)


def render_messages(prompt: PinnedPrompt, fields: Mapping[str, Any]) -> tuple[Message, ...]:
    """The messages to send for the row ``fields``.

    Each shot stands before the last user message: that message rendered with the shot's fields,
    then an assistant message with the shot's answer. Raises TemplateError.
    """
    template = prompt.template
    if prompt.perturb is not None:
        fields = perturb_fields(prompt.perturb, fields, template_placeholders(template))
    last_question = max(i for i, message in enumerate(template.messages) if message.role == "user")
    rendered: list[Message] = []
    for index, message in enumerate(template.messages):
        if index == last_question:
            for shot, answer in zip(prompt.shots, prompt.shot_answers, strict=True):
                rendered.append(_rendered(message, template.placeholders, shot.fields))
                rendered.append(Message(role="assistant", content=answer))
        rendered.append(_rendered(message, template.placeholders, fields))
    return tuple(rendered)


def template_placeholders(template: PromptTemplate) -> list[str]:
    """The names that the messages of ``template`` ask for, each once."""
    names: dict[str, None] = {}
    for message in template.messages:
        names.update(dict.fromkeys(placeholders(message.content, template.placeholders)))
    return list(names)


def check_not_empty(name: str, template: PromptTemplate) -> None:
    """Raise TemplateError where no message has any text: nothing would be asked."""
    if not any(message.content.strip() for message in template.messages):
        raise TemplateError(f"The prompt {name!r} is empty: write a message that asks something.")


def check_template(template: PromptTemplate, paths: Collection[str]) -> None:
    """Raise TemplateError for placeholders that no field of a dataset answers.

    ``paths`` are the dataset's field paths; an index into a list (``turns.0.content``) is known
    when the list is. The error names every such placeholder, its message and the nearest field.
    """
    problems = []
    for number, message in enumerate(template.messages, start=1):
        for name in placeholders(message.content, template.placeholders):
            if not _is_known(name, paths):
                shown = _written(name, template.placeholders)
                problems.append(
                    f"The placeholder {shown} in message {number} ({message.role}) names no field "
                    f"of the dataset.{_hint(name, template.placeholders, paths)}"
                )
    if problems:
        columns = sorted({path.split(".")[0] if "." in path else path for path in paths})
        fields = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
        problems.append(f"Fields: {fields or 'none'}.")
        if template.placeholders == "single":
            problems.append("Text in braces that is no placeholder is written {{so}}.")
        raise TemplateError(" ".join(problems))


def diff_templates(a: PromptTemplate, b: PromptTemplate) -> str:
    """A unified diff of two templates; empty exactly when they are equal."""
    lines = difflib.unified_diff(_lines(a), _lines(b), "before", "after", lineterm="", n=3)
    return "\n".join(lines)


def _substitute(text: str, notation: Notation, value_of: Callable[[str], str]) -> str:
    # One pass of re.sub: what a value brings in is never scanned.
    if notation == "double":
        return _DOUBLE.sub(lambda match: value_of(match["plain"].rstrip()), text)

    def replaced(match: re.Match[str]) -> str:
        if match["escaped"] is not None:
            return "{" + match["escaped"] + "}"
        if match["braced"] is not None:
            return "{" + value_of(match["braced"]) + "}"
        return value_of(match["plain"])

    return _SINGLE.sub(replaced, text)


def _rendered(message: Message, notation: Notation, fields: Mapping[str, Any]) -> Message:
    return Message(role=message.role, content=render_text(message.content, notation, fields))


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _written(name: str, notation: Notation) -> str:
    return "{" + name + "}" if notation == "single" else "{{" + name + "}}"


def _hint(name: str, notation: Notation, known: Collection[str]) -> str:
    nearest = nearest_names(name, known)
    if not nearest:
        return ""
    return f" Did you mean {' or '.join(_written(near, notation) for near in nearest)}?"


def _is_known(name: str, paths: Collection[str]) -> bool:
    if name in paths:
        return True
    parts = name.split(".")
    return any(parts[i].isdecimal() and ".".join(parts[:i]) in paths for i in range(1, len(parts)))


def _lines(template: PromptTemplate) -> list[str]:
    lines = [f"placeholders: {template.placeholders}"]
    if template.few_shot is not None:
        settings = template.few_shot.model_dump(mode="json", exclude_defaults=True)
        lines.append("few_shot:")
        lines.extend(_indented(yaml_text(settings)))
    for message in template.messages:
        lines.append(f"{message.role}:")
        lines.extend(_indented(message.content))
    return lines


def _indented(text: str) -> Iterator[str]:
    return (f"  {line}" for line in text.split("\n"))
