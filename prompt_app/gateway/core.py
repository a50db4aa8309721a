"""What all endpoints share: who may call, and the one Serving."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.project import reach_of
from prompt_app.datamodel.serving import Scope, UsageRecord
from prompt_app.errors import PermissionDeniedError, UnknownTokenError
from prompt_app.gateway.telemetry import Telemetry
from prompt_app.providers.addresses import is_loopback
from prompt_app.workbench import Workbench
from prompt_app.workbench.serving import Caller, Serving
from prompt_app.workbench.serving.admission import LOCAL_CALLER, NO_TOKEN, TOKEN_PREFIX

MOST_READERS = 10_000
FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via")
Visitor = Callable[[Mapping[str, str]], Person]
"""Who is logged in, by a request's cookies. Raises LoginRequiredError."""
Header = Callable[[bytes], str]
"""A request's header by its name in lower case; empty where it is absent."""


class Gateway:
    """What the endpoints share. ``open_here`` lets this machine in without a token: the server
    listens on loopback only."""

    def __init__(
        self, workbench: Workbench, *, open_here: bool, visitor: Visitor | None = None
    ) -> None:
        self.workbench = workbench
        self.serving = Serving(workbench.settings, workbench.store)
        self.open_here = open_here
        self.telemetry = Telemetry()
        self._visitor = visitor
        self._seen: dict[tuple[str, str], None] = {}
        self.keeps_bodies = workbench.settings.gateway_body_days > 0

    def saw_questions(self, reader: str, assistant: str) -> None:
        """``reader`` has been given the sample questions of ``assistant``."""
        self._seen[reader, assistant] = None
        while len(self._seen) > MOST_READERS:
            del self._seen[next(iter(self._seen))]

    def has_seen_questions(self, reader: str, assistant: str) -> bool:
        return (reader, assistant) in self._seen

    async def identify(self, header: Header, *, session: bool = False) -> Caller:
        """Who calls. Raises UnknownTokenError or PermissionDeniedError."""
        secret = _secret(header)
        if session and not secret and self._visitor is not None:
            return await self._visiting(header, self._visitor)
        if self.open_here and not secret.startswith(TOKEN_PREFIX):
            _check_origin(header)
            await self.serving.attend()
            return LOCAL_CALLER
        if not secret:
            raise UnknownTokenError(NO_TOKEN)
        admission = self.serving.admission
        if not secret.startswith(TOKEN_PREFIX):  # it is wrong, and wakes no database
            return await admission.identify(secret)
        await self.serving.attend()
        try:
            return await admission.identify(secret)
        except UnknownTokenError:
            await self.serving.look_now()  # another process may just have made it
            return await admission.identify(secret)

    def admit(self, caller: Caller, needs: Scope) -> None:
        """Raises PermissionDeniedError or LimitReachedError."""
        caller.require(needs)
        if caller.ledger is not None:
            caller.ledger.admit()

    async def _visiting(self, header: Header, visitor: Visitor) -> Caller:
        """Who is logged in to the studio. A call must come from one of its own pages, which
        another site's page cannot pretend."""
        own = header(b"origin").partition("://")[2] == header(b"host") != ""
        if not own and header(b"sec-fetch-site") != "same-origin":
            raise UnknownTokenError(NO_TOKEN)
        cookies = {
            name.strip(): value
            for name, _, value in (each.partition("=") for each in header(b"cookie").split(";"))
        }
        person = await asyncio.to_thread(visitor, cookies)
        scopes = {Scope.READ, Scope.INVOKE} if person.may(Role.EDITOR) else {Scope.READ}
        await self.serving.attend()
        return Caller(person.id, person.name, frozenset(scopes), reach=reach_of(person))

    def note(self, record: UsageRecord) -> None:
        """Keep a call in the books."""
        self.serving.books.record(record)
        self.telemetry.note(record)


def _secret(header: Header) -> str:
    given = header(b"authorization")
    if given[:7].lower() == "bearer ":
        return given[7:].strip()
    if given.startswith(TOKEN_PREFIX):
        return given.strip()
    return header(b"api-key")


def _check_origin(header: Header) -> None:
    """A page of another site in this machine's browser, or a name that was made to point to this
    machine, is not this machine's user. Raises PermissionDeniedError."""
    host = header(b"host").rpartition(":")[0] or header(b"host")
    origin = header(b"origin")
    foreign = header(b"sec-fetch-site") not in ("", "none", "same-origin")
    # A proxy on this machine passes others' calls on.
    foreign = foreign or any(header(name) for name in FORWARDED)
    if origin and origin.partition("://")[2] != header(b"host"):
        foreign = True
    if foreign or not is_loopback(host.strip("[]")):
        raise PermissionDeniedError(
            "Without a token, calls are taken from this machine's own programs alone."
        )
