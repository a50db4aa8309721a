"""Functions, pipelines and their calls, as they are kept."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal

from prompt_app.datamodel.base import Record
from prompt_app.datamodel.model import TokenUsage
from prompt_app.datamodel.names import Name

Source = Literal["built-in", "custom", "prompt"]
Variadic = Literal["", "*", "**"]
StepState = Literal["waiting", "running", "done", "failed", "cancelled"]
CallState = Literal["done", "failed", "cancelled"]


class FunctionParameter(Record):
    """``kind`` is the type hint as it is written; ``variadic`` marks ``*items`` and ``**named``."""

    name: str
    kind: str = "Any"
    required: bool = True
    variadic: Variadic = ""


class FunctionInfo(Record):
    """What a pipeline can call."""

    name: str
    source: Source
    group: str = ""
    """Of a built-in function; the file of a custom one; the version of a prompt."""
    description: str = ""
    parameters: tuple[FunctionParameter, ...] = ()
    returns: str = "Any"
    fingerprint: str = ""
    """Hash of a custom function's file: a changed file must be registered anew."""

    @property
    def signature(self) -> str:
        """``replace(text: str, old: str, new: str) -> str``; ``= ...`` marks what may be left
        out."""
        parts = []
        for each in self.parameters:
            kind = "" if each.kind == "Any" else f": {each.kind}"
            default = "" if each.required or each.variadic else " = ..."
            parts.append(f"{each.variadic}{each.name}{kind}{default}")
        return f"{self.name}({', '.join(parts)}) -> {self.returns}"


class RegisteredFunction(Record):
    """A custom function that an admin has registered; one whose code is gone keeps
    ``removed_at``."""

    info: FunctionInfo
    registered_at: datetime
    registered_by: str = ""
    removed_at: datetime | None = None


class PipelineVersion(Record):
    """An immutable version of a named pipeline. ``pipeline_id`` is the same for all versions."""

    pipeline_id: int
    name: Name
    number: int
    text: str
    model: str | None = None
    """``provider:name`` for the prompt steps that name none themselves."""
    note: str = ""
    created_at: datetime | None = None
    created_by: str = ""

    @property
    def reference(self) -> str:
        """``name@number``."""
        return f"{self.name}@{self.number}"


class StepTrace(Record):
    """One function call of a pipeline's call. Times are in seconds; inputs and output are cut
    where they are long."""

    index: int
    """In the order of the text: the outermost call is 0."""
    parent: int | None
    name: str
    source: Source
    column: int
    line: int = 1
    state: StepState = "waiting"
    started: float | None = None
    """Since the pipeline's call began."""
    seconds: float | None = None
    inputs: dict[str, Any] = {}
    output: Any = None
    error: str = ""
    model: str = ""
    usage: TokenUsage = TokenUsage()
    cost_usd: float | None = 0.0
    """None where the price is not known."""
    cached: bool = False


class PipelineCall(Record):
    """A call with its trace."""

    id: str
    pipeline_id: int | None
    """None for text that was tried without being saved."""
    name: str
    number: int | None
    text: str
    arguments: dict[str, Any]
    state: CallState
    output: Any = None
    error: str = ""
    steps: tuple[StepTrace, ...] = ()
    seconds: float = 0.0
    usage: TokenUsage = TokenUsage()
    cost_usd: float | None = 0.0
    """Of its steps, as far as it is known."""
    created_at: datetime | None = None
    created_by: str = ""

    @property
    def output_text(self) -> str:
        """Text as it is, null as nothing, anything else as JSON."""
        if isinstance(self.output, str):
            return self.output
        return "" if self.output is None else json.dumps(self.output, ensure_ascii=False)
