"""Writes docs/settings.md and .env.example from the Settings class; run it after a change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from prompt_app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
INTRODUCTION = """\
# Settings

Each is an environment variable, or a line of a `.env` file in the folder where the app is started
(`.env.example` is one to copy). The environment wins over the file.

| variable | default | accepts | meaning |
|---|---|---|---|
"""


def settings_page() -> str:
    rows = []
    for field in Settings.model_fields.values():
        variables = "<br>or ".join(f"`{name}`" for name in variable_names(field))
        default = f"`{default_of(field)}`" if default_of(field) else ""
        meaning = (field.description or "").replace("|", "\\|")
        rows.append(f"| {variables} | {default} | {accepted(field)} | {meaning} |\n")
    return INTRODUCTION + "".join(rows)


def env_example() -> str:
    parts = ["# Copy to .env and uncomment what you change. The whole table: docs/settings.md\n"]
    for field in Settings.model_fields.values():
        line = f"#{variable_names(field)[0]}={default_of(field)}"
        parts.append(f"\n# {field.description}\n{line}\n")
    return "".join(parts)


PAGES = {"docs/settings.md": settings_page, ".env.example": env_example}


def variable_names(field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    return [str(name) for name in (alias.choices if isinstance(alias, AliasChoices) else [alias])]


def default_of(field: FieldInfo) -> str:
    if field.default is None:
        return ""
    if isinstance(field.default, dict):
        return json.dumps(field.default)
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)


def accepted(field: FieldInfo) -> str:
    kind: Any = field.annotation
    options = [option for option in get_args(kind) if option is not type(None)]
    if options and get_origin(options[0]) is Literal:
        kind, options = options[0], list(get_args(options[0]))
    if get_origin(kind) is dict:
        return "JSON object"
    if get_origin(kind) is Literal:
        return ", ".join(f"`{option}`" for option in options)
    name = getattr(options[0] if options else kind, "__name__", "str")
    words = {"SecretStr": "secret text", "str": "text", "Path": "folder", "bool": "true or false"}
    words |= {"int": "whole number", "float": "number"}
    signs = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    limits = [
        f"{word} {getattr(constraint, sign):g}"
        for constraint in field.metadata
        for sign, word in signs.items()
        if hasattr(constraint, sign)
    ]
    return ", ".join([words[name], *limits])


if __name__ == "__main__":
    for path, render in PAGES.items():
        (ROOT / path).write_text(render(), "utf-8")
