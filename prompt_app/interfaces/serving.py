"""What the store keeps for the gateway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal, Protocol

from prompt_app.datamodel.serving import (
    AccessToken,
    Assistant,
    AuditEntry,
    KeptToken,
    ModelRoute,
    UsageFilter,
    UsageGroup,
    UsageRecord,
    UsageTotals,
)
from prompt_app.interfaces.replies import StoredReply
from prompt_app.interfaces.rows import Page


class ServingStore(Protocol):
    """A part of :class:`prompt_app.interfaces.Store`."""

    @property
    def serving_changes_here(self) -> int:
        """Grows with every change of tokens, aliases and assistants that this process makes."""
        ...

    # tokens
    def save_token(self, kept: KeptToken) -> None: ...

    def change_token(self, token: AccessToken, secret_hash: bytes | None = None) -> None:
        """Replaces the one of that id, and its secret where one is given. A revoked token is not
        changed: raises ConflictError."""
        ...

    def revoke_token(self, token_id: str, at: datetime) -> AccessToken:
        """A token that is revoked already stays as it is."""
        ...

    def get_token(self, token_id: str) -> AccessToken: ...

    def list_tokens(
        self, owner: str | None = None, *, offset: int = 0, limit: int | None = 50
    ) -> Page[AccessToken]:
        """Newest first; without a ``limit`` all of them."""
        ...

    def usable_tokens(self, now: datetime) -> list[KeptToken]:
        """Those that may be presented."""
        ...

    def serving_revision(self) -> int:
        """Grows with every change of tokens, aliases and assistants, whichever process made
        it."""
        ...

    # usage
    def write_usage(self, records: Sequence[UsageRecord], replies: Sequence[StoredReply]) -> None:
        """All of it in one transaction, or nothing. What is there already, by its id, stays."""
        ...

    def surely_no_reply(self, cache_key: str) -> bool:
        """Whether no reply has the key, as far as that can be told without waiting; for a loop
        that must not block."""
        ...

    def spent_by_token(self, since_day: str) -> dict[str, float]:
        """Token id -> US dollars from ``since_day`` (YYYY-MM-DD, UTC) on."""
        ...

    def usage_totals(self, group: UsageGroup, which: UsageFilter) -> list[UsageTotals]:
        """Days in order; anything else by cost, then by calls."""
        ...

    def list_usage(
        self, which: UsageFilter, *, offset: int = 0, limit: int = 50
    ) -> Page[UsageRecord]:
        """Newest first."""
        ...

    def get_usage(self, usage_id: str) -> UsageRecord: ...

    def iterate_usage(self, which: UsageFilter) -> Iterator[UsageRecord]:
        """Oldest first, a page in memory at a time."""
        ...

    def forget_bodies(self, before: datetime) -> int:
        """Remove the kept bodies of older calls; returns their number."""
        ...

    # who changed what
    def write_audit(self, entry: AuditEntry) -> None: ...

    def list_audit(self, *, offset: int = 0, limit: int = 50) -> Page[AuditEntry]:
        """Newest first."""
        ...

    # aliases and assistants
    def save_route(
        self, route: ModelRoute, *, based_on: ModelRoute | Literal["any"] | None = "any"
    ) -> None:
        """Replaces the one of that name. ``based_on``: what the writer knew of it, None for
        nothing; where something else is there, raises ConflictError."""
        ...

    def delete_route(self, name: str) -> None: ...

    def list_routes(self) -> list[ModelRoute]: ...

    def save_assistant(
        self, assistant: Assistant, *, based_on: Assistant | Literal["any"] | None = "any"
    ) -> None:
        """As :meth:`save_route`."""
        ...

    def delete_assistant(self, name: str) -> None: ...

    def list_assistants(self) -> list[Assistant]: ...
