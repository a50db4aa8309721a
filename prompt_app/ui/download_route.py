"""Files that were made for a person, sent from disk: they are never held in memory.

Each has an address that only that person can use, for an hour; with the process they are gone.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from prompt_app.errors import LoginRequiredError, PermissionDeniedError
from prompt_app.ui.login import person_of_cookies
from prompt_app.ui.state import shared_workbench

DOWNLOAD_PATH = "/made"
KEPT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A file alone in a folder of its own."""

    person_id: str
    path: Path
    folder: TemporaryDirectory[str]
    offered_at: float
    """Monotonic."""


class DownloadDesk:
    """What this process has to give away."""

    def __init__(self) -> None:
        self._offered: dict[str, OfferedFile] = {}
        self._lock = Lock()

    def offer(self, person_id: str, path: Path, folder: TemporaryDirectory[str]) -> str:
        """The address of ``path``, which is in ``folder``. Files of an hour ago are deleted."""
        name = secrets.token_urlsafe(24)
        now = time.monotonic()
        with self._lock:
            old = [
                key for key, each in self._offered.items() if now - each.offered_at > KEPT_SECONDS
            ]
            void = [self._offered.pop(key) for key in old]
            self._offered[name] = OfferedFile(person_id, path, folder, now)
        for each in void:
            each.folder.cleanup()
        return f"{DOWNLOAD_PATH}/{name}"

    def find(self, name: str, person_id: str) -> OfferedFile | None:
        """None where nothing of that name was made for this person."""
        with self._lock:
            found = self._offered.get(name)
        return found if found is not None and found.person_id == person_id else None


desk = DownloadDesk()


def download_route() -> Route:
    async def send(request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return PlainTextResponse("Other sites may not ask for this.", status_code=403)
        try:
            person = await run_sync(person_of_cookies, request.cookies, shared_workbench())
        except PermissionDeniedError as error:
            status = 401 if isinstance(error, LoginRequiredError) else 403
            return PlainTextResponse(str(error), status_code=status)
        found = desk.find(request.path_params["name"], person.id)
        if found is None:
            return PlainTextResponse("This file is not here any more: make it again.", 404)
        return FileResponse(
            found.path,
            media_type="application/octet-stream",
            filename=found.path.name,
            headers={"Cache-Control": "no-store"},
        )

    return Route(f"{DOWNLOAD_PATH}/{{name}}", send, methods=["GET"])
