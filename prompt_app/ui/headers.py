"""Security headers on every response of the studio, and which host names it answers to."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prompt_app.settings import Settings

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def content_security_policy() -> str:
    """Nothing from other hosts, and no script but Streamlit's own files and the inline scripts
    of its page, by their hashes. Emotion, its style library, writes inline styles."""
    page = Path(streamlit.__file__).with_name("static") / "index.html"
    digests = (
        hashlib.sha256(script.encode()).digest()
        for script in _INLINE_SCRIPT.findall(page.read_text("utf-8"))
    )
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' {hashes}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class SecurityHeaders:
    """Plain ASGI, so that websockets and streamed bodies pass through untouched."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._is_https = (settings.public_url or "").startswith("https://")
        self._headers = {
            "Content-Security-Policy": content_security_policy(),
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            # The login leads back to the page that names itself so.
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
            "Cross-Origin-Opener-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                if self._is_https:
                    _secure_cookies(headers)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _secure_cookies(headers: MutableHeaders) -> None:
    """Streamlit leaves out that its cookies are for https alone."""
    headers.raw[:] = [
        (name, value + b"; Secure")
        if name == b"set-cookie" and b"; secure" not in value.lower()
        else (name, value)
        for name, value in headers.raw
    ]


def trusted_hosts(settings: Settings) -> list[str]:
    """Without a login only names of this machine: another site whose name resolves to it could
    otherwise use the studio through a visitor's browser."""
    if settings.has_login or settings.allow_open:
        return ["*"]
    own = (urlsplit(settings.public_url or "").hostname, settings.host)
    return ["localhost", "127.0.0.1", "::1", "[::1]", *filter(None, own)]
