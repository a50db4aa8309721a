"""What people are asked about replies, and what they answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from prompt_app.datamodel.base import Record
from prompt_app.datamodel.names import Name

Choice = Literal["first", "equal", "second"]
"""Which of two replies is better, by the order of the queue's runs."""
CHOICES: tuple[Choice, ...] = ("first", "equal", "second")


class LabelRubric(Record):
    """What labellers are asked, and the labels that they choose from."""

    question: Annotated[str, Field(min_length=1)] = "Is this reply right?"
    instructions: str = ""
    """What each label means, and how to decide; shown beside every row."""
    labels: Annotated[tuple[str, ...], Field(min_length=2, max_length=9)] = ("fail", "pass")
    """In order, worst first where they have one; chosen with the keys 1 to 9."""

    @model_validator(mode="after")
    def _different(self) -> Self:
        if len(set(self.labels)) < len(self.labels) or not all(
            each.strip() for each in self.labels
        ):
            raise ValueError("labels must be different, and none of them blank")
        return self


class LabelQueue(Record):
    """Rows of one run that people rate, or of two runs of which they say which reply is better."""

    id: str
    name: Name
    run_ids: Annotated[tuple[str, ...], Field(min_length=1, max_length=2)]
    metric: str = ""
    """Key of the judge that the labels are held against; empty without one."""
    people_per_row: Annotated[int, Field(ge=1, le=20)] = 1
    """How many people are asked about each row."""
    rubric: LabelRubric = LabelRubric()
    rubric_number: int = 1
    """Of the rubric's versions: 1, 2, 3 ..."""
    created_by: str = ""
    created_at: datetime | None = None

    @property
    def is_pair(self) -> bool:
        return len(self.run_ids) == 2


class Annotation(Record):
    """What one person said about one row."""

    example_id: str
    labeller: str
    """The person's id."""
    labeller_name: str
    label: str | None
    """One of the rubric's labels, or a Choice for a pair; None for a row that was skipped."""
    comment: str = ""
    rubric_number: int = 1
    at: datetime | None = None
    withdrawn_at: datetime | None = None
    """Taken back, by undo or by a later answer of the same person."""
