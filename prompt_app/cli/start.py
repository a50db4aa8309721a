"""``prompt-app start``: the studio and a worker, as two processes that are watched."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
import webbrowser
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING, Annotated
from urllib.request import urlopen

import typer

from prompt_app.cli.common import notices
from prompt_app.cli.opening import opened_workbench
from prompt_app.cli.plain import AsJson, announce
from prompt_app.errors import SettingsError
from prompt_app.providers.addresses import is_loopback

if TYPE_CHECKING:
    from prompt_app.settings import Settings

START_SECONDS = 60.0
STOP_SECONDS = 15.0
LOOK_SECONDS = 0.2
RESTART_SECONDS = 2.0
PR_SET_PDEATHSIG = 1
"""See prctl(2)."""


def start(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the studio.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    worker: Annotated[bool, typer.Option(help="Also run a worker.")] = True,
    browser: Annotated[bool, typer.Option(help="Open the studio in a browser.")] = True,
    as_json: AsJson = False,
) -> None:
    """Start the studio and a worker, with the example data in a new store."""
    with opened_workbench(quiet=False) as workbench:
        settings = workbench.settings
        workbench.load_examples()
    host, port = host or settings.host, port or settings.port
    check_exposure(host, settings)
    environment = {**os.environ, "PROMPT_APP_HOST": host, "PROMPT_APP_PORT": str(port)}
    if settings.cookie_secret is not None:  # Streamlit does not read .env
        environment["STREAMLIT_SERVER_COOKIE_SECRET"] = settings.cookie_secret.get_secret_value()
    supervisor = _Supervisor(environment)
    supervisor.add("studio", studio_command(host, port))
    if worker:
        supervisor.add("worker", [sys.executable, "-m", "prompt_app.cli", "worker"])
    if as_json:
        announce(url=studio_address(host, port, settings), login=settings.has_login)
    else:
        notices.print(announcement(host, port, settings), markup=False)
    if browser and is_loopback(host) and has_screen():
        Thread(target=open_browser, args=(host, port), daemon=True).start()
    sys.exit(supervisor.watch())


def check_exposure(host: str, settings: Settings) -> None:
    """Where no login is configured only this machine may connect. Raises SettingsError."""
    if settings.has_login or is_loopback(host) or settings.allow_open:
        return
    raise SettingsError(
        f"The studio would be open to everyone who reaches {host}, without a login. "
        "Listen on 127.0.0.1, configure a login (PROMPT_APP_OIDC_..., see docs/login.md), or set "
        "PROMPT_APP_ALLOW_OPEN=true where something else keeps strangers out."
    )


def announcement(host: str, port: int, settings: Settings) -> str:
    """Where the studio is, and who can use it."""
    if settings.has_login:
        access = "People log in."
    elif is_loopback(host):
        access = "No login is configured: it is open to whoever uses this machine, and to no other."
    else:
        access = "No login is configured: IT IS OPEN to everyone who reaches this address."
    return f"The studio is at {studio_address(host, port, settings)}. {access} Ctrl+C stops it."


def studio_address(host: str, port: int, settings: Settings) -> str:
    """Where people open it."""
    if settings.has_login and settings.public_url is not None:
        return settings.public_url
    return f"http://{'localhost' if is_loopback(host) else host}:{port}"


def studio_command(host: str, port: int) -> list[str]:
    """How the studio's server is started."""
    return [
        sys.executable, "-m", "prompt_app.ui",
        f"--server.address={host}", f"--server.port={port}",
    ]  # fmt: skip


def has_screen() -> bool:
    """Whether a browser could show itself to whoever types here."""
    if os.environ.get("CI"):
        return False
    return sys.platform != "linux" or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def open_browser(host: str, port: int) -> None:
    """Wait until the studio answers, then show it."""
    shown = f"[{host}]" if ":" in host else host
    for _ in range(int(START_SECONDS / LOOK_SECONDS)):
        try:
            with urlopen(f"http://{shown}:{port}/_stcore/health", timeout=5):
                break
        except OSError:
            time.sleep(LOOK_SECONDS)
    else:
        return
    webbrowser.open(f"http://localhost:{port}")


class _Supervisor:
    """Starts a process again when it dies, until asked to stop. The studio's death right after
    its start (the port is taken, say) ends all."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._commands: dict[str, list[str]] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = False
        # Loaded before the fork, after which little is safe to do.
        self._libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def add(self, name: str, command: list[str]) -> None:
        self._commands[name] = command

    def watch(self) -> int:
        """Until stopped; returns the exit code."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._stop)
        for name in self._commands:
            self._launch(name)
        started = time.monotonic()
        code = 0
        while not self._stopping:
            for name, process in list(self._processes.items()):
                if process.poll() is None:
                    continue
                early = time.monotonic() - started < 10
                if name == "studio" and early and process.returncode >= 0:  # it was not killed
                    code = process.returncode or 1
                    self._stopping = True
                    break
                notices.print(f"The {name} ended with code {process.returncode}; starting again.")
                time.sleep(RESTART_SECONDS)
                if not self._stopping:
                    self._launch(name)
            time.sleep(LOOK_SECONDS)
        self._end_all()
        return code

    def _launch(self, name: str) -> None:
        # A session of its own: Ctrl+C reaches this process alone, which stops them in order.
        self._processes[name] = subprocess.Popen(
            self._commands[name],
            env=self._environment,
            start_new_session=True,
            preexec_fn=self._end_with_parent if self._libc else None,  # noqa: PLW1509
        )

    def _end_with_parent(self) -> None:
        """Ask the kernel to stop the new process when this one is killed: the port is free then,
        and the worker hands its run back."""
        if self._libc is not None:
            self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _end_all(self) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._processes.values():
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
