"""Runs: reading them, and what may be asked of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, or_, select, update

from prompt_app.datamodel.evaluation import (
    ACTIVE_STATES,
    Progress,
    Run,
    RunRequest,
    RunSpec,
    RunState,
)
from prompt_app.datamodel.model import TokenUsage
from prompt_app.datamodel.score import MetricSpec, MetricSummary
from prompt_app.errors import EvaluationError, UnknownNameError
from prompt_app.interfaces import Page
from prompt_app.storage.archive_tables import archived_runs
from prompt_app.storage.batch_job_tables import has_open_jobs
from prompt_app.storage.chunk_tables import chunks
from prompt_app.storage.encoding import dump_record, load_record
from prompt_app.storage.part import StorePart
from prompt_app.storage.tables import evaluations, runs, samples, scores


class Runs(StorePart):
    """The part of the store that reads runs and takes requests for them."""

    def list_runs(
        self,
        *,
        states: Sequence[RunState] = (),
        evaluation_id: str | None = None,
        text: str = "",
        since: datetime | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> Page[Run]:
        """Newest first. ``text``: part of the run's name or id, of its dataset's or of its
        evaluation's name; case-insensitive. ``since``: created at that time or later."""
        conditions: list[ColumnElement[bool]] = []
        if states:
            conditions.append(runs.c.state.in_(states))
        if evaluation_id is not None:
            conditions.append(runs.c.evaluation_id == evaluation_id)
        if since is not None:
            conditions.append(runs.c.created_at >= since)
        if text:
            named = select(evaluations.c.id).where(
                evaluations.c.name.icontains(text, autoescape=True)
            )
            conditions.append(
                or_(
                    runs.c.name.icontains(text, autoescape=True),
                    runs.c.id.icontains(text, autoescape=True),
                    runs.c.dataset_name.icontains(text, autoescape=True),
                    runs.c.evaluation_id.in_(named),
                )
            )
        with self._database.read() as connection:
            total = connection.scalar(select(func.count()).select_from(runs).where(*conditions))
            query = select(runs.c.number).where(*conditions).order_by(runs.c.number.desc())
            page = connection.scalars(query.offset(offset).limit(limit)).all()
            of_page = select(runs).where(runs.c.number.in_(page)).order_by(runs.c.number.desc())
            found = connection.execute(of_page)
            return Page(tuple(run_of(row) for row in found), int(total or 0), offset)

    def get_run(self, run_id: str) -> Run:
        """``run_id`` in full, or any beginning of it that only one run has."""
        with self._database.read() as connection:
            return run_of(find_run(connection, run_id))

    def request_run(self, run_id: str, request: RunRequest) -> Run:
        """Ask the run's worker to pause or cancel; a run that no worker holds changes at once.
        Raises EvaluationError where its state does not allow that."""
        with self._database.write() as connection:
            row = find_run(connection, run_id, for_update=True)
            if row.state == "running":
                changes = _requested_of_worker(row, request)
            elif request == "cancel" and has_open_jobs(connection, row.number):
                # The next worker cancels them, and then the run.
                reason = "The next worker cancels its jobs at the provider first."
                changes = {"state": "queued", "requested": "cancel", "reason": reason}
            else:
                changes = _requested_at_once(row, request)
            return _update_run(connection, row, changes)

    def requeue_run(self, run_id: str, *, retry_failed: bool = False) -> Run:
        """Queue a run that is not active again; with ``retry_failed`` forget its failed samples
        first, so that they are called anew. Raises EvaluationError where nothing is left to do."""
        with self._database.write() as connection:
            row = find_run(connection, run_id, for_update=True)
            if row.state in ACTIVE_STATES:
                raise EvaluationError(f"Run {row.id} is {row.state} already.")
            if row.state == "finished" and not (retry_failed and row.failed):
                what = "has no failed samples" if retry_failed else "has finished"
                hint = "" if retry_failed or not row.failed else " Retry its failed samples?"
                raise EvaluationError(f"Run {row.id} {what}: there is nothing to do.{hint}")
            _refuse_archived(connection, row)
            changes = _queued_again()
            if retry_failed:
                gone = (samples.c.run == row.number) & (samples.c.state == "failed")
                connection.execute(delete(samples).where(gone))
                changes["failed"] = 0
                _queue_chunks_again(connection, row)
            return _update_run(connection, row, changes)

    def rescore_run(self, run_id: str, metrics: Sequence[MetricSpec], *, only: bool = False) -> Run:
        """Give a finished run ``metrics`` besides its own and queue it: samples that lack an
        outcome are scored from their stored replies.

        What it had of these metrics is forgotten and scored again; its other metrics keep their
        outcomes. With ``only`` the others are dropped with theirs, and these keep what they have
        but for failures and for outcomes under another spec. Raises EvaluationError for a run
        that has not finished.
        """
        with self._database.write() as connection:
            row = find_run(connection, run_id, for_update=True)
            if row.state != "finished":
                raise EvaluationError(
                    f"Run {row.id} is {row.state}; only a finished run can be scored again."
                )
            _refuse_archived(connection, row)
            old = load_record(RunSpec, row.spec)
            new = old.model_copy(
                update={"metrics": tuple(metrics) if only else _joined(old.metrics, metrics)}
            )
            gone: ColumnElement[bool]
            if only:
                kept = [metric.key for metric in metrics if metric in old.metrics]
                gone = scores.c.metric.not_in(kept) | scores.c.value.is_(None)
            else:
                gone = scores.c.metric.in_([metric.key for metric in metrics])
            connection.execute(delete(scores).where(scores.c.run == row.number, gone))
            wanted = [metric.key for metric in new.metrics]
            connection.execute(
                update(samples)
                .where(
                    samples.c.run == row.number,
                    samples.c.state == "scored",
                    lacks_outcome(wanted),
                )
                .values(state="answered")
            )
            scored = connection.scalar(
                select(func.count())
                .select_from(samples)
                .where(samples.c.run == row.number, samples.c.state == "scored")
            )
            changes = {**_queued_again(), "spec": dump_record(new), "scored": scored}
            _queue_chunks_again(connection, row)
            return _update_run(connection, row, changes)


