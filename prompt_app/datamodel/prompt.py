"""Prompt templates and their versions. Rendering is in :mod:`prompt_app.datamodel.rendering`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from prompt_app.datamodel.base import Numeric, Record
from prompt_app.datamodel.dataset import Example
from prompt_app.datamodel.names import Name
from prompt_app.datamodel.perturbing import Perturbation

Role = Literal["system", "user", "assistant"]


class Message(Record):
    """One turn of a conversation."""

    role: Role
    content: str


class RichMessage(Message):
    """A turn that is more than its text: with images, calls of tools, or a tool's result (whose
    role here is ``user``). ``turn`` is all of it, as OpenAI's chat completions write it."""

    turn: dict[str, Any]

    @property
    def images(self) -> int:
        return sum(part.get("type") == "image_url" for part in self._parts())

    @property
    def document_characters(self) -> int:
        """Of the data of attached documents, as base64."""
        files = (part.get("file") or {} for part in self._parts() if part.get("type") == "file")
        return sum(len(file.get("file_data") or "") for file in files)

    def _parts(self) -> Sequence[dict[str, Any]]:
        content = self.turn.get("content")
        return content if isinstance(content, list) else ()


class FewShot(Record):
    """Worked examples put before the question, taken from a dataset.

    Each shot is the template's last user message rendered with the shot's fields, answered by
    ``answer``. Rows that serve as shots are never scored in the same run.
    """

    dataset: str
    """``name`` or ``name@number``."""
    split: str | None = None
    count: Numeric[Annotated[int, Field(ge=1, le=100)]] = 3
    seed: Numeric[int] = 0
    example_ids: tuple[str, ...] = ()
    """Take these rows instead of a seeded choice."""
    answer: str | None = None
    """Template of the shot's answer; the first reference answer when absent."""


class PromptTemplate(Record):
    """Messages with placeholders, or one string (which becomes a user message).

    ``placeholders`` is the notation: ``single`` for ``{field}``, ``double`` for ``{{field}}``.
    """

    messages: Annotated[tuple[Message, ...], Field(min_length=1)]
    placeholders: Literal["single", "double"] = "single"
    few_shot: FewShot | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"messages": [{"role": "user", "content": data}]}
        if isinstance(data, list):
            return {"messages": data}
        if isinstance(data, dict) and "text" in data and "messages" not in data:
            rest = {key: value for key, value in data.items() if key != "text"}
            return {**rest, "messages": [{"role": "user", "content": data["text"]}]}
        return data

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not any(message.role == "user" for message in self.messages):
            raise ValueError("a prompt needs at least one user message")
        return self


class PromptVersion(Record):
    """An immutable version of a named prompt. ``id`` hashes the template."""

    id: str
    name: Name
    number: int
    template: PromptTemplate
    labels: tuple[Name, ...] = ()
    """Movable pointers that point here now, e.g. ``production``."""
    note: str = ""
    author: str = ""
    """Name of the person who saved it; empty where nobody was known."""
    created_at: datetime | None = None


class PinnedPrompt(Record):
    """A prompt version as a run holds it: the template with its shots already chosen."""

    name: str
    version_id: str
    number: int | None = None
    template: PromptTemplate
    shots: tuple[Example, ...] = ()
    shot_answers: tuple[str, ...] = ()
    """One answer a shot, rendered."""
    perturb: Perturbation | None = None
