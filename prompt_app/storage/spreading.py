"""Runs that several workers advance at the same time, a chunk of their rows each.

A spread run is ``running`` without a worker of its own. Its chunks are claimed and fenced as runs
are; the run ends when none of them is busy any more and either all are finished or it is to stop.
A chunk that is finished for a reason has found that the whole run is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, case, func, insert, select, update

from prompt_app.datamodel.evaluation import Run, RunState
from prompt_app.datamodel.score import MetricSummary
from prompt_app.errors import StoreUnavailableError
from prompt_app.interfaces import Lease, WorkerIdentity
from prompt_app.interfaces.chunks import Chunk, WaitingWork
from prompt_app.storage.batch_job_tables import has_open_jobs
from prompt_app.storage.chunk_tables import chunks
from prompt_app.storage.encoding import dump_plain
from prompt_app.storage.folding import tell_run
from prompt_app.storage.holding import held_by, leave_unconfirmed
from prompt_app.storage.leases import released
from prompt_app.storage.runs import find_run, run_of
from prompt_app.storage.tables import runs, version_rows
from prompt_app.storage.watching import WatchingPart

_STOPPED: tuple[RunState, ...] = ("failed", "cancelled", "paused")
"""States of a chunk that end its run; the first that any chunk has is the run's."""
_NOBODY: dict[str, Any] = {"worker_host": None, "worker_pid": None, "worker_started": None}


