"""Who may call, how often and for how much: a copy of the tokens in memory, and their limits."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from prompt_app.datamodel.access import LOCAL_PERSON
from prompt_app.datamodel.project import EVERYTHING, Reach
from prompt_app.datamodel.serving import AccessToken, KeptToken, Scope, TokenLimits
from prompt_app.errors import LimitReachedError, PermissionDeniedError, UnknownTokenError
from prompt_app.interfaces import Store
from prompt_app.workbench.serving.windows import Window, resized

TOKEN_PREFIX = "sk-prompt-"
"""Looks like the keys that clients expect, and is hidden from logs as those are."""
_WRONG_TOKEN = (
    "This access token is not valid: it is wrong, revoked or expired. Make one on the page "
    "Tokens or with 'prompt-app tokens create'."
)
NO_TOKEN = (
    "An access token is needed: send 'Authorization: Bearer TOKEN'. Make one on the page Tokens "
    "or with 'prompt-app tokens create'."
)


_TOKEN = re.compile(rf"{TOKEN_PREFIX}[\w-]+")


def without_tokens(text: str) -> str:
    """``text``, in which a client may have put its token where it does not belong."""
    return _TOKEN.sub(f"{TOKEN_PREFIX}***", text) if TOKEN_PREFIX in text else text


def secret_hash(secret: str) -> bytes:
    """What is kept of a token. A fast hash is enough for 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


@dataclass(slots=True)
class Caller:
    """Who makes a call; ``token`` is None for a call from this machine without one."""

    person: str
    name: str
    scopes: frozenset[Scope]
    token: AccessToken | None = None
    ledger: Ledger | None = None
    reach: Reach = EVERYTHING

    @property
    def token_id(self) -> str:
        return "" if self.token is None else self.token.id

    def require(self, scope: Scope) -> None:
        """Raises PermissionDeniedError."""
        if scope not in self.scopes:
            raise PermissionDeniedError(
                f"This token lacks the scope '{scope}'; it has "
                f"{', '.join(sorted(self.scopes)) or 'none'}."
            )

    def may_call(self, *names: str) -> bool:
        return self.token is None or self.token.may_call(*names)


LOCAL_CALLER = Caller(LOCAL_PERSON.id, LOCAL_PERSON.name, frozenset(Scope))


