"""People's labels: queues, rubrics, answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from prompt_app.datamodel.labelling import Annotation, LabelQueue, LabelRubric
from prompt_app.errors import ConflictError, UnknownNameError
from prompt_app.interfaces.rows import Page
from prompt_app.storage.encoding import dump_record, load_record
from prompt_app.storage.label_tables import label_answers, label_queues, label_rubrics
from prompt_app.storage.part import StorePart
from prompt_app.storage.runs import find_run
from prompt_app.storage.tables import samples


class Labels(StorePart):
    """The part of the store that keeps people's labels."""

    def create_label_queue(self, queue: LabelQueue) -> LabelQueue:
        """Raises ConflictError for a name that is taken."""

        def create(connection: Connection) -> LabelQueue:
            taken = select(label_queues.c.id).where(label_queues.c.name == queue.name)
            if connection.scalar(taken) is not None:
                raise ConflictError(f"There is a label queue named {queue.name!r} already.")
            first, second = [*queue.run_ids, ""][:2]
            now = datetime.now(UTC)
            made = queue.model_copy(update={"created_at": now, "rubric_number": 1})
            number = connection.execute(
                insert(label_queues)
                .values(
                    id=made.id,
                    name=made.name,
                    run_id=first,
                    second_run_id=second,
                    queue=dump_record(made),
                    created_at=now,
                )
                .returning(label_queues.c.number)
            ).scalar_one()
            _add_rubric(connection, number, 1, made.rubric, now)
            return made

        return self._database.write_retrying(create)

    def list_label_queues(self, *, offset: int = 0, limit: int = 50) -> Page[LabelQueue]:
        """Newest first, each with its newest rubric."""
        with self._database.read() as connection:
            total = connection.scalar(select(func.count()).select_from(label_queues)) or 0
            query = select(label_queues).order_by(label_queues.c.number.desc())
            rows = connection.execute(query.offset(offset).limit(limit)).all()
            return Page(tuple(_queue_of(connection, row) for row in rows), total, offset)

    def get_label_queue(self, which: str) -> LabelQueue:
        """By name or id."""
        with self._database.read() as connection:
            return _queue_of(connection, _find(connection, which))

    def add_label_rubric(
        self, queue_id: str, rubric: LabelRubric, *, based_on: int | None = None
    ) -> LabelQueue:
        """The queue with ``rubric`` as its newest version; an equal one is no new version."""
        with self._database.write() as connection:
            row = _find(connection, queue_id)
            mine = select(label_queues.c.number).where(label_queues.c.number == row.number)
            connection.execute(mine.with_for_update())  # those who save at once take turns
            queue = _queue_of(connection, row)
            if queue.rubric != rubric:
                if based_on not in (None, queue.rubric_number):
                    raise ConflictError(
                        f"The rubric of {queue.name!r} has version {queue.rubric_number} by now; "
                        f"yours is based on version {based_on}. Nothing was saved: look at the "
                        "difference first."
                    )
                _add_rubric(
                    connection, row.number, queue.rubric_number + 1, rubric, datetime.now(UTC)
                )
            return _queue_of(connection, row)

    def list_label_rubrics(self, queue_id: str) -> list[LabelRubric]:
        """All versions, the first first."""
        with self._database.read() as connection:
            query = (
                select(label_rubrics.c.rubric)
                .where(label_rubrics.c.queue == _find(connection, queue_id).number)
                .order_by(label_rubrics.c.number)
            )
            return [load_record(LabelRubric, text) for text in connection.scalars(query)]

    def add_annotations(self, queue_id: str, annotations: Sequence[Annotation]) -> None:
        """An answer takes the place of what the same person said about the same row, which is
        kept as withdrawn."""
        with self._database.write() as connection:
            queue = _find(connection, queue_id).number
            for each in annotations:
                _answer(connection, queue, each)

    def withdraw_annotation(self, queue_id: str, labeller: str) -> Annotation | None:
        """Take back the person's last answer in force, and put back in force the one whose place
        it took. None where there is none."""
        with self._database.write() as connection:
            queue = _find(connection, queue_id).number
            last = connection.execute(
                select(label_answers)
                .where(
                    label_answers.c.queue == queue,
                    label_answers.c.labeller == labeller,
                    label_answers.c.withdrawn_at.is_(None),
                )
                .order_by(label_answers.c.at.desc(), label_answers.c.number.desc())
                .limit(1)
            ).first()
            if last is None:
                return None
            _set_withdrawn(connection, last.number, datetime.now(UTC))
            if last.replaced is not None:
                _set_withdrawn(connection, last.replaced, None)
            return _annotation_of(last)

    def list_annotations(self, queue_id: str, *, everything: bool = False) -> list[Annotation]:
        """In order of time: those in force, or with ``everything`` also the withdrawn ones."""
        with self._database.read() as connection:
            query = (
                select(label_answers)
                .where(label_answers.c.queue == _find(connection, queue_id).number)
                .order_by(label_answers.c.number)
            )
            if not everything:
                query = query.where(label_answers.c.withdrawn_at.is_(None))
            return [_annotation_of(row) for row in connection.execute(query)]

    def page_annotations(
        self, queue_id: str, *, offset: int = 0, limit: int = 50
    ) -> Page[Annotation]:
        """Those in force, the latest first."""
        with self._database.read() as connection:
            query = select(label_answers).where(
                label_answers.c.queue == _find(connection, queue_id).number,
                label_answers.c.withdrawn_at.is_(None),
            )
            total = connection.scalar(select(func.count()).select_from(query.subquery())) or 0
            query = query.order_by(label_answers.c.number.desc()).offset(offset).limit(limit)
            rows = connection.execute(query)
            return Page(tuple(_annotation_of(row) for row in rows), total, offset)

    def answered_examples(self, run_id: str) -> list[str]:
        """Ids of the examples whose first repeat has a reply, in order of position."""
        with self._database.read() as connection:
            query = (
                select(samples.c.example_id)
                .where(
                    samples.c.run == find_run(connection, run_id).number,
                    samples.c.repeat == 0,
                    samples.c.reply.is_not(None),
                )
                .order_by(samples.c.position)
            )
            return list(connection.scalars(query))


