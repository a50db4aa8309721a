"""A backup as a download: written to a file and sent from there, never held in memory."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

from anyio.to_thread import run_sync
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from prompt_app.errors import LoginRequiredError, PermissionDeniedError, PromptAppError
from prompt_app.ui.login import person_of_cookies
from prompt_app.ui.state import shared_workbench
from prompt_app.workbench.backups import backup_name

BACKUP_PATH = "/backup"


def backup_route() -> Route:
    async def download(request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return PlainTextResponse("Other sites may not ask for this.", status_code=403)
        try:
            shared = shared_workbench()
            person = await run_sync(person_of_cookies, request.cookies, shared)
            bench = shared.acting_as(person)
            file = Path(mkdtemp(prefix="prompt-app-backup-")) / backup_name()
            try:
                await run_sync(bench.backups.write, file)
            except BaseException:
                _remove(file)
                raise
        except PermissionDeniedError as error:
            status = 401 if isinstance(error, LoginRequiredError) else 403
            return PlainTextResponse(str(error), status_code=status)
        except PromptAppError as error:
            return PlainTextResponse(str(error), status_code=500)
        return FileResponse(
            file,
            media_type="application/octet-stream",
            filename=file.name,
            headers={"Cache-Control": "no-store"},
            background=BackgroundTask(_remove, file),
        )

    return Route(BACKUP_PATH, download, methods=["GET"])


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.parent.rmdir()
