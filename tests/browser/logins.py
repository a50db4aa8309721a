"""A studio whose people log in: a real OpenID provider beside it, and a proxy before it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from browser.studio import PATIENCE_MS, settled
from playwright.sync_api import Page, expect

ROOT = Path(__file__).resolve().parents[2]
SECRET = "the same for all replicas of the tests"


def require_provider() -> None:
    if shutil.which("node") is None or not (ROOT / "node_modules" / "oidc-provider").exists():
        pytest.skip("no OpenID provider to log in at: npm ci")


@contextmanager
def running_provider(port: int, app: str, shape: str = "cognito") -> Iterator[str]:
    """At another host name than the app: cookies are shared across ports."""
    options = json.dumps({"port": port, "app": app, "shape": shape})
    process = subprocess.Popen(
        ["node", str(Path(__file__).with_name("openid_provider.mjs")), options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield f"http://localhost:{port}"
    finally:
        process.kill()
        process.wait()


def login_settings(app: str, provider: str, shape: str = "cognito") -> dict[str, str]:
    """As the deployment gives them to the web task."""
    settings = {
        "PROMPT_APP_PUBLIC_URL": app,
        "PROMPT_APP_OIDC_REDIRECT_URL": f"{app}/oauth2callback",
        "PROMPT_APP_OIDC_DISCOVERY_URL": f"{provider}/.well-known/openid-configuration",
        "PROMPT_APP_OIDC_CLIENT_ID": "studio",
        "PROMPT_APP_OIDC_CLIENT_SECRET": "a-secret-of-the-client",
        "STREAMLIT_SERVER_COOKIE_SECRET": SECRET,
    }
    if shape == "cognito":
        settings["PROMPT_APP_OIDC_GROUPS_CLAIM"] = "cognito:groups"
        settings["PROMPT_APP_OIDC_LOGOUT_URL"] = f"{provider}/logout"
    return settings


def log_in(page: Page, person: str) -> None:
    """From the studio's login page, through the provider's form, and back."""
    settled(page)
    page.get_by_role("button", name="Log in").click()
    page.get_by_placeholder("Enter any login").fill(person)
    page.get_by_placeholder("and password").fill("anything")
    page.get_by_role("button", name="Sign-in").click()
    page.wait_for_url("http://127.0.0.1:*/**", timeout=PATIENCE_MS)
    settled(page)


def expect_login_page(page: Page) -> None:
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()


class SwitchedProxy:
    """Passes every connection on to ``target``. Another target ends the connections to the one
    before, as a load balancer does when a replica goes."""

    def __init__(self, port: int, target: int) -> None:
        self._port, self._target = port, target
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    def __enter__(self) -> SwitchedProxy:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def switch(self, target: int) -> None:
        self._target = target
        self._loop.call_soon_threadsafe(lambda: [each.close() for each in list(self._open)])

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._loop.run_until_complete(server)
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        self._open |= {writer, onward[1]}
        await asyncio.gather(self._pipe(reader, onward[1]), self._pipe(onward[0], writer))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()
        self._open.discard(writer)
