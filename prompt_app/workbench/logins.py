"""Who a login's claims are about, and which role their groups give them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from prompt_app.datamodel.access import Person, Role
from prompt_app.errors import InputError, LoginRequiredError, PermissionDeniedError
from prompt_app.interfaces import Store
from prompt_app.settings import Settings


class Logins:
    """``Workbench.logins``."""

    def __init__(self, settings: Settings, store: Store, actor: Person) -> None:
        self._settings = settings
        self._store = store
        self._actor = actor

    def person(self, claims: Mapping[str, Any], *, now: float) -> Person:
        """As :func:`person_of`, but nobody where the login was ended, and with the role that was
        given to the address here where that is higher."""
        granted = None
        if claims.get("email") and _is_verified(claims):
            granted = self._store.granted_role(str(claims["email"]))
        person = person_of(claims, self._settings, now=now, granted=granted)
        if self._store.login_ended(login_of(claims)):
            raise LoginRequiredError("You have logged out. Log in again to go on.")
        return person

    def end(self, claims: Mapping[str, Any]) -> None:
        """Refuse this login from now on, in every window and on every replica."""
        expires = claims.get("exp")
        if claims.get("sub") and isinstance(expires, int | float):
            self._store.end_login(login_of(claims), datetime.fromtimestamp(expires, UTC))

    def make_admin(self, email: str) -> None:
        """Whoever logs in with this address, verified by the provider, is an admin."""
        self._actor.require(Role.ADMIN, "make others admins")
        if "@" not in email.strip(" @"):
            raise InputError(f"{email!r} is no e-mail address.")
        self._store.grant_role(email.strip(), Role.ADMIN)


def login_of(claims: Mapping[str, Any]) -> str:
    """What tells one login from another of the same person."""
    parts = [claims.get(name) for name in ("sub", "iat", "exp", "nonce", "sid")]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def person_of(
    claims: Mapping[str, Any], settings: Settings, *, now: float, granted: Role | None = None
) -> Person:
    """The person whom the verified claims of an ID token name. ``now`` is Unix time in seconds.

    Raises LoginRequiredError where there are none or the token has expired, and
    PermissionDeniedError for someone whom the login knows and no role fits.
    """
    identity = claims.get("sub")
    if not identity:
        raise LoginRequiredError("Log in to go on.")
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or expires <= now:
        raise LoginRequiredError("Your login has ended. Log in again to go on.")
    email = str(claims.get("email") or "")
    names = (claims.get(claim) for claim in ("name", "preferred_username"))
    name = next((str(each) for each in names if each), email or str(identity))
    role = role_of(groups_of(claims, settings.oidc_groups_claim), settings)
    if granted is not None and (role is None or granted.includes(role)):
        role = granted
    if role is None:
        raise PermissionDeniedError(
            f"You are logged in as {email or name}, and none of your groups gives you a role here. "
            "Ask whoever manages the logins."
        )
    verified = _is_verified(claims)
    return Person(id=str(identity), name=name, email=email, email_verified=verified, role=role)


def _is_verified(claims: Mapping[str, Any]) -> bool:
    return claims.get("email_verified") in (True, "true")


def groups_of(claims: Mapping[str, Any], claim: str) -> tuple[str, ...]:
    """The groups in ``claim``: a list, one name, or several parted by commas. A claim that is
    not there by its full name is looked for as a dotted path into nested claims."""
    value: Any = claims.get(claim)
    if value is None:
        value = claims
        for part in claim.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(str(group) for group in value) if isinstance(value, list | tuple) else ()


def role_of(groups: tuple[str, ...], settings: Settings) -> Role | None:
    """The highest role of ``groups``, else the default one."""
    found = {settings.oidc_roles[group] for group in groups if group in settings.oidc_roles}
    if settings.oidc_default_role is not None:
        found.add(settings.oidc_default_role)
    return max((Role(name) for name in found), key=list(Role).index, default=None)
