"""Access tokens for the gateway: made, shown once, listed, revoked."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.serving import AccessToken, KeptToken, Scope, TokenLimits
from prompt_app.errors import InputError, PermissionDeniedError
from prompt_app.interfaces import Page, Store
from prompt_app.workbench.auditing import Audit
from prompt_app.workbench.serving.admission import TOKEN_PREFIX, secret_hash

ALLOWED_SCOPES = {
    Role.VIEWER: frozenset(),
    Role.EDITOR: frozenset({Scope.READ, Scope.INVOKE}),
    Role.ADMIN: frozenset(Scope),
}
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class NewToken:
    """The only time that ``secret`` is known."""

    token: AccessToken
    secret: str


@dataclass(frozen=True, slots=True)
class TokenChanges:
    """What a token can be given anew. Its owner and scopes stay: they are another token's."""

    name: str
    limits: TokenLimits
    models: tuple[str, ...]
    expires_at: datetime | None


class AccessTokens:
    """Editors make tokens for themselves, admins for everybody."""

    def __init__(self, store: Store, actor: Person) -> None:
        self._store = store
        self._actor = actor

    def create(
        self,
        name: str,
        *,
        scopes: Sequence[Scope] | None = None,
        limits: TokenLimits | None = None,
        models: Sequence[str] = (),
        days: float | None = None,
        owner: Person | None = None,
        project: str | None = None,
    ) -> NewToken:
        """A token that expires after ``days`` (never, when None) and reaches what its owner sees,
        with ``project`` (name or id) of that one's things alone. Raises InputError, and
        PermissionDeniedError for a scope or an owner that the actor's role does not allow."""
        self._actor.require(Role.EDITOR, "make access tokens")
        name = _checked_name(name)
        if days is not None and not 0 < days <= 36500:
            raise InputError("A token expires after more than 0 and at most 36500 days.")
        allowed = ALLOWED_SCOPES[self._actor.role]
        chosen = tuple(scopes) if scopes is not None else tuple(sorted(allowed - {Scope.ADMIN}))
        self._check(owner, chosen)
        whose, now = owner or self._actor, datetime.now(UTC)
        token_id = secrets.token_hex(6)
        secret = _new_secret(token_id)
        token = AccessToken(
            id=token_id,
            name=name,
            owner=whose.id,
            owner_name=whose.name,
            owner_email=whose.email.lower() if whose.email_verified else "",
            sees_everything=whose.id == self._actor.id and self._actor.may(Role.ADMIN),
            project=None if project is None else self._store.get_project(project).id,
            scopes=chosen,
            limits=limits or TokenLimits(),
            models=tuple(models),
            created_at=now,
            created_by=self._actor.id,
            expires_at=None if days is None else now + timedelta(days=days),
        )
        self._store.save_token(KeptToken(token, secret_hash(secret)))
        details = f"{name}; scopes {', '.join(chosen)}"
        Audit(self._store, self._actor).note("token.create", token_id, details)
        return NewToken(token, secret)

    def _check(self, owner: Person | None, scopes: Sequence[Scope]) -> None:
        role = self._actor.role
        if owner is not None and owner.id != self._actor.id:
            self._actor.require(Role.ADMIN, "make access tokens for others")
        if not scopes:
            raise InputError("A token needs at least one scope: read, invoke or admin.")
        for scope in scopes:
            if scope not in ALLOWED_SCOPES[role]:
                raise PermissionDeniedError(f"A token of the scope '{scope}' is not for {role}s.")

    def page(
        self, *, everyone: bool = False, offset: int = 0, limit: int | None = 50
    ) -> Page[AccessToken]:
        """The actor's own, newest first; with ``everyone`` all, for admins. Without a ``limit``
        they come whole."""
        if everyone:
            self._actor.require(Role.ADMIN, "see the access tokens of others")
        owner = None if everyone else self._actor.id
        return self._store.list_tokens(owner, offset=offset, limit=limit)

    def get(self, token_id: str) -> AccessToken:
        """Raises UnknownNameError, and PermissionDeniedError for another's where the actor is no
        admin."""
        return self._own(token_id, "see")

    def usable(self) -> list[AccessToken]:
        """All that may be presented now."""
        return [kept.token for kept in self._store.usable_tokens(datetime.now(UTC))]

    def edit(self, token_id: str, changes: TokenChanges) -> AccessToken:
        """Give a token another name, limits, models or end; it holds for the next call. What an
        admin has set for somebody else they cannot change themselves. Raises InputError,
        UnknownNameError, PermissionDeniedError, or ConflictError for a revoked one."""
        token = self._own(token_id, "change")
        expires = changes.expires_at
        if expires is not None and expires != token.expires_at and expires <= datetime.now(UTC):
            raise InputError("A token's end lies in the future; to end it now revoke it.")
        terms = {"limits": changes.limits, "models": changes.models, "expires_at": expires}
        changed = token.model_copy(update={"name": _checked_name(changes.name), **terms})
        if any(getattr(token, name) != value for name, value in terms.items()):
            self._check_terms(token)
            changed = changed.model_copy(update={"terms_by": self._actor.id})
        self._store.change_token(changed)
        details = changed.model_dump_json(include={"name", "limits", "models", "expires_at"})
        Audit(self._store, self._actor).note("token.edit", token_id, details)
        return changed

    def _check_terms(self, token: AccessToken) -> None:
        """What an admin set for somebody is not theirs to lift."""
        self._actor.require(Role.EDITOR, "change what an access token may do")
        if (token.terms_by or token.created_by) not in ("", self._actor.id):
            self._actor.require(
                Role.ADMIN, "change the limits, models or end that an admin gave this access token"
            )

    def rotate(self, token_id: str) -> NewToken:
        """A new secret in the place of the old one, which is refused from now on; everything
        else stays. Raises as :meth:`edit`."""
        token = self._own(token_id, "rotate")
        secret = _new_secret(token_id)
        self._store.change_token(token, secret_hash(secret))
        Audit(self._store, self._actor).note("token.rotate", token_id, token.name)
        return NewToken(token, secret)

    def revoke(self, token_id: str) -> AccessToken:
        """From now on it is refused. Raises UnknownNameError or PermissionDeniedError."""
        token = self._own(token_id, "revoke")
        revoked = self._store.revoke_token(token_id, datetime.now(UTC))
        Audit(self._store, self._actor).note("token.revoke", token_id, token.name)
        return revoked

    def _own(self, token_id: str, verb: str) -> AccessToken:
        token = self._store.get_token(token_id)
        if token.owner != self._actor.id:
            self._actor.require(Role.ADMIN, f"{verb} the access tokens of others")
        return token


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME:
        raise InputError(f"A token needs a name of at most {LONGEST_NAME} characters.")
    return name


def _new_secret(token_id: str) -> str:
    return f"{TOKEN_PREFIX}{token_id}-{secrets.token_urlsafe(32)}"
