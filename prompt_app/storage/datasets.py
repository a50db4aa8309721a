"""Dataset versions and their rows."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import IO, Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from prompt_app.datamodel.base import content_hash
from prompt_app.datamodel.dataset import DatasetOptions, DatasetVersion, Example
from prompt_app.errors import DatasetError, UnknownNameError
from prompt_app.registry import unknown_name
from prompt_app.storage.curating_tables import archived_datasets
from prompt_app.storage.database import in_chunks
from prompt_app.storage.encoding import dump_plain, dump_record, fold, load_record
from prompt_app.storage.part import StorePart
from prompt_app.storage.spool import Origin, spool_rows
from prompt_app.storage.tables import dataset_versions, examples, version_rows

_SPOOL_IN_MEMORY = 8_000_000
_CHUNK = 900


class Datasets(StorePart):
    """The part of the store that keeps datasets."""

    def save_dataset_version(
        self,
        name: str,
        options: DatasetOptions,
        examples: Iterable[Example],
        *,
        source: str = "",
        skipped_rows: int = 0,
        note: str = "",
    ) -> DatasetVersion:
        """In the order given. Equal name, options and rows give the version that is already there.
        Raises DatasetError for a row that cannot be stored or an id that occurs twice."""
        return self._save(Origin(name, options, source, skipped_rows, note), examples)

    def _save(
        self,
        origin: Origin,
        examples: Iterable[Example],
        check: Callable[[Connection], None] | None = None,
    ) -> DatasetVersion:
        """Reads the examples once into a temporary file, so that other writers wait only for the
        insert itself. ``check`` runs in the transaction that writes, before it does."""
        with tempfile.SpooledTemporaryFile(
            max_size=_SPOOL_IN_MEMORY, mode="w+", encoding="utf-8", newline="\n"
        ) as spool:
            content = spool_rows(origin.name, origin.options, examples, spool)

            def save(connection: Connection) -> DatasetVersion:
                if check is not None:
                    check(connection)
                connection.execute(
                    delete(archived_datasets).where(archived_datasets.c.name == origin.name)
                )
                chosen = dataset_versions.c.id == content.id
                present = connection.execute(_versions().where(chosen)).first()
                number = _next_number(connection, origin.name)
                version_id = content.id
                if present is not None:
                    if check is None or present.number == number - 1:
                        return version_of(present)
                    # Who goes back to what was there before wants it to be the newest again.
                    version_id = content_hash([content.id, number])
                version = DatasetVersion(
                    id=version_id,
                    name=origin.name,
                    number=number,
                    options=origin.options,
                    columns=tuple(content.columns),
                    rows=content.rows,
                    skipped_rows=origin.skipped_rows,
                    split_rows=content.split_rows,
                    source=origin.source,
                    note=origin.note,
                    created_at=datetime.now(UTC),
                )
                _insert_version(connection, version)
                spool.seek(0)
                self._insert_rows(connection, version.id, spool)
                return version

            return self._database.write_retrying(save)

    def list_datasets(self) -> list[DatasetVersion]:
        """The newest version of each dataset that was not archived, newest first."""
        with self._database.read() as connection:
            return [version_of(row) for row in connection.execute(newest_versions())]

    def list_dataset_versions(self, name: str) -> list[DatasetVersion]:
        """Newest first."""
        query = _versions().where(dataset_versions.c.name == name)
        query = query.order_by(dataset_versions.c.number.desc())
        with self._database.read() as connection:
            found = [version_of(row) for row in connection.execute(query)]
            if not found:
                raise _unknown_dataset(connection, name)
            return found

    def get_dataset_version(self, name: str, number: int | None = None) -> DatasetVersion:
        """Version ``number`` of ``name``, or the newest."""
        query = _versions().where(dataset_versions.c.name == name)
        query = query.order_by(dataset_versions.c.number.desc()).limit(1)
        with self._database.read() as connection:
            newest = connection.execute(query).first()
            if newest is None:
                raise _unknown_dataset(connection, name)
            if number is None or number == newest.number:
                return version_of(newest)
            if 0 < number < newest.number:
                chosen = connection.execute(query.where(dataset_versions.c.number == number))
                return version_of(chosen.one())
        raise UnknownNameError(f"version of {name!r} (newest: {newest.number})", str(number))

    def get_dataset_version_by_id(self, version_id: str) -> DatasetVersion:
        with self._database.read() as connection:
            row = connection.execute(_versions().where(dataset_versions.c.id == version_id)).first()
        if row is None:
            raise UnknownNameError("dataset version", version_id)
        return version_of(row)

    def list_examples(
        self,
        version_id: str,
        *,
        split: str | None = None,
        after_position: int = -1,
        limit: int = 500,
    ) -> list[Example]:
        """In order of position, from behind ``after_position``."""
        with self._database.read() as connection:
            query = rows_of(version_number(connection, version_id)).where(
                version_rows.c.position > after_position
            )
            if split is not None:
                query = query.where(version_rows.c.split == split)
            query = query.order_by(version_rows.c.position).limit(limit)
            return [example_of(row) for row in connection.execute(query)]

    def get_example(self, version_id: str, example_id: str) -> Example:
        with self._database.read() as connection:
            query = rows_of(version_number(connection, version_id)).where(
                version_rows.c.example_id == example_id
            )
            row = connection.execute(query).first()
        if row is None:
            raise UnknownNameError("example", example_id)
        return example_of(row)

    def _insert_rows(self, connection: Connection, version_id: str, spool: IO[str]) -> None:
        version = version_number(connection, version_id)
        insert_example = self._database.insert_or_ignore(examples, "fingerprint")
        position = 0
        while lines := list(islice(spool, _CHUNK)):
            rows = [json.loads(line) for line in lines]
            connection.execute(
                insert_example,
                [
                    {"fingerprint": row[2], "fields": row[3], "folded": fold(json.loads(row[3]))}
                    for row in rows
                ],
            )
            numbers = _example_numbers(connection, [row[2] for row in rows])
            try:
                connection.execute(
                    insert(version_rows),
                    [
                        {
                            "version": version,
                            "position": position + offset,
                            "example_id": example_id,
                            "split": split,
                            "example": numbers[fingerprint],
                        }
                        for offset, (example_id, split, fingerprint, _) in enumerate(rows)
                    ],
                )
            except IntegrityError as error:
                raise DatasetError(
                    f"Two rows have the same id, the later one among rows {position + 1} to "
                    f"{position + len(rows)}. Give each row an id of its own, or name another "
                    "id field."
                ) from error
            position += len(rows)


def _insert_version(connection: Connection, version: DatasetVersion) -> None:
    older = dataset_versions.c.name == version.name, dataset_versions.c.newest
    connection.execute(update(dataset_versions).where(*older).values(newest=False))
    connection.execute(
        insert(dataset_versions),
        {
            "id": version.id,
            "name": version.name,
            "number": version.number,
            "options": dump_record(version.options),
            "columns": dump_plain(version.columns),
            "rows": version.rows,
            "skipped_rows": version.skipped_rows,
            "split_rows": dump_plain(version.split_rows),
            "source": version.source,
            "note": version.note,
            "created_at": version.created_at,
        },
    )


def _versions() -> Select[Any]:
    return select(dataset_versions)


def newest_versions(*, archived: bool = False) -> Select[Any]:
    """Of each dataset, newest first."""
    out = dataset_versions.c.name.in_(select(archived_datasets.c.name))
    return (
        _versions()
        .where(dataset_versions.c.newest, out if archived else ~out)
        .order_by(dataset_versions.c.number_in_store.desc())
    )


def rows_of(version: int) -> Select[Any]:
    """What :func:`example_of` reads."""
    return (
        select(
            version_rows.c.example_id,
            version_rows.c.position,
            version_rows.c.split,
            examples.c.fields,
        )
        .join(examples, examples.c.number == version_rows.c.example)
        .where(version_rows.c.version == version)
    )


def _next_number(connection: Connection, name: str) -> int:
    highest = connection.scalar(
        select(func.max(dataset_versions.c.number)).where(dataset_versions.c.name == name)
    )
    return int(highest or 0) + 1


def _example_numbers(connection: Connection, fingerprints: list[str]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for some in in_chunks(fingerprints):
        query = select(examples.c.fingerprint, examples.c.number).where(
            examples.c.fingerprint.in_(some)
        )
        numbers.update((row.fingerprint, row.number) for row in connection.execute(query))
    return numbers


def version_number(connection: Connection, version_id: str) -> int:
    """The integer key of a dataset version. Raises UnknownNameError."""
    number = connection.scalar(
        select(dataset_versions.c.number_in_store).where(dataset_versions.c.id == version_id)
    )
    if number is None:
        raise UnknownNameError("dataset version", version_id)
    return int(number)


def version_of(row: Row[Any]) -> DatasetVersion:
    return DatasetVersion(
        id=row.id,
        name=row.name,
        number=row.number,
        options=load_record(DatasetOptions, row.options),
        columns=tuple(json.loads(row.columns)),
        rows=row.rows,
        skipped_rows=row.skipped_rows,
        split_rows=json.loads(row.split_rows),
        source=row.source,
        note=row.note,
        created_at=row.created_at,
    )


def example_of(row: Row[Any]) -> Example:
    """From a row with example_id, position, split and fields."""
    return Example(
        id=row.example_id, position=row.position, fields=json.loads(row.fields), split=row.split
    )


def _unknown_dataset(connection: Connection, name: str) -> UnknownNameError:
    known = connection.scalars(select(dataset_versions.c.name).distinct())
    return unknown_name("dataset", name, known)
