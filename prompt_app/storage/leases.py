"""Which worker holds which run.

A claim raises the run's fence by one, and every write of a worker names the fence it was given:
a worker that was taken for dead and wakes up later finds that its fence is old, and writes
nothing. No clock of one machine is ever compared with another's: a heartbeat is a counter, and an
observer takes it as still when it has not moved for the lease by the observer's own monotonic
clock.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, or_, select, update

from prompt_app.datamodel.evaluation import Progress, RunRequest, RunSpec, RunState
from prompt_app.datamodel.evaluation import Run as RunRecord
from prompt_app.datamodel.score import MetricSummary
from prompt_app.errors import StoreUnavailableError
from prompt_app.interfaces import Lease, WorkerIdentity
from prompt_app.storage.batch_job_tables import has_open_jobs
from prompt_app.storage.encoding import dump_plain, load_record
from prompt_app.storage.folding import tell_run
from prompt_app.storage.holding import held_by, holder_of, leave_unconfirmed
from prompt_app.storage.runs import run_of
from prompt_app.storage.tables import evaluations, runs
from prompt_app.storage.watching import WatchingPart

STUCK_SECONDS = 1.0
"""A write that waits longer for its turn tells that nobody could write."""

_LIVE_FIELDS = {"rate_per_second", "concurrency", "retries", "in_batch"}


class Leases(WatchingPart):
    """The part of the store that hands runs to workers and watches over their spend."""

    def claim_run(
        self, worker: WorkerIdentity, *, evaluation_id: str | None = None
    ) -> Lease | None:
        """Take the oldest queued run, or one whose worker has died; None when there is none.
        Reservations that the dead worker left become unconfirmed spend.

        A worker of this machine whose process is gone is dead at once. Any other is dead when
        its heartbeat has stood still for the lease, as seen by this store object: it takes two
        calls at least that far apart. While the database takes no writes, it may stand still for
        that: the lease then starts anew, so that its worker can store what it has kept.
        """
        try:
            return self._claim_any(worker, evaluation_id)
        except StoreUnavailableError:
            self._run_watch.forget_all_but(set())
            raise

    def _claim_any(self, worker: WorkerIdentity, evaluation_id: str | None) -> Lease | None:
        for row in self._claimable(evaluation_id):
            asked = time.monotonic()
            with self._database.write() as connection:
                if time.monotonic() - asked > STUCK_SECONDS and row.state == "running":
                    self._run_watch.forget_all_but(set())
                    return None
                lease = _claim(connection, row, worker)
            if lease is not None:
                return lease
        return None

    def heartbeat(self, lease: Lease, progress: Progress | None = None) -> RunRequest | None:
        """Show life; returns what was asked meanwhile. Only the fields of ``progress`` that are
        not counts are taken (rate, concurrency, retries). Raises LeaseLostError."""
        live = None
        if progress is not None:
            live = progress.model_dump(mode="json", include=_LIVE_FIELDS, exclude_defaults=True)
        table = holder_of(lease)
        changes: dict[str, Any] = {"heartbeat": table.c.heartbeat + 1}
        if live is not None and lease.chunk is None:
            changes["live"] = dump_plain(live)
        with self._database.write() as connection:
            held = held_by(connection, lease)
            connection.execute(update(table).where(table.c.number == held.holder).values(**changes))
            if lease.chunk is not None:
                tell_run(connection, held, live)
            request: RunRequest | None = held.requested
            return request

    def reserve_spend(self, lease: Lease, nanousd: int) -> bool:
        """Reserve for calls about to be made; False where the cap leaves no room.
        Raises LeaseLostError."""
        with self._database.write() as connection:
            held = held_by(connection, lease)
            taken = (
                evaluations.c.spent_nanousd
                + evaluations.c.reserved_nanousd
                + evaluations.c.unconfirmed_nanousd
            )
            reserved = connection.execute(
                update(evaluations)
                .where(
                    evaluations.c.id == held.evaluation_id,
                    evaluations.c.cap_nanousd.is_(None)
                    | (taken + nanousd <= evaluations.c.cap_nanousd),
                )
                .values(reserved_nanousd=evaluations.c.reserved_nanousd + nanousd)
            )
            if reserved.rowcount == 0:
                return False
            table = holder_of(lease)
            connection.execute(
                update(table)
                .where(table.c.number == held.holder)
                .values(reserved_nanousd=table.c.reserved_nanousd + nanousd)
            )
            return True

    def end_run(
        self,
        lease: Lease,
        state: RunState,
        *,
        reason: str = "",
        summary: Sequence[MetricSummary] = (),
    ) -> RunRecord:
        """Give the lease back with the run's new state; ``queued`` lets another worker go on.

        A request that came too late for the worker still holds: a cancel over a pause, and both
        over queued. A run with jobs at its provider is cancelled by the next worker, which
        cancels those. What the run has still reserved becomes unconfirmed spend.
        Raises LeaseLostError.
        """
        with self._database.write() as connection:
            held = held_by(connection, lease)
            if state in ("paused", "queued") and held.requested == "cancel":
                state, reason = "cancelled", "Cancelled on request."
            elif state == "queued" and held.requested == "pause":
                state, reason = "paused", "Paused on request."
            leave_unconfirmed(
                connection, runs, held.number, held.evaluation_id, held.reserved_nanousd
            )
            this_run = runs.c.number == held.number
            live = connection.execute(select(runs.c.live).where(this_run)).scalar_one()
            goes_on: dict[str, Any] = {}
            if state == "cancelled" and has_open_jobs(connection, held.number):
                goes_on = {"state": "queued", "requested": "cancel", "ended_at": None}
            connection.execute(
                update(runs)
                .where(this_run)
                .values(
                    **{**released(state, reason, live), **goes_on},
                    summary=dump_plain([item.model_dump(mode="json") for item in summary]),
                )
            )
            return run_of(connection.execute(select(runs).where(this_run)).one())

    def run_holders(self) -> list[tuple[RunSpec, WorkerIdentity]]:
        """The runs that one worker holds as a whole, and who that is; without those of workers
        that died or froze."""
        query = select(runs).where(runs.c.state == "running", runs.c.worker_host.is_not(None))
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            (
                load_record(RunSpec, row.spec),
                WorkerIdentity(row.worker_host, row.worker_pid, row.worker_started),
            )
            for row in rows
            if not self._run_watch.is_abandoned(row)
        ]

    def _claimable(self, evaluation_id: str | None) -> list[Row[Any]]:
        """Queued runs and those of dead workers, oldest first."""
        query: Select[Any] = select(
            runs.c.number,
            runs.c.id,
            runs.c.state,
            runs.c.fence,
            runs.c.heartbeat,
            runs.c.worker_host,
            runs.c.worker_pid,
            runs.c.worker_started,
        ).where(
            or_(
                runs.c.state == "queued",
                # A run without a worker of its own is spread over several.
                and_(runs.c.state == "running", runs.c.worker_host.is_not(None)),
            )
        )
        if evaluation_id is not None:
            query = query.where(runs.c.evaluation_id == evaluation_id)
        with self._database.read() as connection:
            rows: Sequence[Row[Any]] = connection.execute(query.order_by(runs.c.number)).all()
        if evaluation_id is None:
            self._run_watch.forget_all_but({row.number for row in rows})
        return [row for row in rows if row.state == "queued" or self._run_watch.is_abandoned(row)]


def _claim(connection: Connection, seen: Row[Any], worker: WorkerIdentity) -> Lease | None:
    """Take over the run if it is still as it was seen; None if it is not, or if it was to pause
    or to be cancelled, which is done instead, unless it has jobs that are to be cancelled too."""
    row = connection.execute(
        select(runs)
        .where(
            runs.c.number == seen.number,
            runs.c.state == seen.state,
            runs.c.fence == seen.fence,
            runs.c.heartbeat == seen.heartbeat,
        )
        .with_for_update()
    ).first()
    if row is None:
        return None
    leave_unconfirmed(connection, runs, row.number, row.evaluation_id, row.reserved_nanousd)
    this_run = update(runs).where(runs.c.number == row.number)
    cancels_jobs = row.requested == "cancel" and has_open_jobs(connection, row.number)
    if row.requested is not None and not cancels_jobs:
        state: RunState = "cancelled" if row.requested == "cancel" else "paused"
        reason = f"{state.capitalize()} on request."
        connection.execute(this_run.values(**released(state, reason, row.live)))
        return None
    connection.execute(
        this_run.values(
            state="running",
            reason="",
            fence=row.fence + 1,
            heartbeat=row.heartbeat + 1,
            worker_host=worker.host,
            worker_pid=worker.pid,
            worker_started=worker.process_started,
            started_at=case(
                (runs.c.started_at.is_(None), datetime.now(UTC)), else_=runs.c.started_at
            ),
        )
    )
    claimed = connection.execute(select(runs).where(runs.c.number == row.number)).one()
    return Lease(run_of(claimed), claimed.fence)


def released(state: RunState, reason: str, live: str) -> dict[str, Any]:
    """The columns of a run that no worker holds any more. It has no rate then; ``live`` is what
    its last worker told."""
    ended = state in ("finished", "cancelled", "failed")
    return {
        "state": state,
        "reason": reason,
        "requested": None,
        "live": dump_plain({"retries": json.loads(live).get("retries", {})}),
        "worker_host": None,
        "worker_pid": None,
        "worker_started": None,
        "ended_at": datetime.now(UTC) if ended else None,
    }
