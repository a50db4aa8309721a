"""Tests of rubrics: their queue, who works on them, and what they found."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from prompt_app.datamodel.rubric_test import (
    RubricTest,
    RubricTestOptions,
    RubricTestProgress,
    RubricTestState,
)
from prompt_app.errors import LeaseLostError, UnknownNameError
from prompt_app.interfaces import Page, WorkerIdentity
from prompt_app.interfaces.rubric_tests import RubricLease
from prompt_app.storage.encoding import dump_record, load_record
from prompt_app.storage.rubric_tables import rubric_results, rubric_tests
from prompt_app.storage.watching import WatchingPart

_NOBODY = {"worker_host": None, "worker_pid": None, "worker_started": None, "cancelling": 0}


class RubricTests(WatchingPart):
    """The part of the store that keeps tests of rubrics."""

    def create_rubric_test(self, options: RubricTestOptions, created_by: str = "") -> RubricTest:
        """Queued."""
        test_id = f"t{secrets.token_hex(6)}"
        row = {
            "id": test_id,
            "name": f"{options.experiment}\n{options.dataset}",
            "options": dump_record(options),
            "state": "queued",
            "reason": "",
            "cancelling": 0,
            "progress": dump_record(RubricTestProgress()),
            "fence": 0,
            "heartbeat": 0,
            "created_by": created_by,
            "created_at": datetime.now(UTC),
        }
        with self._database.write() as connection:
            connection.execute(insert(rubric_tests), row)
        return self.get_rubric_test(test_id)

    def list_rubric_tests(
        self, *, offset: int = 0, limit: int = 50, text: str = ""
    ) -> Page[RubricTest]:
        """Newest first; ``text``: part of the dataset's or the experiment's name."""
        wanted = rubric_tests.c.name.icontains(text, autoescape=True)
        query = select(rubric_tests).where(wanted).order_by(rubric_tests.c.number.desc())
        with self._database.read() as connection:
            count = connection.scalar(select(func.count()).select_from(rubric_tests).where(wanted))
            rows = connection.execute(query.offset(offset).limit(limit)).all()
            tests = tuple(_test_of(connection, row) for row in rows)
        return Page(tests, int(count or 0), offset)

    def get_rubric_test(self, test_id: str) -> RubricTest:
        """Raises UnknownNameError."""
        with self._database.read() as connection:
            return _test_of(connection, _row(connection, test_id))

    def cancel_rubric_test(self, test_id: str) -> RubricTest:
        """At once where no worker holds it; a test that has ended stays as it is."""
        with self._database.write() as connection:
            row = _row(connection, test_id)
            this = update(rubric_tests).where(rubric_tests.c.number == row.number)
            if row.state == "running":
                connection.execute(this.values(cancelling=1))
            elif row.state == "queued":
                ended = {"reason": "Cancelled on request.", "ended_at": datetime.now(UTC)}
                connection.execute(this.values(state="cancelled", **ended))
            return _test_of(connection, _row(connection, test_id))

    def claim_rubric_test(self, worker: WorkerIdentity) -> RubricLease | None:
        """The oldest that is queued, or whose worker has died; None when there is none."""
        for seen in self._claimable_rubric_tests():
            with self._database.write() as connection:
                taken = connection.execute(
                    update(rubric_tests)
                    .where(
                        rubric_tests.c.number == seen.number,
                        rubric_tests.c.state == seen.state,
                        rubric_tests.c.fence == seen.fence,
                        rubric_tests.c.heartbeat == seen.heartbeat,
                    )
                    .values(
                        state="running",
                        fence=seen.fence + 1,
                        heartbeat=seen.heartbeat + 1,
                        worker_host=worker.host,
                        worker_pid=worker.pid,
                        worker_started=worker.process_started,
                        started_at=seen.started_at or datetime.now(UTC),
                    )
                )
                if taken.rowcount:
                    test = _test_of(connection, _row(connection, seen.id))
                    return RubricLease(test, seen.fence + 1)
        return None

    def beat_rubric_test(self, lease: RubricLease, progress: RubricTestProgress) -> bool:
        """Show life; whether it is to be cancelled. Raises LeaseLostError."""
        with self._database.write() as connection:
            _change(
                connection,
                lease,
                heartbeat=rubric_tests.c.heartbeat + 1,
                progress=dump_record(progress),
            )
            return bool(_row(connection, lease.test.id).cancelling)

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
        values: dict[str, Any] = {**_NOBODY, "state": state, "reason": reason}
        if state == "queued":
            del values["cancelling"]
        else:
            values["ended_at"] = datetime.now(UTC)
        if progress is not None:
            values["progress"] = dump_record(progress)
        with self._database.write() as connection:
            _change(connection, lease, **values)
            row = _row(connection, lease.test.id)
            for lesson, result in (results or {}).items():
                entry = {"test": row.number, "lesson": lesson, "result": result}
                connection.execute(insert(rubric_results), entry)
            return _test_of(connection, row)

    def rubric_test_result(self, test_id: str, lesson: str) -> str:
        """A lesson's result as JSON. Raises UnknownNameError."""
        with self._database.read() as connection:
            number = _row(connection, test_id).number
            this = (rubric_results.c.test == number) & (rubric_results.c.lesson == lesson)
            found = connection.scalar(select(rubric_results.c.result).where(this))
            if found is None:
                known = _lessons(connection, number)
                raise UnknownNameError(f"result of the test {test_id}", lesson, known[:3])
            return str(found)

    def _claimable_rubric_tests(self) -> list[Row[Any]]:
        query = select(rubric_tests).where(rubric_tests.c.state.in_(("queued", "running")))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(rubric_tests.c.number)).all()
        self._rubric_watch.forget_all_but({row.number for row in rows})
        return [
            row for row in rows if row.state == "queued" or self._rubric_watch.is_abandoned(row)
        ]


def _row(connection: Connection, test_id: str) -> Row[Any]:
    row = connection.execute(select(rubric_tests).where(rubric_tests.c.id == test_id)).first()
    if row is None:
        raise UnknownNameError("test of a rubric", test_id)
    return row


def _change(connection: Connection, lease: RubricLease, **values: Any) -> None:
    changed = connection.execute(
        update(rubric_tests)
        .where(
            rubric_tests.c.id == lease.test.id,
            rubric_tests.c.fence == lease.fence,
            rubric_tests.c.state == "running",
        )
        .values(**values)
    )
    if not changed.rowcount:
        raise LeaseLostError(
            f"The rubric's test {lease.test.id} is no longer held under fence {lease.fence}: "
            "another worker has taken it over, or it has ended. Nothing was written."
        )


def _lessons(connection: Connection, number: int) -> list[str]:
    query = select(rubric_results.c.lesson).where(rubric_results.c.test == number)
    return list(connection.scalars(query.order_by(rubric_results.c.lesson)))


def _test_of(connection: Connection, row: Row[Any]) -> RubricTest:
    return RubricTest(
        id=row.id,
        options=load_record(RubricTestOptions, row.options),
        state=row.state,
        reason=row.reason,
        cancelling=bool(row.cancelling),
        progress=load_record(RubricTestProgress, row.progress),
        lessons=tuple(_lessons(connection, row.number)),
        created_by=row.created_by,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )
