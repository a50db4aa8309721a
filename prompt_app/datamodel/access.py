"""Who does something, and what they may do."""

from __future__ import annotations

from enum import StrEnum

from prompt_app.datamodel.base import Record


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
    role: Role = Role.VIEWER


LOCAL_PERSON = Person(id="local", name="You", role=Role.ADMIN)
"""Whoever sits at this machine, where no login is configured."""