class Spreading(WatchingPart):
    """The part of the store that hands chunks of runs to workers."""

    def spread_run(self, run_id: str, chunk_rows: int, pace: str) -> list[int]:
        """Begin a queued run: make its chunks, or queue again those that are not finished.
        Returns the ordinals of the chunks that wait for a worker; those of a run that was begun
        before likewise, of any other run none."""
        with self._database.write() as connection:
            row = find_run(connection, run_id, for_update=True)
            if row.state == "queued":
                _begin(connection, row)
                _make_chunks(connection, row, chunk_rows, pace)
            elif row.state != "running" or row.worker_host is not None:
                return []
            waiting = select(chunks.c.ordinal).where(
                chunks.c.run == row.number, chunks.c.state == "queued"
            )
            return list(connection.scalars(waiting.order_by(chunks.c.ordinal)))

    def claim_chunk(self, run_id: str, ordinal: int, worker: WorkerIdentity) -> Lease | None:
        """Take a chunk that waits or whose worker has died; None where there is nothing to take.
        A run that is to be paused or cancelled gives no more chunks away."""
        try:
            with self._database.write() as connection:
                run = find_run(connection, run_id, for_update=True)  # nobody ends it meanwhile
                seen = _this_chunk(connection, run, ordinal)
                if seen is None or run.state != "running" or run.worker_host is not None:
                    return None
                if seen.state != "queued" and not self._is_abandoned(seen):
                    return None
                return _claim(connection, run, seen, worker)
        except StoreUnavailableError:
            self._chunk_watch.forget_all_but(set())
            raise

    def end_chunk(self, lease: Lease, state: RunState, *, reason: str = "") -> None:
        """Give a chunk back: finished, queued for another worker, or in the state that its run
        is to end in. Raises LeaseLostError."""
        with self._database.write() as connection:
            held = held_by(connection, lease)
            leave_unconfirmed(
                connection, chunks, held.holder, held.evaluation_id, held.reserved_nanousd
            )
            stops = state in _STOPPED or (state == "finished" and reason != "")
            own_reason = reason if held.requested is None else ""
            connection.execute(
                update(chunks)
                .where(chunks.c.number == held.holder)
                .values(state=state, reason=own_reason, **_NOBODY)
            )
            tell_run(connection, held)
            if stops and held.requested is None:
                # The others see it with their next heartbeat.
                stop = update(runs).where(runs.c.number == held.number, runs.c.requested.is_(None))
                connection.execute(stop.values(requested="pause"))

    def settlement(self, run_id: str) -> RunState | None:
        """The state in which a spread run ends now; None while there is work for its chunks, and
        for every other run."""
        with self._database.read() as connection:
            found = _settlement(connection, find_run(connection, run_id))
            return None if found is None else found[0]

    def settle_run(self, run_id: str, summary: Sequence[MetricSummary], *, note: str = "") -> Run:
        """End a spread run as :meth:`settlement` has it; one that goes on is left as it is."""
        with self._database.write() as connection:
            row = find_run(connection, run_id, for_update=True)
            found = _settlement(connection, row)
            if found is None:
                return run_of(row)
            state, reason = found
            if state == "finished" and reason:
                reason = f"{reason} {note}".rstrip()
            this_run = runs.c.number == row.number
            connection.execute(
                update(chunks)
                .where(chunks.c.run == row.number, chunks.c.state.in_(_STOPPED))
                .values(state="queued", reason="")
            )
            dumped = dump_plain([item.model_dump(mode="json") for item in summary])
            ended = {**released(state, reason, row.live), "summary": dumped}
            connection.execute(update(runs).where(this_run).values(**ended))
            return run_of(connection.execute(select(runs).where(this_run)).one())

    def waiting_work(self, limit: int) -> list[WaitingWork]:
        """What waits for a worker, oldest first; chunks of workers that died among it. To tell
        that, it must be called time and again."""
        try:
            with self._database.read() as connection:
                work = [WaitingWork(run) for run in connection.scalars(_QUEUED.limit(limit))]
                busy: set[int] = set()
                for row in connection.execute(_SPREAD).all():
                    if _settlement(connection, row) is not None:
                        work.append(WaitingWork(row.id))
                        continue
                    busy |= self._add_chunks(connection, row, work, limit)
        except StoreUnavailableError:
            self._chunk_watch.forget_all_but(set())
            raise
        self._chunk_watch.forget_all_but(busy)
        return work[:limit]

    def count_sharers(self, pace: str) -> int:
        """How many workers are busy with chunks that have this pace among theirs, at least 1; those
        that died or froze are not counted."""
        query = select(chunks).where(
            chunks.c.state == "running", chunks.c.pace.contains(pace, autoescape=True)
        )
        with self._database.read() as connection:
            running = connection.execute(query).all()
        live = [row for row in running if not self._is_abandoned(row)]
        return max(1, len({(row.worker_host, row.worker_pid, row.worker_started) for row in live}))

    def _add_chunks(
        self, connection: Connection, run: Row[Any], work: list[WaitingWork], limit: int
    ) -> set[int]:
        """Add the run's waiting chunks to ``work``; returns the numbers of those in work."""
        of_run = select(chunks).where(chunks.c.run == run.number)
        running = connection.execute(of_run.where(chunks.c.state == "running")).all()
        free = [row.ordinal for row in running if self._is_abandoned(row)]
        if _gives_work(connection, run) and len(work) + len(free) < limit:
            queued = of_run.with_only_columns(chunks.c.ordinal).where(chunks.c.state == "queued")
            free += connection.scalars(queued.order_by(chunks.c.ordinal).limit(limit))
        work += [WaitingWork(run.id, ordinal) for ordinal in free]
        return {row.number for row in running}

    def _is_abandoned(self, row: Row[Any]) -> bool:
        return self._chunk_watch.is_abandoned(row)


_QUEUED = select(runs.c.id).where(runs.c.state == "queued").order_by(runs.c.number)
_SPREAD = (
    select(runs)
    .where(runs.c.state == "running", runs.c.worker_host.is_(None))
    .order_by(runs.c.number)
)


def _begin(connection: Connection, row: Row[Any]) -> None:
    started = case((runs.c.started_at.is_(None), datetime.now(UTC)), else_=runs.c.started_at)
    connection.execute(
        update(runs)
        .where(runs.c.number == row.number)
        .values(
            state="running",
            reason="",
            fence=runs.c.fence + 1,
            heartbeat=runs.c.heartbeat + 1,
            started_at=started,
            **_NOBODY,
        )
    )


