"""What the store knows of logins beyond what the provider says."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from prompt_app.datamodel.access import Role


class LoginStore(Protocol):
    """Logins that were ended before their time, and roles given here."""

    def end_login(self, login: str, ends_at: datetime) -> None:
        """``login`` is refused from now on; it is kept until ``ends_at``, its own end."""
        ...

    def login_ended(self, login: str) -> bool: ...

    def grant_role(self, email: str, role: Role) -> None:
        """In place of the role that the address was given before."""
        ...

    def granted_role(self, email: str) -> Role | None: ...
