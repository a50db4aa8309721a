"""Datasets as people curate them: searched, compared, and followed by a next version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, or_, select

from prompt_app.datamodel.dataset import DatasetOptions, DatasetVersion, Example
from prompt_app.errors import ConflictError
from prompt_app.interfaces import Page
from prompt_app.storage.curating_tables import archived_datasets
from prompt_app.storage.database import in_chunks
from prompt_app.storage.datasets import (
    Datasets,
    example_of,
    newest_versions,
    rows_of,
    version_number,
    version_of,
)
from prompt_app.storage.spool import Origin
from prompt_app.storage.tables import dataset_versions, examples, version_rows


class Curation(Datasets):
    """The datasets of the store, and what a person does to them."""

    def search_datasets(
        self, *, text: str = "", archived: bool = False, offset: int = 0, limit: int = 50
    ) -> Page[DatasetVersion]:
        query = newest_versions(archived=archived)
        if text:
            columns = (dataset_versions.c.name, dataset_versions.c.columns)
            own_words = (dataset_versions.c.source, dataset_versions.c.note)
            query = query.where(
                or_(*(each.icontains(text, autoescape=True) for each in (*columns, *own_words)))
            )
        with self._database.read() as connection:
            key = dataset_versions.c.number_in_store
            keys = query.with_only_columns(key)
            total = connection.scalar(keys.order_by(None).with_only_columns(func.count()))
            page = connection.scalars(keys.offset(offset).limit(limit)).all()
            of_page = select(dataset_versions).where(key.in_(page)).order_by(key.desc())
            rows = connection.execute(of_page)
            return Page(tuple(version_of(row) for row in rows), int(total or 0), offset)

    def search_examples(
        self,
        version_id: str,
        *,
        text: str = "",
        split: str | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> Page[Example]:
        with self._database.read() as connection:
            version = version_number(connection, version_id)
            if not text and split is None:  # positions have no gaps: nothing before is read
                places: Sequence[int] = range(offset, offset + limit)
                total = _count(connection, version)
            else:
                query = _positions(version, text, split).offset(offset).limit(limit)
                found = connection.execute(query.add_columns(func.count().over())).all()
                places = [row[0] for row in found]
                # Searching is slow, so that the same pass counts; a page behind the end does not.
                total = found[0][1] if found else _count(connection, version, text, split)
            query = rows_of(version).where(version_rows.c.position.in_(places))
            rows = connection.execute(query.order_by(version_rows.c.position))
            return Page(tuple(example_of(row) for row in rows), int(total), offset)

    def example_keys(self, version_id: str) -> list[tuple[str, int]]:
        with self._database.read() as connection:
            version = version_number(connection, version_id)
            query = (
                select(version_rows.c.example_id, version_rows.c.example)
                .where(version_rows.c.version == version)
                .order_by(version_rows.c.position)
            )
            return [(row.example_id, row.example) for row in connection.execute(query)]

    def examples_at(self, version_id: str, positions: Sequence[int]) -> list[Example]:
        found: list[Example] = []
        with self._database.read() as connection:
            version = version_number(connection, version_id)
            for some in in_chunks(sorted(set(positions))):
                query = rows_of(version).where(version_rows.c.position.in_(some))
                query = query.order_by(version_rows.c.position)
                found.extend(example_of(row) for row in connection.execute(query))
        return found

    def save_next_version(
        self,
        base: DatasetVersion,
        options: DatasetOptions,
        examples: Iterable[Example],
        *,
        source: str = "",
        note: str = "",
    ) -> DatasetVersion:
        def check(connection: Connection) -> None:
            newest = connection.scalar(
                select(func.max(dataset_versions.c.number)).where(
                    dataset_versions.c.name == base.name
                )
            )
            if newest != base.number:
                raise ConflictError(
                    f"{base.name}@{base.number} is no longer the newest version: "
                    f"{base.name}@{newest} was saved meanwhile. Nothing was overwritten."
                )

        return self._save(Origin(base.name, options, source, 0, note), examples, check)

    def archive_dataset(self, name: str) -> None:
        mark = {"name": self.get_dataset_version(name).name, "archived_at": datetime.now(UTC)}
        add = self._database.insert_or_ignore(archived_datasets, "name")
        self._database.write_retrying(lambda connection: connection.execute(add, mark))

    def restore_dataset(self, name: str) -> None:
        remove = delete(archived_datasets).where(archived_datasets.c.name == name)
        self._database.write_retrying(lambda connection: connection.execute(remove))


def _positions(version: int, text: str, split: str | None) -> Select[Any]:
    """Of the rows that fit, in order."""
    query = select(version_rows.c.position).where(version_rows.c.version == version)
    if split is not None:
        query = query.where(version_rows.c.split == split)
    if text:
        query = query.join(examples, examples.c.number == version_rows.c.example).where(
            examples.c.folded.contains(text.casefold(), autoescape=True)
        )
    return query.order_by(version_rows.c.position)


def _count(connection: Connection, version: int, text: str = "", split: str | None = None) -> int:
    query = _positions(version, text, split).order_by(None)
    return int(connection.scalar(query.with_only_columns(func.count())) or 0)
