"""Functions, pipelines and their calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select, update

from prompt_app.datamodel.pipeline import (
    FunctionInfo,
    PipelineCall,
    PipelineVersion,
    RegisteredFunction,
)
from prompt_app.errors import ConflictError, UnknownNameError
from prompt_app.interfaces.rows import Page
from prompt_app.registry import unknown_name
from prompt_app.storage.database import LARGEST_NUMBER
from prompt_app.storage.encoding import dump_record, load_record
from prompt_app.storage.part import StorePart
from prompt_app.storage.pipeline_tables import (
    functions,
    pipeline_calls,
    pipeline_versions,
    pipelines,
)
from prompt_app.storage.project_tables import forget_item


class Pipelines(StorePart):
    """The part of the store behind :class:`prompt_app.interfaces.pipelines.PipelineStore`."""

    def list_functions(self) -> list[RegisteredFunction]:
        """Also those that are gone, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(functions).order_by(functions.c.name)).all()
        return [_registered(row) for row in rows]

    def register_functions(self, found: Sequence[FunctionInfo], by: str) -> None:
        """See :meth:`PipelineStore.register_functions`."""
        now = datetime.now(UTC)

        def save(connection: Connection) -> None:
            known = {row.name: _registered(row) for row in connection.execute(select(functions))}
            for info in found:
                there = known.pop(info.name, None)
                if there is not None and there.removed_at is None and there.info == info:
                    continue
                connection.execute(delete(functions).where(functions.c.name == info.name))
                connection.execute(
                    insert(functions),
                    {
                        "name": info.name,
                        "info": dump_record(info),
                        "registered_at": now,
                        "registered_by": by,
                    },
                )
            gone = [name for name, each in known.items() if each.removed_at is None]
            connection.execute(
                update(functions).where(functions.c.name.in_(gone)).values(removed_at=now)
            )

        self._database.write_retrying(save)

    def save_pipeline(
        self,
        name: str,
        text: str,
        *,
        model: str | None = None,
        note: str = "",
        by: str = "",
        based_on: int | None = None,
    ) -> PipelineVersion:
        """See :meth:`PipelineStore.save_pipeline`."""

        def save(connection: Connection) -> PipelineVersion:
            number = _number_of(connection, name)
            if number is not None:  # those who save at once take turns; SQLite's writers do anyway
                mine = select(pipelines.c.number).where(pipelines.c.number == number)
                connection.execute(mine.with_for_update())
            else:
                made = insert(pipelines).returning(pipelines.c.number)
                number = int(connection.execute(made, {"name": name}).scalar_one())
            newest = _newest(connection, number)
            if newest is not None and (newest.text, newest.model) == (text, model):
                return newest
            _refuse_outdated(name, newest, based_on)
            row = {
                "pipeline": number,
                "number": 1 if newest is None else newest.number + 1,
                "text": text,
                "model": model,
                "note": note,
                "created_at": datetime.now(UTC),
                "created_by": by,
            }
            connection.execute(insert(pipeline_versions), row)
            kept = {key: value for key, value in row.items() if key != "pipeline"}
            return PipelineVersion.model_validate({**kept, "pipeline_id": number, "name": name})

        return self._database.write_retrying(save)

    def list_pipelines(
        self, *, text: str = "", offset: int = 0, limit: int = 50
    ) -> Page[PipelineVersion]:
        """The newest version of each pipeline, newest first."""
        newest = (
            select(pipeline_versions.c.pipeline, func.max(pipeline_versions.c.row).label("row"))
            .group_by(pipeline_versions.c.pipeline)
            .subquery()
        )
        query = _versions().join(newest, newest.c.row == pipeline_versions.c.row)
        if text:
            query = query.where(
                or_(
                    pipelines.c.name.icontains(text, autoescape=True),
                    pipeline_versions.c.text.icontains(text, autoescape=True),
                )
            )
        page = query.order_by(pipeline_versions.c.row.desc()).offset(offset).limit(limit)
        with self._database.read() as connection:
            total = connection.scalar(select(func.count()).select_from(query.subquery()))
            found = tuple(_version(row) for row in connection.execute(page))
        return Page(found, int(total or 0), offset)

    def list_pipeline_versions(self, name: str) -> list[PipelineVersion]:
        """Newest first."""
        query = _versions().where(pipelines.c.name == name)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(pipeline_versions.c.number.desc())).all()
            if not rows:
                raise _unknown(connection, name)
            return [_version(row) for row in rows]

    def get_pipeline(self, name: str | int, number: int | None = None) -> PipelineVersion:
        """By name or id; the newest version when ``number`` is None."""
        column = pipelines.c.number if isinstance(name, int) else pipelines.c.name
        query = _versions().where(column == name)
        if number is not None:
            query = query.where(pipeline_versions.c.number == number)
        with self._database.read() as connection:
            row = None
            if max(_size(name), _size(number)) <= LARGEST_NUMBER:
                row = connection.execute(
                    query.order_by(pipeline_versions.c.number.desc()).limit(1)
                ).first()
            if row is not None:
                return _version(row)
            if number is not None and _is_there(connection, column == name):
                raise UnknownNameError(f"version of the pipeline {name!r}", str(number))
            raise _unknown(connection, str(name))

    def delete_pipeline(self, name: str) -> None:
        """With all its versions and calls."""
        with self._database.write() as connection:
            number = _number_of(connection, name)
            if number is None:
                raise _unknown(connection, name)
            for table in (pipeline_calls, pipeline_versions):
                connection.execute(delete(table).where(table.c.pipeline == number))
            connection.execute(delete(pipelines).where(pipelines.c.number == number))
            forget_item(connection, "pipeline", name)

    def save_pipeline_call(self, call: PipelineCall, *, keep: int) -> None:
        """The oldest calls of the same pipeline beyond ``keep`` go."""
        mine = pipeline_calls.c.pipeline.is_not_distinct_from(call.pipeline_id)
        oldest_kept = (
            select(pipeline_calls.c.row)
            .where(mine)
            .order_by(pipeline_calls.c.row.desc())
            .offset(keep - 1)
            .limit(1)
            .scalar_subquery()
        )
        with self._database.write() as connection:
            connection.execute(
                insert(pipeline_calls),
                {
                    "id": call.id,
                    "pipeline": call.pipeline_id,
                    "state": call.state,
                    "seconds": call.seconds,
                    "cost_usd": call.cost_usd or 0.0,  # the record tells an unknown one
                    "created_at": call.created_at or datetime.now(UTC),
                    "record": dump_record(call),
                },
            )
            connection.execute(
                delete(pipeline_calls).where(mine, pipeline_calls.c.row < oldest_kept)
            )

    def list_pipeline_calls(
        self, pipeline_id: int, *, offset: int = 0, limit: int = 50
    ) -> Page[PipelineCall]:
        """Newest first."""
        mine = pipeline_calls.c.pipeline == pipeline_id
        query = select(pipeline_calls.c.record).where(mine).order_by(pipeline_calls.c.row.desc())
        with self._database.read() as connection:
            total = connection.scalar(select(func.count()).select_from(pipeline_calls).where(mine))
            found = connection.scalars(query.offset(offset).limit(limit))
            calls = tuple(load_record(PipelineCall, record) for record in found)
        return Page(calls, int(total or 0), offset)

    def get_pipeline_call(self, call_id: str) -> PipelineCall:
        query = select(pipeline_calls.c.record).where(pipeline_calls.c.id == call_id)
        with self._database.read() as connection:
            record = connection.scalar(query)
        if record is None:
            raise UnknownNameError("pipeline call", call_id)
        return load_record(PipelineCall, record)


