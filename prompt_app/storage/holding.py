"""What a lease holds: a run, or a chunk of one. Every write of a worker begins here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, literal, select, update

from prompt_app.errors import LeaseLostError
from prompt_app.interfaces import Lease
from prompt_app.storage.chunk_tables import chunks
from prompt_app.storage.tables import evaluations, runs


def holder_of(lease: Lease) -> Table:
    """The table of the row that ``lease`` holds."""
    return runs if lease.chunk is None else chunks


def held_by(connection: Connection, lease: Lease) -> Row[Any]:
    """What ``lease`` holds, locked until the transaction ends: ``holder`` (its number in
    :func:`holder_of`), run ``number``, evaluation_id, requested, reserved_nanousd, batches, and
    whether the evaluation is ``capped``. Raises LeaseLostError when it is another worker's."""
    wanted: dict[str, Any] = {"run_id": lease.run.id, "held_fence": lease.fence}
    if lease.chunk is None:
        row = connection.execute(_HELD_RUN, wanted).first()
    else:
        wanted["chunk_ordinal"] = lease.chunk.ordinal
        row = connection.execute(_HELD_CHUNK, wanted).first()
    if row is None:
        raise LeaseLostError(
            f"Run {lease.run.id} is no longer held under fence {lease.fence}: another worker has "
            "taken it over, or it has ended. Nothing was written."
        )
    return row


_HELD_RUN = (
    select(
        runs.c.number,
        runs.c.number.label("holder"),
        runs.c.evaluation_id,
        runs.c.requested,
        runs.c.reserved_nanousd,
        runs.c.batches,
        literal(True).label("capped"),  # its spend is always told at once
    )
    .where(
        runs.c.id == bindparam("run_id"),
        runs.c.fence == bindparam("held_fence"),
        runs.c.state == "running",
        runs.c.worker_host.is_not(None),
    )
    .with_for_update()
)
_HELD_CHUNK = (
    select(
        runs.c.number,
        chunks.c.number.label("holder"),
        runs.c.evaluation_id,
        runs.c.requested,
        chunks.c.reserved_nanousd,
        chunks.c.batches,
        evaluations.c.cap_nanousd.is_not(None).label("capped"),
    )
    .join(runs, runs.c.number == chunks.c.run)
    .join(evaluations, evaluations.c.id == runs.c.evaluation_id)
    .where(
        runs.c.id == bindparam("run_id"),
        runs.c.state == "running",
        chunks.c.ordinal == bindparam("chunk_ordinal"),
        chunks.c.fence == bindparam("held_fence"),
        chunks.c.state == "running",
    )
    .with_for_update(of=chunks, key_share=True)
)


def leave_unconfirmed(
    connection: Connection, table: Table, number: int, evaluation_id: str, reserved: int
) -> None:
    """Turn what row ``number`` of ``table`` has reserved into unconfirmed spend: its calls may
    have been billed."""
    if reserved == 0:
        return
    connection.execute(
        update(evaluations)
        .where(evaluations.c.id == evaluation_id)
        .values(
            reserved_nanousd=evaluations.c.reserved_nanousd - reserved,
            unconfirmed_nanousd=evaluations.c.unconfirmed_nanousd + reserved,
        )
    )
    connection.execute(update(table).where(table.c.number == number).values(reserved_nanousd=0))
