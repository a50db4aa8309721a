"""Prompt versions and the labels that point to them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from prompt_app.datamodel.names import Name
from prompt_app.datamodel.prompt import PromptTemplate, PromptVersion
from prompt_app.errors import ConflictError, EvaluationError, UnknownNameError
from prompt_app.registry import nearest_names, unknown_name
from prompt_app.storage.database import LARGEST_NUMBER
from prompt_app.storage.encoding import dump_record, fold, load_record
from prompt_app.storage.part import StorePart
from prompt_app.storage.tables import prompt_labels, prompt_versions


class Prompts(StorePart):
    """The part of the store that keeps prompts."""

    def save_prompt_version(
        self,
        name: str,
        template: PromptTemplate,
        note: str = "",
        *,
        author: str = "",
        based_on: int | None = None,
    ) -> PromptVersion:
        """An equal template gives the version of ``name`` that is already there. ``based_on`` is
        the number of the newest version that the writer knew, 0 for a new name: where another
        one has become the newest since, raises ConflictError."""
        version_id = template.content_id

        def save(connection: Connection) -> PromptVersion:
            present = _find(connection, name, id=version_id)
            if present is not None:
                return version_of(connection, present)
            newest = _find(connection, name)
            highest = newest.number if newest is not None else 0
            if based_on is not None and based_on != highest:
                raise _outdated(name, newest, based_on)
            version = PromptVersion(
                id=version_id,
                name=name,
                number=highest + 1,
                template=template,
                note=note,
                author=author,
                created_at=datetime.now(UTC),
            )
            older = prompt_versions.c.name == name, prompt_versions.c.newest
            connection.execute(update(prompt_versions).where(*older).values(newest=False))
            connection.execute(
                insert(prompt_versions),
                {
                    "name": name,
                    "number": version.number,
                    "id": version_id,
                    "template": dump_record(template),
                    "folded": fold([message.content for message in template.messages]),
                    "note": note,
                    "author": author,
                    "created_at": version.created_at,
                },
            )
            return version

        return self._database.write_retrying(save)

    def list_prompts(self) -> list[PromptVersion]:
        """The newest version of each prompt, newest first."""
        query = newest_prompts()
        with self._database.read() as connection:
            return [version_of(connection, row) for row in connection.execute(query).all()]

    def list_prompt_versions(self, name: str) -> list[PromptVersion]:
        """Newest first."""
        query = (
            select(prompt_versions)
            .where(prompt_versions.c.name == name)
            .order_by(prompt_versions.c.number.desc())
        )
        with self._database.read() as connection:
            found = [version_of(connection, row) for row in connection.execute(query).all()]
            if not found:
                raise unknown_prompt(connection, name)
            return found

    def get_prompt_version(self, name: str, which: str | int | None = None) -> PromptVersion:
        """``which``: a number, a label or a version id; the newest when None."""
        with self._database.read() as connection:
            row = _find_which(connection, name, which)
            if row is None:
                if which is None or _find_which(connection, name, None) is None:
                    raise unknown_prompt(connection, name)
                labels = connection.scalars(
                    select(prompt_labels.c.label).where(prompt_labels.c.name == name)
                )
                raise UnknownNameError(
                    f"version or label of the prompt {name!r}",
                    str(which),
                    nearest_names(str(which), labels),
                )
            return version_of(connection, row)

    def set_prompt_label(self, name: str, label: str, number: int) -> None:
        """Let ``label`` point to version ``number`` alone."""
        try:
            TypeAdapter(Name).validate_python(label)
        except ValidationError:
            raise EvaluationError(
                f"{label!r} cannot be a label: use letters a to z, digits, '.', '_' and '-', at "
                "most 100, with a letter or digit first."
            ) from None
        if label.isdecimal():
            raise EvaluationError(f"{label!r} cannot be a label: it reads as a version's number.")

        def move(connection: Connection) -> None:
            if _find_number(connection, name, number) is None:
                raise UnknownNameError(f"version of the prompt {name!r}", str(number))
            here = (prompt_labels.c.name == name) & (prompt_labels.c.label == label)
            connection.execute(delete(prompt_labels).where(here))
            connection.execute(
                insert(prompt_labels), {"name": name, "label": label, "number": number}
            )

        self._database.write_retrying(move)


def newest_prompts() -> Select[Any]:
    """The newest version of each prompt, newest first."""
    order = prompt_versions.c.created_at.desc(), prompt_versions.c.name
    return select(prompt_versions).where(prompt_versions.c.newest).order_by(*order)


def _find(connection: Connection, name: str, **columns: str | int) -> Row[Any] | None:
    query = select(prompt_versions).where(prompt_versions.c.name == name)
    for column, value in columns.items():
        query = query.where(prompt_versions.c[column] == value)
    return connection.execute(query.order_by(prompt_versions.c.number.desc()).limit(1)).first()


def _find_number(connection: Connection, name: str, number: int) -> Row[Any] | None:
    # A greater one is an error to PostgreSQL, not merely absent.
    return _find(connection, name, number=number) if 0 < number <= LARGEST_NUMBER else None


def _find_which(connection: Connection, name: str, which: str | int | None) -> Row[Any] | None:
    if which is None:
        return _find(connection, name)
    if isinstance(which, int) or (which.isdecimal() and len(which) < 10):
        return _find_number(connection, name, int(which))
    number = connection.scalar(
        select(prompt_labels.c.number).where(
            (prompt_labels.c.name == name) & (prompt_labels.c.label == which)
        )
    )
    if number is not None:
        return _find(connection, name, number=number)
    return _find(connection, name, id=which)


def version_of(connection: Connection, row: Row[Any]) -> PromptVersion:
    labels = connection.scalars(
        select(prompt_labels.c.label)
        .where((prompt_labels.c.name == row.name) & (prompt_labels.c.number == row.number))
        .order_by(prompt_labels.c.label)
    )
    return PromptVersion(
        id=row.id,
        name=row.name,
        number=row.number,
        template=load_record(PromptTemplate, row.template),
        labels=tuple(labels),
        note=row.note,
        author=row.author,
        created_at=row.created_at,
    )


def _outdated(name: str, newest: Row[Any] | None, based_on: int) -> ConflictError:
    if newest is None:
        return ConflictError(f"Prompt {name!r} is gone: save it under a new name.")
    who = f" by {newest.author}" if newest.author else ""
    known = f"yours is based on version {based_on}" if based_on else "yours was to be a new prompt"
    return ConflictError(
        f"Prompt {name!r} has version {newest.number} by now, saved{who} at "
        f"{newest.created_at:%Y-%m-%d %H:%M} UTC; {known}. Nothing was saved: look at the "
        "difference first."
    )


def unknown_prompt(connection: Connection, name: str) -> UnknownNameError:
    known = connection.scalars(select(prompt_versions.c.name).distinct())
    return unknown_name("prompt", name, known)
