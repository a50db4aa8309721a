"""Tables of tests of rubrics."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, PrimaryKeyConstraint, Table, Text

from prompt_app.storage.tables import Key, Moment, PlainText, metadata

rubric_tests = Table(
    "rubric_tests",
    metadata,
    Column("number", Key, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("name", PlainText, nullable=False),  # experiment and dataset, to search in
    Column("options", Text, nullable=False),  # RubricTestOptions
    Column("state", Text, nullable=False, index=True),
    Column("reason", PlainText, nullable=False),
    Column("cancelling", Integer, nullable=False),
    Column("progress", Text, nullable=False),  # RubricTestProgress
    Column("fence", Integer, nullable=False),
    Column("heartbeat", BigInteger, nullable=False),
    Column("worker_host", Text),
    Column("worker_pid", Integer),
    Column("worker_started", Text),
    Column("created_by", PlainText, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("ended_at", Moment),
)

# What a test found out about a lesson.
rubric_results = Table(
    "rubric_results",
    metadata,
    Column("test", Key, ForeignKey("rubric_tests.number", ondelete="CASCADE"), nullable=False),
    Column("lesson", Text, nullable=False),
    Column("result", Text, nullable=False),  # JSON
    PrimaryKeyConstraint("test", "lesson"),
)
