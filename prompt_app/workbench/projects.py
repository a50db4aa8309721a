"""Projects: who is in them, and what belongs to them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.names import require_name
from prompt_app.datamodel.project import (
    ItemKind,
    Project,
    ProjectItem,
    ProjectMember,
    ProjectRole,
    names_of,
)
from prompt_app.errors import InputError, PermissionDeniedError, UnknownNameError
from prompt_app.interfaces import Page, Store
from prompt_app.workbench.auditing import Audit

MOST_MEMBER_CHARACTERS = 320


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move did. Evaluations of other projects stay there."""

    evaluations: int = 0
    stayed: int = 0


class Projects:
    """Editors make projects, their owners and admins manage them. A person knows those that they
    are a member of, an admin all."""

    def __init__(self, store: Store, actor: Person) -> None:
        # Managing is about all of a person's projects, whichever is being looked at.
        self._store = store.reaching(store.reach.within(None))
        self._actor = actor
        self._audit = Audit(store, actor)

    def all(self, *, archived: bool | None = False) -> list[Project]:
        """By name; with ``archived`` only those, with None all."""
        return [
            project
            for project in self._store.list_projects()
            if archived is None or archived == (project.archived_at is not None)
        ]

    def page(self, *, offset: int = 0, limit: int = 20) -> Page[Project]:
        """By name, the archived ones too."""
        return self._store.page_projects(offset=offset, limit=limit)

    def get(self, which: str) -> Project:
        """By name or id. Raises UnknownNameError."""
        return self._store.get_project(which)

    def create(self, name: str, note: str = "") -> Project:
        """Its maker is its first owner. Raises NameTakenError or InputError."""
        self._actor.require(Role.EDITOR, "make projects")
        project = Project(
            id=f"p{secrets.token_hex(6)}",
            name=require_name(name, "a project"),
            note=note.strip(),
            created_by=self._actor.name,
        )
        owner = ProjectMember(member=names_of(self._actor)[-1], role=ProjectRole.OWNER)
        made = self._store.create_project(project, [owner])
        self._audit.note("project.create", made.name)
        return made

    def rename(self, which: str, name: str) -> Project:
        """What belongs to it stays where it is. Raises NameTakenError or InputError."""
        project = self._managed(which, "rename it")
        renamed = project.model_copy(update={"name": require_name(name, "a project")})
        self._store.save_project(renamed)
        self._audit.note("project.rename", project.name, renamed.name)
        return renamed

    def archive(self, which: str) -> Project:
        """From now on what belongs to it can only be read."""
        project = self._managed(which, "archive it")
        archived = project.model_copy(update={"archived_at": datetime.now(UTC)})
        self._audit.note("project.archive", project.name)
        return self._store.save_project(archived)

    def restore(self, which: str) -> Project:
        """Undo :meth:`archive`."""
        project = self._managed(which, "restore it")
        self._audit.note("project.restore", project.name)
        return self._store.save_project(project.model_copy(update={"archived_at": None}))

    # members

    def members(self, which: str) -> list[ProjectMember]:
        """By name."""
        return self._store.list_project_members(self.get(which).id)

    def set_member(self, which: str, member: str, role: ProjectRole | str) -> ProjectMember:
        """Add someone or change the role. ``member`` is an e-mail address that the login
        verifies, or the id that the login gives the person. Raises InputError."""
        project = self._managed(which, "change its members")
        given = member.strip()
        given = given.lower() if "@" in given else given
        if not given or len(given) > MOST_MEMBER_CHARACTERS:
            raise InputError("Name the member by e-mail address, or by the id of the login.")
        try:
            added = ProjectMember(member=given, role=ProjectRole(role))
        except ValueError:
            raise InputError(
                f"{role!r} is no role in a project: there are {', '.join(ProjectRole)}."
            ) from None
        self._store.save_project_member(project.id, added)
        self._audit.note("project.member", project.name, f"{added.member}: {added.role}")
        return added

    def remove_member(self, which: str, member: str) -> None:
        """They see nothing of it any more, at once. Raises UnknownNameError."""
        project = self._managed(which, "change its members")
        self._store.remove_project_member(project.id, member)
        self._audit.note("project.leave", project.name, member)

    def may_manage(self, project: Project) -> bool:
        """Whether the actor may change its name and members."""
        if not self._actor.may(Role.EDITOR):
            return False
        return self._actor.may(Role.ADMIN) or self.role_in(project) is ProjectRole.OWNER

    def role_in(self, project: Project) -> ProjectRole | None:
        """The actor's; None for an admin who is no member."""
        names = names_of(self._actor)
        held = [
            each.role
            for each in self._store.list_project_members(project.id)
            if each.member in names
        ]
        return max(held, key=[*ProjectRole].index, default=None)

    # what belongs to it

    def items(
        self, which: str, *, kind: ItemKind | None = None, offset: int = 0, limit: int = 50
    ) -> Page[ProjectItem]:
        """By kind and name."""
        project = self.get(which)
        return self._store.list_project_items(project.id, kind=kind, offset=offset, limit=limit)

    def of(self, kind: ItemKind, names: Sequence[str]) -> dict[str, str]:
        """Name of a thing -> name of its project, for those that belong to one."""
        return self._store.projects_of(kind, names) if names else {}

    def move(
        self, kind: ItemKind, name: str, project: str | None, *, with_runs: bool = True
    ) -> Moved:
        """Let a thing belong to ``project``, or to everyone (None). The evaluations over a
        dataset or a prompt go along, except those of other projects.

        Raises UnknownNameError, and PermissionDeniedError where the actor may only read in one of
        the two projects.
        """
        self._actor.require(Role.EDITOR, "move things between projects")
        item = ProjectItem(kind, self._evaluation(name) if kind == "evaluation" else name)
        if not self._store.item_exists(item):
            raise UnknownNameError(kind, name)
        target = None if project is None else self.get(project)
        if target is not None and target.archived_at is not None:
            raise PermissionDeniedError(f"The project {target.name!r} is archived.")
        left = self._store.projects_of(kind, [item.name]).get(item.name)
        over = self._store.evaluations_over(item) if with_runs else []
        homes = self._store.projects_of("evaluation", over)
        along = [each for each in over if homes.get(each) in (None, left)]
        moving = [item, *(ProjectItem("evaluation", each) for each in along)]
        self._store.move_items(moving, None if target is None else target.id)
        where = "everyone" if target is None else target.name
        self._audit.note("project.move", where, f"{kind} {item.name}; {len(along)} evaluations")
        return Moved(evaluations=len(along), stayed=len(over) - len(along))

    def _evaluation(self, name: str) -> str:
        """An evaluation's id, also by that of one of its runs."""
        if self._store.item_exists(ProjectItem("evaluation", name)):
            return name
        return self._store.get_run(name).evaluation_id

    def _managed(self, which: str, to: str) -> Project:
        project = self.get(which)
        if not self.may_manage(project):
            raise PermissionDeniedError(
                f"Only the owners of the project {project.name!r} and admins may {to}."
            )
        return project
