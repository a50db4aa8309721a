"""A mock server in a process of its own, for tests that must not share a loop or a GIL with it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from typing import Any, Self

from prompt_app.providers.mock_server import MockServerOptions

SERVE = (
    "import sys; from prompt_app.providers.mock_server import *; "
    "run_mock_server(MockServerOptions.from_json(sys.argv[1]))"
)


class MockProcess:
    """``url`` is its address; ``control``, ``stats`` and ``reset`` go over HTTP."""

    def __init__(self, **options: Any) -> None:
        self._options = MockServerOptions(**options)
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def control(self, **changes: Any) -> dict[str, Any]:
        return self._call("/_control", changes)

    def stats(self) -> dict[str, Any]:
        return self._call("/_control/stats")

    def reset(self) -> None:
        self._call("/_control/reset", {})

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVE, self._options.to_json()],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert "ready on http" in line, line
        self.url = line.split()[-1]
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _call(self, path: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.url + path, data=data, timeout=10) as response:
            result: dict[str, Any] = json.load(response)
            return result
