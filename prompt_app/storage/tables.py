"""All tables, one for each kind of thing.

Ids that people and other modules see are text; rows that occur by the hundred thousand are
joined by integers, which keeps their indexes small and their inserts in order. Text that comes
from models or users and is not JSON has the type :class:`PlainText`, so that every string
survives on every database.

The migrations make the tables. What concerns one database alone (partial indexes, tables without
row ids) stands only there: naming it here would import every database's dialect, 0.1 s.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    true,
)
from sqlalchemy.types import TypeDecorator

_ESCAPED = "\x02json:"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def escape_text(value: str) -> str:
    """``value`` without the characters that PostgreSQL (NUL) or UTF-8 (lone surrogates) cannot
    hold; :func:`unescape_text` gives back the same string."""
    if _UNSTORABLE.search(value) or value.startswith(_ESCAPED):
        return _ESCAPED + json.dumps(value)
    return value


def unescape_text(stored: str) -> str:
    if stored.startswith(_ESCAPED):
        return str(json.loads(stored[len(_ESCAPED) :]))
    return stored


class PlainText(TypeDecorator[str]):
    """Any Python string, NUL and lone surrogates included."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else escape_text(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        return None if value is None else unescape_text(value)


class Moment(TypeDecorator[datetime]):
    """A time in UTC; SQLite, which has no time zones, holds it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        at: datetime = value
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


Key = BigInteger().with_variant(Integer, "sqlite")
"""An integer key; SQLite numbers rows by itself only in a column of type INTEGER."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# A dataset is the versions that share a name.
dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("number_in_store", Key, primary_key=True),
    Column("id", Text, nullable=False, unique=True),  # hash of name, options and rows
    Column("name", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("options", Text, nullable=False),  # DatasetOptions
    Column("columns", Text, nullable=False),  # JSON list, in order of first appearance
    Column("rows", Integer, nullable=False),
    Column("skipped_rows", Integer, nullable=False),
    Column("split_rows", Text, nullable=False),  # JSON object
    Column("source", PlainText, nullable=False),
    Column("note", PlainText, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("newest", Boolean, nullable=False, server_default=true()),
    UniqueConstraint("name", "number"),
    Index("ix_dataset_versions_newest", "number_in_store", "name"),  # WHERE newest
)

# The content of rows, shared by all versions and datasets that have an equal row.
examples = Table(
    "examples",
    metadata,
    Column("number", Key, primary_key=True),
    Column("fingerprint", Text, nullable=False, unique=True),  # Example.fingerprint
    Column("folded", PlainText, nullable=False),  # all values in one case, to search
    Column("fields", Text, nullable=False),  # JSON object, columns in their order
)

# Which rows a dataset version has, in order.
version_rows = Table(
    "version_rows",
    metadata,
    Column("version", Key, ForeignKey("dataset_versions.number_in_store"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("example_id", Text, nullable=False),
    Column("split", Text),
    Column("example", Key, ForeignKey("examples.number"), nullable=False, index=True),
    PrimaryKeyConstraint("version", "position"),
    UniqueConstraint("version", "example_id"),
)

# Immutable versions of prompts.
prompt_versions = Table(
    "prompt_versions",
    metadata,
    Column("name", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("id", Text, nullable=False),  # hash of the template
    Column("template", Text, nullable=False),  # PromptTemplate
    Column("folded", PlainText, nullable=False, server_default=""),  # messages, to search
    Column("note", PlainText, nullable=False),
    Column("author", PlainText, nullable=False, server_default=""),
    Column("created_at", Moment, nullable=False),
    Column("newest", Boolean, nullable=False, server_default=true()),
    PrimaryKeyConstraint("name", "number"),
    UniqueConstraint("name", "id"),
    Index("ix_prompt_versions_newest", "created_at", "name"),  # WHERE newest
)

# Movable pointers to prompt versions.
prompt_labels = Table(
    "prompt_labels",
    metadata,
    Column("name", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("number", Integer, nullable=False),
    PrimaryKeyConstraint("name", "label"),
)

# Submitted evaluations with their budget. Money is in whole nano-dollars, so that sums are exact
# and the cap holds to the last digit.
evaluations = Table(
    "evaluations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("key", PlainText, nullable=False, unique=True),  # submission key
    Column("spec", Text, nullable=False),  # EvaluationSpec
    Column("run_ids", Text, nullable=False),  # JSON list, in the order of the grid
    Column("cap_nanousd", BigInteger),
    Column("spent_nanousd", BigInteger, nullable=False, default=0),
    Column(
        "reserved_nanousd", BigInteger, nullable=False, default=0
    ),  # sum over runs, chunks, jobs
    Column("unconfirmed_nanousd", BigInteger, nullable=False, default=0),
    Column("created_at", Moment, nullable=False),
)

# Runs: what each is, where it stands, and who holds it.
runs = Table(
    "runs",
    metadata,
    Column("number", Key, primary_key=True),  # in order of creation
    Column("id", Text, nullable=False, unique=True),
    Column("evaluation_id", Text, ForeignKey("evaluations.id"), nullable=False, index=True),
    Column("name", PlainText, nullable=False),
    Column("dataset_name", Text, nullable=False),
    Column("version", Key, ForeignKey("dataset_versions.number_in_store"), nullable=False),
    Column("spec", Text, nullable=False),  # RunSpec
    Column("prompt_name", PlainText, nullable=False, server_default=""),
    Column("prompt_version", Text, nullable=False, server_default=""),  # its id
    Column("state", Text, nullable=False, index=True),
    Column("requested", Text),
    Column("reason", PlainText, nullable=False, default=""),
    Column("total", Integer, nullable=False, default=0),
    Column("answered", Integer, nullable=False, default=0),
    Column("scored", Integer, nullable=False, default=0),
    Column("failed", Integer, nullable=False, default=0),
    Column("cached", Integer, nullable=False, default=0),
    Column("excluded", Integer, nullable=False, default=0),
    Column("skipped_rows", Integer, nullable=False, default=0),
    Column("input_tokens", BigInteger, nullable=False, default=0),
    Column("output_tokens", BigInteger, nullable=False, default=0),
    Column("cached_input_tokens", BigInteger, nullable=False, default=0),
    Column("cache_write_tokens", BigInteger, nullable=False, default=0),
    Column("reasoning_tokens", BigInteger, nullable=False, default=0),
    Column("cost_usd", Double, nullable=False, default=0.0),
    Column("judge_cost_usd", Double, nullable=False, default=0.0),
    Column("live", Text, nullable=False, default="{}"),  # rate, concurrency, retries
    Column("summary", Text, nullable=False, default="[]"),  # JSON list of MetricSummary
    Column("reserved_nanousd", BigInteger, nullable=False, default=0),
    Column("fence", BigInteger, nullable=False, default=0),  # one more with every claim
    Column("heartbeat", BigInteger, nullable=False, default=0),  # one more with every sign of life
    Column("batches", BigInteger, nullable=False, default=0),  # stored by write_batch
    Column("worker_host", Text),
    Column("worker_pid", Integer),
    Column("worker_started", Text),
    Column("created_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Index("ix_runs_prompt", "prompt_name", "number"),
    Index("ix_runs_listed", "number", "evaluation_id", "state", "created_at"),
)

# Answered calls, kept for ever.
replies = Table(
    "replies",
    metadata,
    Column("number", Key, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("cache_key", Text, nullable=False, index=True),
    Column("latency_seconds", Double, nullable=False),
    Column("cost_usd", Double, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("folded", PlainText, nullable=False),  # first response in one case, to search
    Column("reply", Text, nullable=False),  # Reply, the raw body included
)

# The outcome of the calls for one sample.
samples = Table(
    "samples",
    metadata,
    Column("number", Key, primary_key=True),
    Column("run", Key, ForeignKey("runs.number"), nullable=False),
    Column("example_id", Text, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("reply", Key, ForeignKey("replies.number")),
    Column("cached", Boolean, nullable=False),
    Column("cost_usd", Double, nullable=False),
    Column("latency_seconds", Double),  # of the reply
    Column("attempts", Integer, nullable=False),
    Column("error_kind", Text),
    Column("error_message", PlainText),
    Column("answered_at", Moment, nullable=False),
    UniqueConstraint("run", "example_id", "repeat"),
    Index("ix_samples_page", "run", "position", "repeat", "state"),
    Index("ix_samples_failed", "run", "position", "repeat"),  # WHERE reply IS NULL
    Index("ix_samples_error", "run", "error_kind", "position", "repeat"),  # where it is there
    Index("ix_samples_latency", "run", "latency_seconds", "position", "repeat"),  # likewise
    Index("ix_samples_cost", "run", "cost_usd", "position", "repeat"),
    Index("ix_samples_reply", "reply"),  # where it is there
)

# The outcome of one metric for one sample: a value, or a failure, whose value is NULL.
scores = Table(
    "scores",
    metadata,
    Column("sample", Key, ForeignKey("samples.number", ondelete="CASCADE"), nullable=False),
    Column("metric", Text, nullable=False),  # the MetricSpec's key
    Column("run", Key, nullable=False),
    Column("value", Double),
    Column("reason", PlainText),
    Column("version", Text, nullable=False),
    Column("details", Text),  # JSON object; NULL when empty
    Column("failure_kind", Text),
    Column("failure_message", PlainText),
    Column("cost_usd", Double, nullable=False),
    Column("usage", Text),  # TokenUsage; NULL when all zero
    Column("position", Integer, nullable=False, server_default="0"),  # of the sample
    Column("repeat", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("sample", "metric"),
    Index("ix_scores_value", "run", "metric", "value", "position", "repeat"),
    Index("ix_scores_page", "run", "metric", "position", "repeat", "value"),
    Index("ix_scores_failed", "run", "metric", "position", "repeat"),  # WHERE value IS NULL
)
