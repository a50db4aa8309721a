"""Projects: named groups of people, and the things that only they see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.base import Record
from prompt_app.datamodel.names import Name


class ProjectRole(StrEnum):
    """Each may do what the ones before it may, as far as their role in the studio allows."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OWNER = "owner"
    """Also changes who the members are."""

    def includes(self, other: ProjectRole) -> bool:
        order = list(ProjectRole)
        return order.index(self) >= order.index(other)


class Project(Record):
    """``id`` never changes; the name may."""

    id: str
    name: Name
    note: str = ""
    created_by: str = ""
    created_at: datetime | None = None
    archived_at: datetime | None = None
    """Since then what belongs to it can be read, and not changed."""


class ProjectMember(Record):
    """``member`` is a person's id, or an e-mail address in lower case that the login verified."""

    member: str
    role: ProjectRole = ProjectRole.VIEWER
    added_at: datetime | None = None


ItemKind = Literal[
    "dataset",
    "prompt",
    "evaluation",
    "rubric test",
    "pipeline",
    "assistant",
    "alias",
    "preset",
    "endpoint",
    "fine-tuning job",
]
"""What can belong to a project. Runs, label queues and labels belong to their evaluation's,
versions, labels and calls to that of the thing that they are of."""


@dataclass(frozen=True, slots=True)
class ProjectItem:
    """A thing that belongs to a project. ``name`` is what the thing is known by: an evaluation's,
    a test's or a job's id, the name of everything else."""

    kind: ItemKind
    name: str


@dataclass(frozen=True, slots=True)
class Reach:
    """What someone sees: the things that belong to no project, and those of some projects."""

    members: tuple[str, ...] | None = None
    """What the person may be called in a list of members; None sees every project."""
    project: str | None = None
    """Id of the only project that is seen; what is made belongs to it."""

    def within(self, project: str | None) -> Reach:
        """The same person in that project alone; None: in all of theirs."""
        return replace(self, project=project)


EVERYTHING = Reach()
"""Of workers, admins, and whoever sits at this machine where no login is configured."""


def reach_of(person: Person) -> Reach:
    """An admin sees everything. An address that the login did not verify could be anyone's."""
    return EVERYTHING if person.may(Role.ADMIN) else Reach(names_of(person))


def names_of(person: Person) -> tuple[str, ...]:
    """What ``person`` may be called in a list of members."""
    verified = person.email.lower() if person.email and person.email_verified else ""
    return tuple(dict.fromkeys(name for name in (person.id, verified) if name))