class Admission:
    """Verifies tokens without asking the store at each call.

    A change made through the same store object holds at once; another process's change after
    the next :meth:`refresh`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[str, tuple[KeptToken, Caller]] = {}
        self._ledgers: dict[str, Ledger] = {}
        self._seen_here = -1
        self._loading = asyncio.Lock()
        self.counting = asyncio.Lock()
        """Held while what was spent moves from memory to the store, or is read from there."""

    async def identify(self, secret: str) -> Caller:
        """Raises UnknownTokenError."""
        if self._store.serving_changes_here != self._seen_here:
            await self.load()
        token_id = secret[len(TOKEN_PREFIX) :].partition("-")[0]
        found = self._kept.get(token_id)
        given = secret_hash(secret)
        kept = found[0].secret_hash if found is not None else bytes(32)
        if not hmac.compare_digest(given, kept) or found is None:
            raise UnknownTokenError(_WRONG_TOKEN)
        expires = found[0].token.expires_at
        if expires is not None and expires <= datetime.now(UTC):
            raise UnknownTokenError(_WRONG_TOKEN)
        return found[1]

    async def load(self) -> None:
        """Read all tokens and what they have spent."""
        async with self._loading:
            here, now = self._store.serving_changes_here, datetime.now(UTC)
            kept = await asyncio.to_thread(self._store.usable_tokens, now)
            known = {token_id: each.limits for token_id, each in self._ledgers.items()}
            self._kept = {each.token.id: (each, self._caller(each.token)) for each in kept}
            self._ledgers = {
                token_id: ledger
                for token_id, ledger in self._ledgers.items()
                if token_id in self._kept
            }
            if any(known.get(id) != each.limits for id, each in self._ledgers.items()):
                await self.count_spend()
            self._seen_here = here

    async def count_spend(self) -> None:
        """Take what the store says was spent today and this month, by any process."""
        if not any(ledger.limits_spend for ledger in self._ledgers.values()):
            return
        now = datetime.now(UTC)
        day, month = now.strftime("%Y-%m-%d"), now.strftime("%Y-%m-01")
        async with self.counting:
            today = await asyncio.to_thread(self._store.spent_by_token, day)
            this_month = await asyncio.to_thread(self._store.spent_by_token, month)
            for token_id, ledger in self._ledgers.items():
                ledger.spent = (today.get(token_id, 0.0), this_month.get(token_id, 0.0))

    def written(self, spent: dict[str, float]) -> None:
        """So much by each token is in the store now; :attr:`counting` is held."""
        for token_id, usd in spent.items():
            if (ledger := self._ledgers.get(token_id)) is not None:
                ledger.written(usd)

    def _caller(self, token: AccessToken) -> Caller:
        ledger = self._ledgers.get(token.id)
        if ledger is None:
            ledger = self._ledgers[token.id] = Ledger(token.limits)
        elif ledger.limits != token.limits:
            ledger.change(token.limits)
        scopes = frozenset(token.scopes)
        return Caller(token.owner, token.name, scopes, token, ledger, token.reach)


@dataclass(slots=True)
class Reservation:
    """What a call may take, until it is known."""

    usd: float = 0.0
    tokens: list[float] | None = field(default=None)


class Ledger:
    """One token's limits in this process. ``clock`` gives monotonic seconds."""

    def __init__(self, limits: TokenLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.spent = (0.0, 0.0)
        """US dollars of this day and this month that are in the store."""
        self._unwritten = 0.0
        self._reserved = 0.0
        self._clock = clock
        self._requests: Window | None = None
        self._tokens: Window | None = None
        self.change(limits)

    def change(self, limits: TokenLimits) -> None:
        """Other limits from now on; what was used in the last minute counts."""
        self.limits = limits
        self._requests = resized(self._requests, limits.requests_per_minute)
        self._tokens = resized(self._tokens, limits.tokens_per_minute)
        if not self.limits_spend:
            self._unwritten = 0.0

    @property
    def limits_spend(self) -> bool:
        return self.limits.usd_per_day is not None or self.limits.usd_per_month is not None

    @property
    def limits_calls(self) -> bool:
        """Whether a call must be reserved."""
        return self.limits_spend or self._tokens is not None

    def admit(self) -> None:
        """Count a request. Raises LimitReachedError."""
        if self._requests is None:
            return
        now = self._clock()
        wait = self._requests.wait_for(1, now)
        if wait:
            raise LimitReachedError(
                f"This token may make {self._requests.limit} requests a minute. "
                f"The next one is possible in {wait:.1f} s.",
                wait,
            )
        self._requests.add(1, now)

    def reserve(self, tokens: int, usd: float | None, *, least: int | None = None) -> Reservation:
        """Before a call that takes at most so much; ``usd`` is None where the model's price is
        not known. A call that sets no limit itself takes what is free, but ``least``, so that it
        is let through alone. Raises LimitReachedError."""
        self._check_spend(usd)
        reservation = Reservation()
        if self._tokens is not None:
            now = self._clock()
            if least is not None:
                tokens = max(least, min(tokens, self._tokens.free(now)))
            wait = self._tokens.wait_for(tokens, now)
            if wait:
                passes = f" Try again in {wait:.1f} s." if wait < math.inf else ""
                raise LimitReachedError(
                    f"This token may use {self._tokens.limit} tokens a minute, and this call "
                    f"would take about {tokens}.{passes}",
                    wait if wait < math.inf else None,
                )
            reservation.tokens = self._tokens.add(tokens, now)
        if self.limits_spend:
            reservation.usd = usd or 0.0
            self._reserved += reservation.usd
        return reservation

    def _check_spend(self, usd: float | None) -> None:
        for limit, spent, period in (
            (self.limits.usd_per_day, self.spent[0], "day"),
            (self.limits.usd_per_month, self.spent[1], "month"),
        ):
            if limit is None:
                continue
            if usd is None:
                # Not a matter of time, so no limit that clients wait for.
                raise PermissionDeniedError(
                    f"This token may spend ${limit:g} a {period}, which cannot be held for a "
                    "model whose price is not known."
                )
            taken = spent + self._unwritten + self._reserved
            if taken + usd > limit:
                raise LimitReachedError(
                    f"This token may spend ${limit:g} a {period}; ${taken:.4f} are spent or "
                    f"reserved, and this call may cost ${usd:.4f}."
                )

    def settle(self, reservation: Reservation, tokens: int, usd: float) -> None:
        """The call has ended, and took so much."""
        if self._tokens is not None and reservation.tokens is not None:
            self._tokens.correct(reservation.tokens, tokens)
        self._reserved -= reservation.usd
        self._unwritten += usd

    def written(self, usd: float) -> None:
        """So much of what was spent is in the store now."""
        self._unwritten = max(0.0, self._unwritten - usd)
        self.spent = (self.spent[0] + usd, self.spent[1] + usd)
