"""Projects, their members, and what belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from prompt_app.datamodel.project import (
    EVERYTHING,
    ItemKind,
    Project,
    ProjectItem,
    ProjectMember,
    ProjectRole,
)
from prompt_app.errors import EvaluationError, NameTakenError, UnknownNameError
from prompt_app.interfaces.rows import Page
from prompt_app.registry import nearest_names
from prompt_app.storage.access_tokens import changed_here, count_change
from prompt_app.storage.database import in_chunks
from prompt_app.storage.part import StorePart
from prompt_app.storage.project_tables import project_items, project_members, projects
from prompt_app.storage.tables import dataset_versions, runs


class Projects(StorePart):
    """The part of the store behind :class:`prompt_app.interfaces.projects.ProjectStore`."""

    def create_project(self, project: Project, owners: Sequence[ProjectMember]) -> Project:
        """Raises NameTakenError for a name that another one has."""
        made = project.model_copy(update={"created_at": datetime.now(UTC)})

        def create(connection: Connection) -> None:
            _refuse_taken(connection, made)
            connection.execute(insert(projects), made.model_dump())
            for owner in owners:
                connection.execute(insert(project_members), _member_row(made.id, owner))
            count_change(connection)

        self._database.reaching(EVERYTHING).write_retrying(create)
        changed_here()
        return made

    def list_projects(self) -> list[Project]:
        """By name, the archived ones too."""
        with self._database.read() as connection:
            rows = connection.execute(select(projects).order_by(projects.c.name))
            return [_project_of(row) for row in rows]

    def page_projects(self, *, offset: int = 0, limit: int = 20) -> Page[Project]:
        """As :meth:`list_projects`, some at a time."""
        query = select(projects).order_by(projects.c.name).offset(offset).limit(limit)
        with self._database.read() as connection:
            total = int(connection.scalar(select(func.count()).select_from(projects)) or 0)
            return Page(tuple(map(_project_of, connection.execute(query))), total, offset)

    def get_project(self, which: str) -> Project:
        """By name or id."""
        with self._database.read() as connection:
            return _project_of(_find(connection, which))

    def save_project(self, project: Project) -> Project:
        """Its name, note and time of archiving as they are now. Raises NameTakenError."""

        def save(connection: Connection) -> Project:
            _refuse_taken(connection, project)
            changed = project.model_dump(include={"name", "note", "archived_at"})
            here = update(projects).where(projects.c.id == project.id)
            connection.execute(here.values(changed))
            return project

        return self._database.reaching(EVERYTHING).write_retrying(save)

    def list_project_members(self, project_id: str) -> list[ProjectMember]:
        """By name."""
        query = select(project_members).where(project_members.c.project == project_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(project_members.c.member))
            return [
                ProjectMember(member=row.member, role=ProjectRole(row.role), added_at=row.added_at)
                for row in rows
            ]

    def save_project_member(self, project_id: str, member: ProjectMember) -> None:
        """Add someone, or change the role. Raises EvaluationError where no owner would be left."""

        def save(connection: Connection) -> None:
            project = _find(connection, project_id)
            connection.execute(_without(project.id, member.member))
            connection.execute(insert(project_members), _member_row(project.id, member))
            _require_owner(connection, project)
            count_change(connection)

        self._database.reaching(EVERYTHING).write_retrying(save)
        changed_here()

    def remove_project_member(self, project_id: str, member: str) -> None:
        """Raises UnknownNameError, and EvaluationError where no owner would be left."""
        with self._database.reaching(EVERYTHING).write() as connection:
            project = _find(connection, project_id)
            if connection.execute(_without(project.id, member)).rowcount == 0:
                raise UnknownNameError(f"member of the project {project.name!r}", member)
            _require_owner(connection, project)
            count_change(connection)
        changed_here()

    def projects_of(self, kind: ItemKind, names: Sequence[str]) -> dict[str, str]:
        """Name of a thing -> name of its project, for those that belong to one."""
        query = select(project_items.c.name, projects.c.name.label("project")).join(
            projects, projects.c.id == project_items.c.project
        )
        found: dict[str, str] = {}
        with self._database.read() as connection:
            for some in in_chunks(list(set(names))):
                mine = query.where(project_items.c.kind == kind, project_items.c.name.in_(some))
                found.update((row.name, row.project) for row in connection.execute(mine))
        return found

    def item_projects(self, items: Sequence[ProjectItem]) -> dict[str, str]:
        """Id -> name of the projects that ``items`` belong to."""
        if not items:
            return {}
        same = [
            (project_items.c.kind == item.kind) & (project_items.c.name == item.name)
            for item in items
        ]
        query = (
            select(projects.c.id, projects.c.name)
            .join(project_items, project_items.c.project == projects.c.id)
            .where(or_(*same))
            .distinct()
        )
        with self._database.read() as connection:
            return {row.id: row.name for row in connection.execute(query)}

    def list_project_items(
        self, project_id: str, *, kind: ItemKind | None = None, offset: int = 0, limit: int = 50
    ) -> Page[ProjectItem]:
        """By kind and name."""
        wanted = [project_items.c.project == project_id]
        if kind is not None:
            wanted.append(project_items.c.kind == kind)
        query = select(project_items).where(*wanted)
        query = query.order_by(project_items.c.kind, project_items.c.name)
        count = select(func.count()).select_from(project_items).where(*wanted)
        with self._database.read() as connection:
            total = int(connection.scalar(count) or 0)
            rows = connection.execute(query.offset(offset).limit(limit))
            return Page(tuple(ProjectItem(row.kind, row.name) for row in rows), total, offset)

    def item_exists(self, item: ProjectItem) -> bool:
        """Whether there is such a thing."""
        from prompt_app.storage.guards import root_of

        column = root_of(item.kind)
        with self._database.read() as connection:
            query = select(column).where(column == item.name).limit(1)
            return connection.execute(query).first() is not None

    def move_items(self, items: Sequence[ProjectItem], project_id: str | None) -> None:
        """Let them belong to the project, or to everyone (None)."""
        with self._database.write() as connection:
            for item in items:
                here = delete(project_items).where(
                    project_items.c.kind == item.kind, project_items.c.name == item.name
                )
                connection.execute(here)
                if project_id is not None:
                    row = {"kind": item.kind, "name": item.name, "project": project_id}
                    connection.execute(insert(project_items), row)
            count_change(connection)
        changed_here()

    def evaluations_over(self, item: ProjectItem) -> list[str]:
        """Ids of the evaluations with a run that used the dataset or prompt."""
        query = select(runs.c.evaluation_id).distinct()
        if item.kind == "dataset":
            version = dataset_versions.c.number_in_store == runs.c.version
            query = query.join(dataset_versions, version).where(
                dataset_versions.c.name == item.name
            )
        elif item.kind == "prompt":
            query = query.where(runs.c.prompt_name == item.name)
        else:
            return []
        with self._database.read() as connection:
            return list(connection.scalars(query))


def _find(connection: Connection, which: str) -> Row[Any]:
    query = select(projects).where(or_(projects.c.id == which, projects.c.name == which))
    row = connection.execute(query).first()
    if row is None:
        known = connection.scalars(select(projects.c.name))
        raise UnknownNameError("project", which, nearest_names(which, known))
    return row


def _refuse_taken(connection: Connection, project: Project) -> None:
    other = select(projects.c.id).where(
        or_(projects.c.name == project.name, projects.c.id == project.name),
        projects.c.id != project.id,
    )
    if connection.execute(other).first() is not None:
        raise NameTakenError(f"The name {project.name!r} is taken. Choose another one.")


def _without(project_id: str, member: str) -> Any:
    return delete(project_members).where(
        project_members.c.project == project_id, project_members.c.member == member
    )


def _require_owner(connection: Connection, project: Row[Any]) -> None:
    owners = select(func.count()).where(
        project_members.c.project == project.id, project_members.c.role == ProjectRole.OWNER
    )
    if not connection.scalar(owners):
        raise EvaluationError(
            f"The project {project.name!r} would be without an owner: make somebody else one first."
        )


def _member_row(project_id: str, member: ProjectMember) -> dict[str, Any]:
    return {
        "project": project_id,
        "member": member.member,
        "role": member.role.value,
        "added_at": member.added_at or datetime.now(UTC),
    }


def _project_of(row: Row[Any]) -> Project:
    return Project(**row._mapping)
