"""Tables of people's labels."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table, Text

from prompt_app.storage.tables import Key, Moment, PlainText, metadata

label_queues = Table(
    "label_queues",
    metadata,
    Column("number", Key, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False, unique=True),
    Column("run_id", Text, nullable=False, server_default=""),
    Column("second_run_id", Text, nullable=False, server_default=""),  # of a queue of pairs
    Column("queue", Text, nullable=False),  # LabelQueue, its rubric as it was at first
    Column("created_at", Moment, nullable=False),
)

# Every version of what a queue asks.
label_rubrics = Table(
    "label_rubrics",
    metadata,
    Column("queue", Key, ForeignKey("label_queues.number"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("rubric", Text, nullable=False),  # LabelRubric
    Column("created_at", Moment, nullable=False),
    PrimaryKeyConstraint("queue", "number"),
)

# Every answer that was ever given; those in force have no time of withdrawal.
label_answers = Table(
    "annotations",
    metadata,
    Column("number", Key, primary_key=True),
    Column("queue", Key, ForeignKey("label_queues.number"), nullable=False),
    Column("example_id", Text, nullable=False),
    Column("labeller", Text, nullable=False),
    Column("labeller_name", PlainText, nullable=False),
    Column("label", PlainText),  # NULL for a skipped row
    Column("comment", PlainText, nullable=False),
    Column("rubric_number", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("withdrawn_at", Moment),
    Column("replaced", Key),  # number of the answer whose place this one took
    Index("ix_annotations_row", "queue", "labeller", "example_id"),
)
