"""The part of the store that keeps projects, their members, and what belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from prompt_app.datamodel.project import (
    ItemKind,
    Project,
    ProjectItem,
    ProjectMember,
    Reach,
)
from prompt_app.interfaces.rows import Page

if TYPE_CHECKING:
    from prompt_app.interfaces import Store


class ProjectStore(Protocol):
    """A store that reaches some projects only knows no others here either."""

    def create_project(self, project: Project, owners: Sequence[ProjectMember]) -> Project:
        """Raises NameTakenError for a name that another one has."""
        ...

    def list_projects(self) -> list[Project]:
        """By name, the archived ones too."""
        ...

    def page_projects(self, *, offset: int = 0, limit: int = 20) -> Page[Project]:
        """As :meth:`list_projects`, some at a time."""
        ...

    def get_project(self, which: str) -> Project:
        """By name or id."""
        ...

    def save_project(self, project: Project) -> Project:
        """Its name, note and time of archiving as they are now. Raises NameTakenError."""
        ...

    def list_project_members(self, project_id: str) -> list[ProjectMember]:
        """By name."""
        ...

    def save_project_member(self, project_id: str, member: ProjectMember) -> None:
        """Add someone, or change the role. Raises EvaluationError where no owner would be left."""
        ...

    def remove_project_member(self, project_id: str, member: str) -> None:
        """Raises UnknownNameError, and EvaluationError where no owner would be left."""
        ...

    def projects_of(self, kind: ItemKind, names: Sequence[str]) -> dict[str, str]:
        """Name of a thing -> name of its project, for those that belong to one."""
        ...

    def item_projects(self, items: Sequence[ProjectItem]) -> dict[str, str]:
        """Id -> name of the projects that ``items`` belong to."""
        ...

    def list_project_items(
        self, project_id: str, *, kind: ItemKind | None = None, offset: int = 0, limit: int = 50
    ) -> Page[ProjectItem]:
        """By kind and name."""
        ...

    def item_exists(self, item: ProjectItem) -> bool:
        """Whether there is such a thing."""
        ...

    def move_items(self, items: Sequence[ProjectItem], project_id: str | None) -> None:
        """Let them belong to the project, or to everyone (None). Raises PermissionDeniedError
        where the person may only read in the project that they leave or come to."""
        ...

    def evaluations_over(self, item: ProjectItem) -> list[str]:
        """Ids of the evaluations with a run that used the dataset or prompt."""
        ...

    @property
    def reach(self) -> Reach:
        """What is seen through this store."""
        ...

    def reaching(self, reach: Reach) -> Store:
        """The same store for someone who sees no more than ``reach``: what belongs to another
        project is not there, whatever is asked. A name that is taken by such a thing raises
        NameTakenError, a change that the person's role in a project does not allow
        PermissionDeniedError."""
        ...

    def beside(self, *items: ProjectItem) -> Store:
        """The same store for what is made of ``items``: it belongs to their project. Raises
        ConflictError where they belong to several."""
        ...