def _joined(old: Sequence[MetricSpec], added: Sequence[MetricSpec]) -> tuple[MetricSpec, ...]:
    """``old`` with ``added`` in the places of the same keys, or behind."""
    return tuple({metric.key: metric for metric in (*old, *added)}.values())


def lacks_outcome(metrics: Sequence[str]) -> Any:
    """Whether a row of samples has no outcome for one of ``metrics``."""
    present = (
        select(func.count())
        .select_from(scores)
        .where(scores.c.sample == samples.c.number, scores.c.metric.in_(metrics))
        .scalar_subquery()
    )
    return present < len(set(metrics))


def find_run(connection: Connection, run_id: str, *, for_update: bool = False) -> Row[Any]:
    """The row of the run with that id, or with that beginning of an id.

    Raises UnknownNameError, or EvaluationError where several runs begin so.
    """
    # Rows that point to the run may be inserted meanwhile.
    query = select(runs).with_for_update(key_share=True) if for_update else select(runs)
    row = connection.execute(query.where(runs.c.id == run_id)).first()
    if row is not None:
        return row
    if not run_id:
        raise UnknownNameError("run", run_id)
    begins = runs.c.id.startswith(run_id, autoescape=True)
    found = connection.execute(query.where(begins).order_by(runs.c.number.desc()).limit(3)).all()
    # LIKE ignores case on SQLite, ids do not.
    found = [row for row in found if row.id.startswith(run_id)]
    if len(found) > 1:
        names = ", ".join(row.id for row in found)
        raise EvaluationError(f"Several runs begin with {run_id!r}: {names} ... Give more of it.")
    if not found:
        raise UnknownNameError("run", run_id, advice="The list of runs shows the ids there are.")
    return found[0]


def run_number(connection: Connection, run_id: str) -> int:
    """The integer key of a run."""
    number = connection.scalar(select(runs.c.number).where(runs.c.id == run_id))
    return int(number) if number is not None else int(find_run(connection, run_id).number)


def run_of(row: Row[Any]) -> Run:
    return Run(
        id=row.id,
        evaluation_id=row.evaluation_id,
        name=row.name,
        spec=load_record(RunSpec, row.spec),
        state=row.state,
        reason=row.reason,
        requested=row.requested,
        progress=_progress_of(row),
        summary=tuple(MetricSummary.model_validate(item) for item in json.loads(row.summary)),
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def _progress_of(row: Row[Any]) -> Progress:
    return Progress(
        total=row.total,
        answered=row.answered,
        scored=row.scored,
        failed=row.failed,
        cached=row.cached,
        excluded=row.excluded,
        skipped_rows=row.skipped_rows,
        cost_usd=row.cost_usd,
        judge_cost_usd=row.judge_cost_usd,
        usage=TokenUsage(
            input=row.input_tokens,
            output=row.output_tokens,
            cached_input=row.cached_input_tokens,
            cache_write=row.cache_write_tokens,
            reasoning=row.reasoning_tokens,
        ),
        **json.loads(row.live),
    )


def _requested_of_worker(row: Row[Any], request: RunRequest) -> dict[str, Any]:
    if request == "pause" and row.requested == "cancel":
        raise EvaluationError(f"Run {row.id} is being cancelled; it cannot be paused any more.")
    return {"requested": request}


def _requested_at_once(row: Row[Any], request: RunRequest) -> dict[str, Any]:
    if request == "pause" and row.state == "queued":
        return {"state": "paused", "reason": "Paused on request."}
    if request == "cancel" and row.state in ("queued", "paused"):
        now = datetime.now(UTC)
        return {"state": "cancelled", "reason": "Cancelled on request.", "ended_at": now}
    raise EvaluationError(f"Run {row.id} is {row.state}: there is nothing to {request}.")


def _queued_again() -> dict[str, Any]:
    return {
        "state": "queued",
        "reason": "",
        "requested": None,
        "summary": "[]",
        "ended_at": None,
    }


def _refuse_archived(connection: Connection, row: Row[Any]) -> None:
    if connection.scalar(select(archived_runs.c.key).where(archived_runs.c.run == row.number)):
        raise EvaluationError(f"Run {row.id} is archived: its rows can only be read.")


def _queue_chunks_again(connection: Connection, row: Row[Any]) -> None:
    """There may be work again in any of them."""
    connection.execute(update(chunks).where(chunks.c.run == row.number).values(state="queued"))


def _update_run(connection: Connection, row: Row[Any], changes: dict[str, Any]) -> Run:
    connection.execute(update(runs).where(runs.c.number == row.number).values(**changes))
    return run_of(connection.execute(select(runs).where(runs.c.number == row.number)).one())