def _make_chunks(connection: Connection, row: Row[Any], chunk_rows: int, pace: str) -> None:
    """The layout is made once; whoever held a chunk before finds its fence to be old."""
    made = connection.scalar(
        select(func.count()).select_from(chunks).where(chunks.c.run == row.number)
    )
    if made:
        connection.execute(
            update(chunks)
            .where(chunks.c.run == row.number, chunks.c.state != "finished")
            .values(state="queued", reason="", fence=chunks.c.fence + 1, **_NOBODY)
        )
        return
    last = connection.scalar(
        select(func.max(version_rows.c.position)).where(version_rows.c.version == row.version)
    )
    rows = 0 if last is None else int(last) + 1
    new = [
        {
            "run": row.number,
            "ordinal": ordinal,
            "first": first,
            "last": min(first + chunk_rows, rows) - 1,
            "state": "queued",
            "pace": pace,
        }
        for ordinal, first in enumerate(range(0, rows, chunk_rows))
    ]
    if new:
        connection.execute(insert(chunks), new)


def _this_chunk(connection: Connection, run: Row[Any], ordinal: int) -> Row[Any] | None:
    """None also where somebody writes to it now: they may be about to write to the run's row,
    which is locked here."""
    query = select(chunks).where(
        chunks.c.run == run.number,
        chunks.c.ordinal == ordinal,
        chunks.c.state.in_(("queued", "running")),
    )
    return connection.execute(query.with_for_update(skip_locked=True)).first()


def _claim(
    connection: Connection, run: Row[Any], seen: Row[Any], worker: WorkerIdentity
) -> Lease | None:
    """A new fence, what the last worker reserved left unconfirmed; None where the run is to
    stop, so that the chunk only waits then."""
    leave_unconfirmed(connection, chunks, seen.number, run.evaluation_id, seen.reserved_nanousd)
    record = run_of(run)
    # The worker counts what it tries again by itself; the run's row sums it up.
    progress = record.progress.model_copy(update={"retries": {}})
    lease = Lease(
        record.model_copy(update={"progress": progress}),
        seen.fence + 1,
        Chunk(seen.ordinal, seen.first, seen.last),
    )
    holder: dict[str, Any] = {
        "state": "running",
        "worker_host": worker.host,
        "worker_pid": worker.pid,
        "worker_started": worker.process_started,
    }
    gives_work = _gives_work(connection, run)
    if not gives_work:
        holder = {"state": "queued", **_NOBODY}
    connection.execute(
        update(chunks)
        .where(chunks.c.number == seen.number)
        .values(
            fence=seen.fence + 1,
            heartbeat=seen.heartbeat + 1,
            reason="",
            live=dump_plain({}),
            **holder,
        )
    )
    return lease if gives_work else None


def _gives_work(connection: Connection, run: Row[Any]) -> bool:
    """Also of a run that is to be cancelled, as long as its provider has jobs to cancel."""
    if run.requested is None:
        return True
    return run.requested == "cancel" and has_open_jobs(connection, run.number)


def _settlement(connection: Connection, run: Row[Any]) -> tuple[RunState, str] | None:
    if run.state != "running" or run.worker_host is not None:
        return None
    grouped = (
        select(chunks.c.state, func.count(), func.max(chunks.c.reason))
        .where(chunks.c.run == run.number)
        .group_by(chunks.c.state)
    )
    states = {state: (count, reason) for state, count, reason in connection.execute(grouped)}
    if "running" in states:
        return None
    why_finished = states.get("finished", (0, ""))[1]
    if why_finished or not states.keys() - {"finished"}:
        return "finished", why_finished
    if run.requested == "cancel":
        goes_on = "queued" in states and has_open_jobs(connection, run.number)
        return None if goes_on else ("cancelled", "Cancelled on request.")
    for state in _STOPPED:
        if state in states:
            return state, states[state][1] or f"{state.capitalize()} on request."
    return None if run.requested is None else ("paused", "Paused on request.")
