"""The store's part that keeps tests of rubrics and hands them to workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from prompt_app.datamodel.rubric_test import (
    RubricTest,
    RubricTestOptions,
    RubricTestProgress,
    RubricTestState,
)
from prompt_app.interfaces.rows import Page
from prompt_app.interfaces.workers import WorkerIdentity


@dataclass(frozen=True, slots=True)
class RubricLease:
    """A claimed test. Every write names ``fence``; a newer one makes it raise LeaseLostError."""

    test: RubricTest
    fence: int


class RubricTestStore(Protocol):
    """A claim raises the test's fence; a test whose worker is dead is claimed by another."""

    def create_rubric_test(self, options: RubricTestOptions, created_by: str = "") -> RubricTest:
        """Queued."""
        ...

    def list_rubric_tests(
        self, *, offset: int = 0, limit: int = 50, text: str = ""
    ) -> Page[RubricTest]:
        """Newest first; ``text``: part of the dataset's or the experiment's name."""
        ...

    def get_rubric_test(self, test_id: str) -> RubricTest:
        """Raises UnknownNameError."""
        ...

    def cancel_rubric_test(self, test_id: str) -> RubricTest:
        """At once where no worker holds it; a test that has ended stays as it is."""
        ...

    def claim_rubric_test(self, worker: WorkerIdentity) -> RubricLease | None:
        """The oldest that is queued, or whose worker has died; None when there is none."""
        ...

    def beat_rubric_test(self, lease: RubricLease, progress: RubricTestProgress) -> bool:
        """Show life; whether it is to be cancelled. Raises LeaseLostError."""
        ...

    def end_rubric_test(
        self,
        lease: RubricLease,
        state: RubricTestState,
        *,
        reason: str = "",
        progress: RubricTestProgress | None = None,
        results: Mapping[str, str] | None = None,
    ) -> RubricTest:
        """Give the lease back. ``results``: lesson -> its result as JSON. ``queued`` lets another
        worker begin anew. Raises LeaseLostError."""
        ...

    def rubric_test_result(self, test_id: str, lesson: str) -> str:
        """A lesson's result as JSON. Raises UnknownNameError."""
        ...
