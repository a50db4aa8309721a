"""``prompt-app start``: two processes that live and end together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest
from pydantic import SecretStr
from servers import free_port

from prompt_app.cli.start import has_screen, open_browser
from prompt_app.errors import SettingsError
from prompt_app.settings import Settings

PATIENCE = 60.0


def until(reached: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, f"{what} did not happen within {PATIENCE:g} s"
        time.sleep(0.05)


def answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as reply:
            return bool(reply.read() == b"ok")
    except (URLError, OSError):
        return False


@contextmanager
def started(folder: Path, port: int) -> Iterator[psutil.Popen]:
    process = psutil.Popen(
        [sys.executable, "-m", "prompt_app.cli", "start", "--no-browser", "--port", str(port)],
        cwd=folder, env={**os.environ, "PROMPT_APP_DATA_DIR": str(folder / "data")},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    family: list[psutil.Process] = []
    try:
        yield process
    finally:
        if process.is_running():
            family = [process, *process.children(recursive=True)]
        for member in family:
            member.kill()
        process.wait()


def worker_of(process: psutil.Popen) -> psutil.Process | None:
    for child in process.children():
        with suppress(psutil.NoSuchProcess):  # just ended
            if "worker" in child.cmdline():
                return child
    return None


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_studio_and_worker_end_with_the_command(tmp_path: Path, name: str) -> None:
    port = free_port()
    with started(tmp_path, port) as process:
        until(lambda: answers(port), "the studio's answer")
        children = process.children()
        assert len(children) == 2
        process.send_signal(getattr(signal, name))
        assert process.wait(timeout=PATIENCE) == 0
        assert [child.pid for child in children if child.is_running()] == []


def test_a_worker_that_dies_is_started_again(tmp_path: Path) -> None:
    port = free_port()
    with started(tmp_path, port) as process:
        until(lambda: worker_of(process) is not None, "the worker's start")
        first = worker_of(process)
        assert first is not None
        first.kill()
        until(lambda: worker_of(process) not in {None, first}, "the worker's second start")


def test_a_port_that_is_taken_ends_it(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        with started(tmp_path, holder.getsockname()[1]) as process:
            assert process.wait(timeout=PATIENCE) != 0


def test_it_refuses_to_be_open_to_a_network_and_says_who_can_use_it(tmp_path: Path) -> None:
    from prompt_app.cli.start import announcement, check_exposure

    open_settings = Settings(data_dir=tmp_path)
    with pytest.raises(SettingsError, match=r"configure a login"):
        check_exposure("0.0.0.0", open_settings)
    for host in ("127.0.0.1", "localhost", "::1"):
        check_exposure(host, open_settings)
    assert "No login" in announcement("127.0.0.1", 8501, open_settings)
    allowed = Settings(data_dir=tmp_path, allow_open=True)
    check_exposure("0.0.0.0", allowed)
    assert "OPEN to everyone" in announcement("0.0.0.0", 8501, allowed)
    login = Settings(
        data_dir=tmp_path,
        public_url="https://prompts.example.com",
        oidc_discovery_url="https://id.example.com/.well-known/openid-configuration",
        oidc_client_id="studio",
        oidc_client_secret=SecretStr("x"),
        cookie_secret=SecretStr("c" * 32),
    )
    check_exposure("0.0.0.0", login)
    assert "https://prompts.example.com. People log in." in announcement("0.0.0.0", 1, login)


def test_an_idle_connection_outlives_a_load_balancers_pause(tmp_path: Path) -> None:
    from prompt_app.ui.__main__ import KEEP_ALIVE_SECONDS

    assert KEEP_ALIVE_SECONDS > 60
    port = free_port()
    with started(tmp_path, port):
        until(lambda: answers(port), "the studio's answer")
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/_stcore/health")
        connection.getresponse().read()
        socket_before = connection.sock
        time.sleep(6)  # uvicorn's own keep-alive is 5 s
        connection.request("GET", "/_stcore/health")
        assert connection.getresponse().read() == b"ok"
        assert connection.sock is socket_before
        connection.close()


def test_an_open_studio_refuses_other_host_names(tmp_path: Path) -> None:
    port = free_port()
    with started(tmp_path, port):
        until(lambda: answers(port), "the studio's answer")
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/", headers={"Host": "rebound.example.com"})
        assert connection.getresponse().status == 400
        connection.close()


def test_the_browser_is_opened_once_the_studio_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    port = server.server_address[1]
    (tmp_path / "_stcore").mkdir()
    (tmp_path / "_stcore" / "health").write_text("ok")
    monkeypatch.chdir(tmp_path)
    opening = Thread(target=open_browser, args=("127.0.0.1", port))
    opening.start()
    assert opened == []
    server.handle_request()
    opening.join(PATIENCE)
    server.server_close()
    assert opened == [f"http://localhost:{port}"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, sys.platform != "linux"),
        ({"DISPLAY": ":0"}, True),
        ({"DISPLAY": ":0", "CI": "1"}, False),
    ],
)
def test_no_browser_where_nobody_would_see_it(
    environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CI", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert has_screen() is expected
