"""Streamlit's routes of the login, with what they lack: the way back to the page that was asked
for, a message when the login fails, and a logout that reaches the provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from streamlit.web.server.starlette.starlette_auth_routes import create_auth_routes
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from prompt_app.settings import Settings
from prompt_app.ui.login import claims_of
from prompt_app.ui.state import shared_workbench

LOGIN, CALLBACK, LOGOUT = "/auth/login", "/oauth2callback", "/auth/logout"
FAILED = "/?login=failed"
_RETURN_TO = "return_to"

Endpoint = Callable[[Request], Awaitable[Response]]


def auth_routes(settings: Settings) -> list[Route]:
    """They come before Streamlit's own of the same paths."""
    if not settings.has_login:
        return []
    own: dict[str, Endpoint] = {route.path: route.endpoint for route in create_auth_routes("")}

    async def login(request: Request) -> Response:
        # Pages ask for same-origin referrers, so this names the page where Log in was clicked.
        page = request.headers.get("referer", "")
        request.session[_RETURN_TO] = return_path(page, settings.public_url or "")
        response = await own[LOGIN](request)
        if response.status_code >= 400:
            return RedirectResponse(FAILED, status_code=302)
        response.headers["location"] = _without_prompt(response.headers["location"])
        return response

    async def callback(request: Request) -> Response:
        if not {"code", "error"} & request.query_params.keys():
            # Streamlit names this address as the one to come back to from a logout, too.
            return RedirectResponse("/", status_code=302)
        page = request.session.pop(_RETURN_TO, "/")
        response = await own[CALLBACK](request)
        response.headers["location"] = page if _logs_in(response) else FAILED
        return response

    async def logout(request: Request) -> Response:
        response = await own[LOGOUT](request)
        await run_sync(shared_workbench().logins.end, claims_of(request.cookies))
        if settings.oidc_logout_url:
            response.headers["location"] = logout_address(settings)
        return response

    handlers = {LOGIN: login, CALLBACK: callback, LOGOUT: logout}
    return [Route(path, handler, methods=["GET"]) for path, handler in handlers.items()]


def return_path(page: str, public_url: str) -> str:
    """The path and query of ``page`` where it is one of the studio's; else the first page."""
    parts, home = urlsplit(page), urlsplit(public_url)
    is_ours = (parts.scheme, parts.netloc) == (home.scheme, home.netloc)
    if not is_ours or parts.path.startswith(("//", "/auth/", CALLBACK)):
        return "/"
    query = urlencode([pair for pair in parse_qsl(parts.query) if pair[0] != "login"])
    return (parts.path or "/") + (f"?{query}" if query else "")


def logout_address(settings: Settings) -> str:
    """Cognito's logout page, which does not take the standard's post_logout_redirect_uri."""
    home = f"{(settings.public_url or '').rstrip('/')}/"
    query = urlencode({"client_id": settings.oidc_client_id, "logout_uri": home})
    return f"{settings.oidc_logout_url}?{query}"


def _without_prompt(location: str) -> str:
    """Streamlit asks for prompt=select_account, which some providers refuse."""
    parts = urlsplit(location)
    query = urlencode([pair for pair in parse_qsl(parts.query) if pair[0] != "prompt"])
    return parts._replace(query=query).geturl()


def _logs_in(response: Response) -> bool:
    cookies = response.headers.getlist("set-cookie")
    return any(
        cookie.startswith(f"{USER_COOKIE_NAME}=") and "max-age=0" not in cookie.lower()
        for cookie in cookies
    )
