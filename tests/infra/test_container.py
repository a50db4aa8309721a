"""The image, built and run by a Docker engine.

Not part of every test run, since it builds an image: PROMPT_APP_TEST_DOCKER=1 asks for it, and
PROMPT_APP_TEST_DOCKER_BUILD adds arguments to ``docker build``.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from deployment import ROOT

pytestmark = [
    pytest.mark.xdist_group("infra"),
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not os.environ.get("PROMPT_APP_TEST_DOCKER"),
        reason="builds an image; set PROMPT_APP_TEST_DOCKER=1 where a Docker engine runs",
    ),
]

MEGABYTE = 1_000_000
PYTHON_SLIM = 130 * MEGABYTE
EXAMPLES = "/app/.venv/lib/python3.12/site-packages/prompt_app/examples"


def docker(*arguments: str, check: bool = True, timeout: float = 120) -> str:
    done = subprocess.run(
        ["docker", *arguments],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout.strip()


def missing_engine() -> str:
    """Why no image can be built here; nothing where one can."""
    if shutil.which("docker") is None:
        return "no Docker engine: there is no docker command"
    asked = ["docker", "version", "--format", "{{.Server.Version}}"]
    done = subprocess.run(asked, check=False, capture_output=True, text=True, timeout=60)
    return "" if done.returncode == 0 else f"no Docker engine answers: {done.stderr.strip()}"


@pytest.fixture(scope="module")
def image() -> str:
    if reason := missing_engine():
        pytest.skip(reason)
    extra = shlex.split(os.environ.get("PROMPT_APP_TEST_DOCKER_BUILD", ""))
    tag = "prompt-app:test"
    docker("build", *extra, "-f", "prompt_app/Dockerfile", "-t", tag, ".", timeout=800)
    return tag


class Container:
    """The app on a read-only file system, without a network: it has all that it needs."""

    def __init__(self, image: str, *command: str) -> None:
        self.name = f"prompt-app-test-{uuid.uuid4().hex[:8]}"
        options = ["--read-only", "--network", "none", "--cap-drop", "ALL"]
        options += ["--security-opt", "no-new-privileges", "--env", "PROMPT_APP_ALLOW_OPEN=true"]
        docker("run", "--detach", "--init", "--name", self.name, *options, image, *command)

    def execute(self, script: str, *, check: bool = True) -> str:
        return docker("exec", self.name, "sh", "-c", script, check=check)

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(docker("inspect", self.name))[0]["State"]
        return state

    def until(self, condition: Callable[[], bool], seconds: float) -> float:
        """Seconds until ``condition`` held."""
        begin = time.monotonic()
        while not condition():
            assert time.monotonic() - begin < seconds, docker("logs", self.name)[-3000:]
            time.sleep(0.2)
        return time.monotonic() - begin

    def healthy(self) -> bool:
        return bool(self.state()["Health"]["Status"] == "healthy")

    def remove(self) -> None:
        docker("rm", "--force", "--volumes", self.name, check=False)


@pytest.fixture(scope="module")
def app(image: str) -> Iterator[Container]:
    container = Container(image, "prompt-app", "start", "--no-browser")
    yield container
    container.remove()


def test_is_small(image: str) -> None:
    layers = docker("history", "--no-trunc", "--format", "{{.Size}} {{.CreatedBy}}", image)
    made = [line for line in layers.splitlines() if "/app/.venv /app/.venv" in line]
    assert len(made) == 1
    assert made[0].split("MB")[0].replace(".", "").isdigit(), made
    assert float(made[0].split("MB")[0]) * MEGABYTE + PYTHON_SLIM < 700 * MEGABYTE


def test_holds_no_secret_and_no_development_package(image: str) -> None:
    environment = json.loads(docker("inspect", image))[0]["Config"]["Env"]
    assert not [v for v in environment if any(w in v for w in ("KEY=", "TOKEN=", "SECRET"))]
    found = docker(
        "run", "--rm", "--network", "none", image, "python", "-c",
        "import importlib.util as u; "
        "print([n for n in ('pytest', 'aws_cdk', 'moto', 'mypy') if u.find_spec(n)])",
    )  # fmt: skip
    assert found == "[]"


def test_starts_without_root_on_a_read_only_file_system_and_is_soon_healthy(
    app: Container,
) -> None:
    assert app.until(app.healthy, seconds=60) < 15
    assert app.execute("id -u; id -g").split() == ["10001", "10001"]
    for place in ("/app", "/etc", "/usr/local", "/app/.venv/bin"):
        assert "wrote" not in app.execute(f"touch {place}/x 2>/dev/null && echo wrote", check=False)
    app.execute("touch /data/x /tmp/x")


def test_runs_the_example(app: Container) -> None:
    app.until(app.healthy, seconds=60)
    app.execute(f"prompt-app run {EXAMPLES}/evaluation.yaml --quiet")
    (run, *_) = json.loads(app.execute("prompt-app runs --json"))
    assert run["state"] == "finished"
    assert run["progress"]["scored"] == run["progress"]["total"] == 40


def test_stops_in_time_and_leaves_a_run_that_goes_on(app: Container) -> None:
    app.until(app.healthy, seconds=60)
    # Slow enough to be stopped in the middle: two runs of 40 samples at 2 a second.
    app.execute(
        f"cp -r {EXAMPLES} /data/slow && "
        # Another prompt than before, or all replies would come from the cache.
        "sed -i 's/as few words/very few words/' /data/slow/evaluation.yaml && "
        "printf '\\nlimits:\\n  requests_per_minute: 120\\n' >> /data/slow/evaluation.yaml"
    )
    before = {run["id"] for run in json.loads(app.execute("prompt-app runs --json"))}
    docker("exec", "--detach", app.name, "prompt-app", "run", "/data/slow/evaluation.yaml")

    def runs() -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads(app.execute("prompt-app runs --json"))
        return [run for run in listed if run["id"] not in before]

    def answered() -> int:
        return sum(run["progress"]["answered"] for run in runs())

    app.until(lambda: answered() > 0, seconds=60)
    assert answered() < 80
    begin = time.monotonic()
    docker("stop", "--time", "30", app.name)
    assert time.monotonic() - begin < 10
    assert app.state()["ExitCode"] in (0, 143)

    docker("start", app.name)
    app.until(app.healthy, seconds=60)
    assert 0 < answered() < 80
    app.until(lambda: {run["state"] for run in runs()} == {"finished"}, seconds=120)
    assert answered() == 80
    assert all(run["progress"]["cached"] == 0 for run in runs())
