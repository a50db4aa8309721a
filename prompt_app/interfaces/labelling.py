"""The part of the store that keeps people's labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from prompt_app.datamodel.labelling import Annotation, LabelQueue, LabelRubric
from prompt_app.interfaces.rows import Page


class LabelStore(Protocol):
    """Queues, the versions of their rubrics, and every answer ever given."""

    def create_label_queue(self, queue: LabelQueue) -> LabelQueue:
        """Raises ConflictError for a name that is taken."""
        ...

    def list_label_queues(self, *, offset: int = 0, limit: int = 50) -> Page[LabelQueue]:
        """Newest first, each with its newest rubric."""
        ...

    def get_label_queue(self, which: str) -> LabelQueue:
        """By name or id."""
        ...

    def add_label_rubric(
        self, queue_id: str, rubric: LabelRubric, *, based_on: int | None = None
    ) -> LabelQueue:
        """The queue with ``rubric`` as its newest version; an equal one is no new version.
        ``based_on``: the newest version that the writer knew; another one raises ConflictError."""
        ...

    def list_label_rubrics(self, queue_id: str) -> list[LabelRubric]:
        """All versions, the first first."""
        ...

    def add_annotations(self, queue_id: str, annotations: Sequence[Annotation]) -> None:
        """An answer takes the place of what the same person said about the same row, which is
        kept as withdrawn."""
        ...

    def withdraw_annotation(self, queue_id: str, labeller: str) -> Annotation | None:
        """Take back the person's last answer in force, and put back in force the one whose place
        it took. None where there is none."""
        ...

    def list_annotations(self, queue_id: str, *, everything: bool = False) -> list[Annotation]:
        """In order of time: those in force, or with ``everything`` also the withdrawn ones."""
        ...

    def page_annotations(
        self, queue_id: str, *, offset: int = 0, limit: int = 50
    ) -> Page[Annotation]:
        """Those in force, the latest first."""
        ...

    def answered_examples(self, run_id: str) -> list[str]:
        """Ids of the examples whose first repeat has a reply, in order of position."""
        ...
