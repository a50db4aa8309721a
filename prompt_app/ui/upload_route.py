"""Files from the browser, streamed to disk: they are never held in memory.

A page asks for a ticket, which is good for one file of the person it was given to, and the browser
sends the file to the ticket's address. What nobody takes is deleted after an hour, and with the
process.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from prompt_app.errors import PermissionDeniedError
from prompt_app.settings import Settings
from prompt_app.ui.login import person_of_cookies
from prompt_app.ui.state import shared_workbench

UPLOAD_PATH = "/upload"
KEPT_SECONDS = 3600.0
_WRITTEN_AT_ONCE = 1 << 20


@dataclass(slots=True)
class Ticket:
    """Leave to send one file."""

    person_id: str
    given_at: float
    """Monotonic."""
    folder: TemporaryDirectory[str] | None = None
    """Where the file is, once all of it is there."""
    is_used: bool = False


class UploadDesk:
    """The tickets of this process."""

    def __init__(self) -> None:
        self._tickets: dict[str, Ticket] = {}
        self._lock = Lock()

    def ticket(self, person_id: str) -> str:
        """A new one. Those of an hour ago are void, and their files deleted."""
        name = secrets.token_urlsafe(24)
        now = time.monotonic()
        with self._lock:
            old = [key for key, each in self._tickets.items() if now - each.given_at > KEPT_SECONDS]
            void = [self._tickets.pop(key) for key in old]
            self._tickets[name] = Ticket(person_id, now)
        for each in void:
            if each.folder is not None:
                each.folder.cleanup()
        return name

    def begin(self, name: str, person_id: str) -> Ticket | None:
        """The ticket, which is used from now on; None where it is none of this person's."""
        with self._lock:
            found = self._tickets.get(name)
            if found is None or found.is_used or found.person_id != person_id:
                return None
            found.is_used = True
            return found

    def take(self, name: str) -> TemporaryDirectory[str] | None:
        """The folder with the file ``content``; it belongs to the caller from now on."""
        with self._lock:
            found = self._tickets.get(name)
            if found is None or found.folder is None:
                return None
            del self._tickets[name]
            return found.folder


desk = UploadDesk()


class _RefusedError(Exception):
    """Why a file is not taken."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def upload_route(settings: Settings) -> Route:
    async def receive(request: Request) -> Response:
        try:
            ticket = await run_sync(_ticket_of, request, settings)  # it asks the store
            folder = await _received(request, settings.max_upload_mb)
        except _RefusedError as refused:
            return PlainTextResponse(str(refused), status_code=refused.status)
        ticket.folder = folder
        return Response(status_code=204)

    return Route(f"{UPLOAD_PATH}/{{ticket}}", receive, methods=["PUT"])


def _ticket_of(request: Request, settings: Settings) -> Ticket:
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise _RefusedError(403, "Other sites may not send files.")
    try:
        person = person_of_cookies(request.cookies, shared_workbench())
    except PermissionDeniedError as error:
        raise _RefusedError(403, str(error)) from None
    if int(request.headers.get("content-length") or 0) > settings.max_upload_mb * 1_000_000:
        raise _too_large(settings.max_upload_mb)
    ticket = desk.begin(request.path_params["ticket"], person.id)
    if ticket is None:
        raise _RefusedError(404, "Reload the page and choose the file again.")
    return ticket


async def _received(request: Request, megabytes: int) -> TemporaryDirectory[str]:
    """The folder that has the file; nothing is left of one that does not arrive whole."""
    folder: TemporaryDirectory[str] = TemporaryDirectory(prefix="prompt-app-upload-")
    try:
        await _write(request, Path(folder.name) / "content", megabytes)
    except ClientDisconnect:
        folder.cleanup()
        raise _RefusedError(400, "The connection broke.") from None
    except OSError as error:
        folder.cleanup()
        reason = error.strerror or "unknown reason"
        raise _RefusedError(507, f"It cannot be stored: {reason}.") from None
    except BaseException:
        folder.cleanup()
        raise
    return folder


async def _write(request: Request, path: Path, megabytes: int) -> None:
    size = 0
    with path.open("wb") as file:
        waiting = bytearray()
        async for chunk in request.stream():
            size += len(chunk)
            if size > megabytes * 1_000_000:
                raise _too_large(megabytes)
            waiting += chunk
            if len(waiting) >= _WRITTEN_AT_ONCE:
                await run_sync(file.write, bytes(waiting))
                waiting.clear()
        await run_sync(file.write, bytes(waiting))


def _too_large(megabytes: int) -> _RefusedError:
    return _RefusedError(
        413,
        f"The file is larger than {megabytes:,} MB, the most that the studio takes "
        "(PROMPT_APP_MAX_UPLOAD_MB).",
    )
