"""The sockets around functions and pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from prompt_app.datamodel.model import Reply
from prompt_app.datamodel.pipeline import (
    FunctionInfo,
    PipelineCall,
    PipelineVersion,
    RegisteredFunction,
)
from prompt_app.interfaces.rows import Page


@dataclass(frozen=True, slots=True)
class StepReply:
    """What a prompt step was answered; ``cost_usd`` is 0 for a stored reply, and None where the
    price is not known."""

    reply: Reply
    cost_usd: float | None = 0.0
    cached: bool = False


class PipelineStore(Protocol):
    """The part of the store that keeps functions, pipelines and their calls."""

    def list_functions(self) -> list[RegisteredFunction]:
        """Also those that are gone, by name."""
        ...

    def register_functions(self, found: Sequence[FunctionInfo], by: str) -> None:
        """From now on these are the custom functions. Those that are missing are kept as removed;
        one that is there again, or whose file is another one, is registered anew."""
        ...

    def save_pipeline(
        self,
        name: str,
        text: str,
        *,
        model: str | None = None,
        note: str = "",
        by: str = "",
        based_on: int | None = None,
    ) -> PipelineVersion:
        """An equal text and model give the newest version if that is it. ``based_on``: the newest
        version that the writer knew, 0 for none; another one raises ConflictError."""
        ...

    def list_pipelines(
        self, *, text: str = "", offset: int = 0, limit: int = 50
    ) -> Page[PipelineVersion]:
        """The newest version of each pipeline whose name or text holds ``text``, newest first."""
        ...

    def list_pipeline_versions(self, name: str) -> list[PipelineVersion]:
        """Newest first."""
        ...

    def get_pipeline(self, name: str | int, number: int | None = None) -> PipelineVersion:
        """By name or id; the newest version when ``number`` is None."""
        ...

    def delete_pipeline(self, name: str) -> None:
        """With all its versions and calls."""
        ...

    def save_pipeline_call(self, call: PipelineCall, *, keep: int) -> None:
        """The oldest calls of the same pipeline beyond ``keep`` go."""
        ...

    def list_pipeline_calls(
        self, pipeline_id: int, *, offset: int = 0, limit: int = 50
    ) -> Page[PipelineCall]:
        """Newest first."""
        ...

    def get_pipeline_call(self, call_id: str) -> PipelineCall: ...