def _versions() -> Select[Any]:
    return select(pipeline_versions, pipelines.c.name).join(
        pipelines, pipelines.c.number == pipeline_versions.c.pipeline
    )


def _newest(connection: Connection, pipeline: int) -> PipelineVersion | None:
    query = _versions().where(pipeline_versions.c.pipeline == pipeline)
    row = connection.execute(query.order_by(pipeline_versions.c.number.desc()).limit(1)).first()
    return None if row is None else _version(row)


def _refuse_outdated(name: str, newest: PipelineVersion | None, based_on: int | None) -> None:
    known = 0 if newest is None else newest.number
    if based_on is None or based_on == known:
        return
    if newest is None:
        raise ConflictError(f"Pipeline {name!r} is gone: save it under a new name.")
    who = f" by {newest.created_by}" if newest.created_by else ""
    mine = f"yours is based on version {based_on}" if based_on else "yours was to be a new one"
    raise ConflictError(
        f"Pipeline {name!r} has version {known} by now, saved{who}; {mine}. Nothing was saved: "
        "look at the difference first."
    )


def _number_of(connection: Connection, name: str) -> int | None:
    number: int | None = connection.scalar(
        select(pipelines.c.number).where(pipelines.c.name == name)
    )
    return number


def _is_there(connection: Connection, condition: Any) -> bool:
    return connection.execute(select(pipelines.c.number).where(condition)).first() is not None


def _size(value: str | int | None) -> int:
    return abs(value) if isinstance(value, int) else 0


def _unknown(connection: Connection, name: str) -> UnknownNameError:
    known = connection.scalars(select(pipelines.c.name))
    return unknown_name("pipeline", name, known)


def _version(row: Row[Any]) -> PipelineVersion:
    return PipelineVersion(
        pipeline_id=row.pipeline,
        name=row.name,
        number=row.number,
        text=row.text,
        model=row.model,
        note=row.note,
        created_at=row.created_at,
        created_by=row.created_by,
    )


def _registered(row: Row[Any]) -> RegisteredFunction:
    return RegisteredFunction(
        info=load_record(FunctionInfo, row.info),
        registered_at=row.registered_at,
        registered_by=row.registered_by,
        removed_at=row.removed_at,
    )
