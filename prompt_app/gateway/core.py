"""What all endpoints share: who may call, and the one Serving."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from prompt_app.datamodel.serving import Scope, UsageRecord
from prompt_app.errors import PermissionDeniedError, UnknownTokenError
from prompt_app.workbench import Workbench
from prompt_app.workbench.serving import Caller, Serving
from prompt_app.workbench.serving.admission import LOCAL_CALLER, NO_TOKEN, TOKEN_PREFIX

Header = Callable[[bytes], str]
"""A request's header by its name in lower case; empty where it is absent."""


class Gateway:
    """What the endpoints share. ``open_here`` lets this machine in without a token: the server
    listens on loopback only."""

    def __init__(self, workbench: Workbench, *, open_here: bool) -> None:
        self.workbench = workbench
        self.serving = Serving(workbench.settings, workbench.store)
        self.open_here = open_here
        self.keeps_bodies = workbench.settings.gateway_body_days > 0

    async def identify(self, header: Header, needs: Scope) -> Caller:
        """Who calls, and that they may. Raises UnknownTokenError, PermissionDeniedError or
        LimitReachedError."""
        secret = _secret(header)
        if self.open_here and not secret.startswith(TOKEN_PREFIX):
            _check_origin(header)
            return LOCAL_CALLER
        if not secret:
            raise UnknownTokenError(NO_TOKEN)
        caller = await self.serving.admission.identify(secret)
        caller.require(needs)
        if caller.ledger is not None:
            caller.ledger.admit()
        return caller

    def note(self, record: UsageRecord) -> None:
        """Keep a call in the books."""
        self.serving.books.record(record)


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
    if origin and origin.partition("://")[2] != header(b"host"):
        foreign = True
    if foreign or not is_loopback(host.strip("[]")):
        raise PermissionDeniedError(
            "Without a token, calls are taken from this machine's own programs alone."
        )
