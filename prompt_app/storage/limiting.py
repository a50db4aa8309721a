"""What each statement is allowed to touch, in the one place that all of them pass.

A database in the hands of a person (:meth:`Database.reaching`) has its statements rewritten
before they are compiled: every table in them that :data:`GUARDS` knows gets the condition that
its rows belong to no project, or to one that the person sees. What a method of the store forgets
is therefore not seen either. Only text that is given to the driver as it is passes by: bulk
inserts of rows that no person writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Select, event, insert, select
from sqlalchemy.sql import visitors
from sqlalchemy.sql.dml import Delete, Insert, Update

from prompt_app.datamodel.project import ProjectRole, Reach
from prompt_app.errors import NameTakenError, PermissionDeniedError
from prompt_app.storage.guards import GUARDS, Guard, criteria, seen_projects
from prompt_app.storage.project_tables import project_items, project_members, projects

REACH = "prompt_app_reach"
_FREE: dict[str, Any] = {REACH: None}


def limiting(engine: Engine) -> Engine:
    """The same connections; those with the option :data:`REACH` see no more than that."""
    limited = engine.execution_options()
    event.listen(limited, "before_execute", _before_execute, retval=True)
    return limited


def _before_execute(
    connection: Connection,
    statement: Any,
    many: Sequence[Mapping[str, Any]],
    one: Mapping[str, Any],
    options: Mapping[str, Any],
) -> tuple[Any, Any, Any]:
    reach: Reach | None = options.get(REACH)
    if reach is not None:
        if isinstance(statement, Insert):
            _check_insert(connection, statement, many or [one], reach)
        elif isinstance(statement, Update | Delete):
            _check_change(connection, statement, reach)
        if not isinstance(statement, Insert) or statement.select is not None:
            statement = limited_to(statement, reach)
    return statement, many, one


def limited_to(statement: Any, reach: Reach) -> Any:
    """``statement`` and every query inside it, over nothing that ``reach`` does not see."""

    def limit(query: Any) -> None:
        for source in query.get_final_froms():
            query._where_criteria += tuple(criteria(source, reach))
        query._reset_memoizations()

    limited = visitors.cloned_traverse(statement, {}, {"select": limit})
    if isinstance(limited, Update | Delete):
        limited = limited.where(*criteria(limited.table, reach))
    return limited


def _check_insert(
    connection: Connection, statement: Insert, rows: Sequence[Mapping[str, Any]], reach: Reach
) -> None:
    """Raises NameTakenError or PermissionDeniedError; marks a new thing as the project's."""
    if statement.table is project_items:
        for row in rows:
            _require_change(connection, row["project"], reach, row["name"])
        return
    guards = GUARDS.get(statement.table, ())  # type: ignore[call-overload]
    own = statement.compile().params if guards else {}
    for guard in guards:
        for key in {{**own, **row}.get(guard.column) for row in rows}:
            if key is None or key == "":
                continue
            project = _project_of(connection, guard, key)
            if project is not None and guard.by_readers:
                _require_sight(connection, project, reach, key)
            elif project is not None:
                _require_change(connection, project, reach, key)
            elif reach.project is not None and guard.makes:
                _make(connection, statement.table, guard, key, reach)


def _check_change(connection: Connection, statement: Update | Delete, reach: Reach) -> None:
    """Raises PermissionDeniedError where a row would change that may only be read."""
    table = statement.table
    if table is project_items:
        left = select(project_items.c.project).where(*statement._where_criteria).distinct()
        for project in _free(connection, left):
            _require_change(connection, project, reach, "")
    for guard in GUARDS.get(table, ()):  # type: ignore[call-overload]
        if guard.by_readers:
            continue
        concerned = (
            guard.items(table.c[guard.column])
            .with_only_columns(project_items.c.project)
            .where(
                *statement._where_criteria,
                project_items.c.project.in_(seen_projects(reach)),
            )
            .distinct()
        )
        for project in _free(connection, concerned):
            _require_change(connection, project, reach, "")


def _make(connection: Connection, table: Any, guard: Guard, key: Any, reach: Reach) -> None:
    """A name that the table has not got yet is a new thing of the reach's project."""
    there = select(table.c[guard.column]).where(table.c[guard.column] == key).limit(1)
    if _free(connection, there):
        return
    assert reach.project is not None
    _require_change(connection, reach.project, reach, key)
    row = {"kind": guard.kind, "name": key, "project": reach.project}
    connection.execute(insert(project_items), row)


def _require_sight(connection: Connection, project: str, reach: Reach, key: Any) -> None:
    """Raises NameTakenError for a project that is not seen."""
    if project not in _free(connection, seen_projects(reach)):
        raise NameTakenError(f"The name {key!r} is taken. Choose another one.")


def _require_change(connection: Connection, project: str, reach: Reach, key: Any) -> None:
    """Raises NameTakenError for a project that is not seen, and PermissionDeniedError for one
    in which the person may only read."""
    _require_sight(connection, project, reach, key)
    found = connection.execute(
        select(projects).where(projects.c.id == project), execution_options=_FREE
    ).one()
    if found.archived_at is not None:
        raise PermissionDeniedError(
            f"The project {found.name!r} is archived: what belongs to it can only be read."
        )
    if reach.members is None:
        return
    roles = select(project_members.c.role).where(
        project_members.c.project == project, project_members.c.member.in_(reach.members)
    )
    if not any(ProjectRole(role).includes(ProjectRole.EDITOR) for role in _free(connection, roles)):
        raise PermissionDeniedError(
            f"You may only read what belongs to the project {found.name!r}. Its owners can change "
            "that."
        )


def _project_of(connection: Connection, guard: Guard, key: Any) -> str | None:
    query = guard.items(key).with_only_columns(project_items.c.project)
    return next(iter(_free(connection, query)), None)


def _free(connection: Connection, query: Select[Any]) -> list[Any]:
    """The first column, of everything there is."""
    return list(connection.execute(query, execution_options=_FREE).scalars())
