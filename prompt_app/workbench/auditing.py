"""Who changed what."""

from __future__ import annotations

from datetime import UTC, datetime

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.serving import AuditEntry
from prompt_app.interfaces import Page, Store


class Audit:
    """The log of changes."""

    def __init__(self, store: Store, actor: Person) -> None:
        self._store = store
        self._actor = actor

    def note(self, action: str, target: str, details: str = "") -> None:
        """The actor did ``action`` (e.g. ``token.create``) to ``target``."""
        actor = self._actor
        entry = AuditEntry(datetime.now(UTC), actor.id, actor.name, action, target, details)
        self._store.write_audit(entry)

    def entries(self, *, offset: int = 0, limit: int = 50) -> Page[AuditEntry]:
        """Newest first, for admins. Raises PermissionDeniedError."""
        self._actor.require(Role.ADMIN, "read who changed what")
        return self._store.list_audit(offset=offset, limit=limit)
