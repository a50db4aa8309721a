"""Who does something, and what they may do."""

from __future__ import annotations

from enum import StrEnum

from prompt_app.datamodel.base import Record
from prompt_app.errors import PermissionDeniedError


class Role(StrEnum):
    """Each role may do what the ones before it may."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        order = list(Role)
        return order.index(self) >= order.index(other)


class Person(Record):
    """``id`` is what the login's provider calls the person (its ``sub``), and never changes."""

    id: str
    name: str
    email: str = ""
    email_verified: bool = False
    """The login says that the address is this person's."""
    role: Role = Role.VIEWER

    def may(self, role: Role) -> bool:
        """Whether this person may do what ``role`` may."""
        return self.role.includes(role)

    def require(self, role: Role, to: str) -> None:
        """Raises PermissionDeniedError unless this person may do what ``role`` may;
        ``to`` completes "... may" for the message, e.g. "start evaluations"."""
        if not self.may(role):
            raise PermissionDeniedError(
                f"Only {_PLURAL[role]} may {to}, and you are {_SINGULAR[self.role]}. "
                "Whoever manages the logins can change that."
            )


_SINGULAR = {Role.VIEWER: "a viewer", Role.EDITOR: "an editor", Role.ADMIN: "an admin"}
_PLURAL = {Role.VIEWER: "viewers", Role.EDITOR: "editors and admins", Role.ADMIN: "admins"}

LOCAL_PERSON = Person(id="local", name="You", role=Role.ADMIN)
"""Whoever sits at this machine, where no login is configured."""
