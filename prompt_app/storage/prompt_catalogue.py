"""Prompts as pages list them: found by text, with the runs that used them."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, func, or_, select

from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.prompt import PromptVersion
from prompt_app.errors import UnknownNameError
from prompt_app.interfaces import Page
from prompt_app.storage.part import StorePart
from prompt_app.storage.prompts import newest_prompts, unknown_prompt, version_of
from prompt_app.storage.runs import run_of
from prompt_app.storage.tables import prompt_labels, prompt_versions, runs


class PromptCatalogue(StorePart):
    """The part of the store that pages through prompts."""

    def search_prompts(
        self, text: str = "", *, offset: int = 0, limit: int = 50
    ) -> Page[PromptVersion]:
        """The newest version of each prompt whose name, labels, note or messages have ``text``
        in them; newest first."""
        query = newest_prompts()
        if text:
            labelled = select(prompt_labels.c.name).where(
                prompt_labels.c.label.icontains(text, autoescape=True)
            )
            query = query.where(
                or_(
                    prompt_versions.c.name.icontains(text, autoescape=True),
                    prompt_versions.c.note.icontains(text, autoescape=True),
                    prompt_versions.c.folded.contains(text.casefold(), autoescape=True),
                    prompt_versions.c.name.in_(labelled),
                )
            )
        with self._database.read() as connection:
            keys = query.with_only_columns(prompt_versions.c.name)
            total = connection.scalar(keys.order_by(None).with_only_columns(func.count()))
            page = connection.scalars(keys.offset(offset).limit(limit)).all()
            of_page = newest_prompts().where(prompt_versions.c.name.in_(page))
            rows = connection.execute(of_page).all()
            items = tuple(version_of(connection, row) for row in rows)
            return Page(items, int(total or 0), offset)

    def page_prompt_versions(
        self, name: str, *, offset: int = 0, limit: int = 50
    ) -> Page[PromptVersion]:
        """Newest first."""
        here = prompt_versions.c.name == name
        with self._database.read() as connection:
            total = connection.scalar(select(func.count()).where(here))
            if not total:
                raise unknown_prompt(connection, name)
            query = select(prompt_versions).where(here).order_by(prompt_versions.c.number.desc())
            rows = connection.execute(query.offset(offset).limit(limit)).all()
            return Page(tuple(version_of(connection, row) for row in rows), int(total), offset)

    def prompt_labels(self, name: str) -> dict[str, int]:
        """Label -> the version's number that it points to, by label."""
        query = select(prompt_labels.c.label, prompt_labels.c.number)
        with self._database.read() as connection:
            rows = connection.execute(
                query.where(prompt_labels.c.name == name).order_by(prompt_labels.c.label)
            )
            return {row.label: row.number for row in rows}

    def remove_prompt_label(self, name: str, label: str) -> None:
        here = (prompt_labels.c.name == name) & (prompt_labels.c.label == label)
        with self._database.write() as connection:
            if connection.execute(delete(prompt_labels).where(here)).rowcount == 0:
                raise UnknownNameError(f"label of the prompt {name!r}", label)

    def list_prompt_runs(
        self, name: str, *, version_id: str | None = None, offset: int = 0, limit: int = 50
    ) -> Page[Run]:
        """Runs that used the prompt, or one version of it; newest first."""
        conditions: list[ColumnElement[bool]] = [runs.c.prompt_name == name]
        if version_id is not None:
            conditions.append(runs.c.prompt_version == version_id)
        with self._database.read() as connection:
            total = connection.scalar(select(func.count()).select_from(runs).where(*conditions))
            query = select(runs).where(*conditions).order_by(runs.c.number.desc())
            rows = connection.execute(query.offset(offset).limit(limit))
            return Page(tuple(run_of(row) for row in rows), int(total or 0), offset)

    def count_prompt_runs(self, name: str) -> dict[str, int]:
        """Version id -> how many runs used it."""
        query = (
            select(runs.c.prompt_version, func.count().label("uses"))
            .where(runs.c.prompt_name == name)
            .group_by(runs.c.prompt_version)
        )
        with self._database.read() as connection:
            return {row.prompt_version: row.uses for row in connection.execute(query)}