def _find(connection: Connection, which: str) -> Row[Any]:
    row = connection.execute(
        select(label_queues).where(or_(label_queues.c.id == which, label_queues.c.name == which))
    ).first()
    if row is None:
        raise UnknownNameError("label queue", which)
    return row


def _queue_of(connection: Connection, row: Row[Any]) -> LabelQueue:
    newest = connection.execute(
        select(label_rubrics)
        .where(label_rubrics.c.queue == row.number)
        .order_by(label_rubrics.c.number.desc())
        .limit(1)
    ).one()
    return load_record(LabelQueue, row.queue).model_copy(
        update={
            "rubric": load_record(LabelRubric, newest.rubric),
            "rubric_number": newest.number,
        }
    )


def _add_rubric(
    connection: Connection, queue: int, number: int, rubric: LabelRubric, at: datetime
) -> None:
    connection.execute(
        insert(label_rubrics).values(
            queue=queue, number=number, rubric=dump_record(rubric), created_at=at
        )
    )


def _answer(connection: Connection, queue: int, given: Annotation) -> None:
    now = datetime.now(UTC)
    before = connection.scalar(
        select(label_answers.c.number).where(
            label_answers.c.queue == queue,
            label_answers.c.labeller == given.labeller,
            label_answers.c.example_id == given.example_id,
            label_answers.c.withdrawn_at.is_(None),
        )
    )
    if before is not None:
        _set_withdrawn(connection, before, now)
    connection.execute(
        insert(label_answers).values(
            queue=queue,
            example_id=given.example_id,
            labeller=given.labeller,
            labeller_name=given.labeller_name,
            label=given.label,
            comment=given.comment,
            rubric_number=given.rubric_number,
            at=given.at or now,
            replaced=before,
        )
    )


def _set_withdrawn(connection: Connection, number: int, at: datetime | None) -> None:
    connection.execute(
        update(label_answers).where(label_answers.c.number == number).values(withdrawn_at=at)
    )


def _annotation_of(row: Row[Any]) -> Annotation:
    return Annotation(
        example_id=row.example_id,
        labeller=row.labeller,
        labeller_name=row.labeller_name,
        label=row.label,
        comment=row.comment,
        rubric_number=row.rubric_number,
        at=row.at,
        withdrawn_at=row.withdrawn_at,
    )
