"""The set-up scripts: quick when there is nothing to do, one clear line when they cannot."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="Node is not installed")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the scripts read, with nothing installed."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    for name in (".python-version", "package.json", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, folder)
    return folder


def command(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)


def run(checkout: Path, script: str, *args: str, path: str = "") -> tuple[int, str, str]:
    assert NODE is not None
    done = subprocess.run(
        [NODE, checkout / "scripts" / script, *args],
        env={"PATH": path}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def install(checkout: Path, *, dev: bool) -> None:
    """What a finished set-up leaves behind."""
    inputs = b"".join((checkout / name).read_bytes() for name in ("uv.lock", "pyproject.toml"))
    venv = checkout / ".venv"
    command(venv / "bin" / "python", "exit 1")
    command(venv / "bin" / "prompt-app", 'echo "prompt-app $*"; exit 7')
    stamp = {"inputs": hashlib.sha256(inputs).hexdigest(), "dev": dev, "place": str(venv)}
    (venv / "setup.json").write_text(json.dumps(stamp), "utf-8")


def test_without_python_one_line_says_what_to_install(checkout: Path) -> None:
    code, out, err = run(checkout, "start.mjs")
    assert (code, out) == (1, "")
    assert err.startswith("Error: Python 3.11 or newer is needed and none was found. Install it")
    assert err.count("\n") == 1


def test_an_old_python_is_named(checkout: Path) -> None:
    command(checkout / "bin" / "python3", "printf '/usr/bin/python3\\n3\\n9\\n2\\n'")
    code, _, err = run(checkout, "start.mjs", path=str(checkout / "bin"))
    assert code == 1
    assert "Python 3.11 or newer is needed and only 3.9.2 was found" in err
    assert err.count("\n") == 1


def test_a_python_without_venv_and_pip_is_told_how_to_get_them(checkout: Path) -> None:
    script = f"case $1 in -c) printf '{checkout}/bin/python3\\n3\\n11\\n2\\n';; *) exit 1;; esac"
    command(checkout / "bin" / "python3", script)
    code, _, err = run(checkout, "start.mjs", path=str(checkout / "bin"))
    assert code == 1
    assert "has neither venv nor pip" in err
    assert "apt-get install python3-venv" in err
    assert err.count("\n") == 1


def test_start_passes_arguments_and_the_exit_code_on(checkout: Path) -> None:
    install(checkout, dev=False)
    code, out, err = run(checkout, "start.mjs", "--port", "8502", path="/bin")
    assert (code, out, err) == (7, "prompt-app start --port 8502\n", "")


@pytest.mark.parametrize("finds_cdk", [True, False])
def test_cdk_finds_its_program_or_has_it_installed(checkout: Path, finds_cdk: bool) -> None:
    answer = 0 if finds_cdk else 1
    command(
        checkout / ".venv" / "bin" / "python",
        f'if [ "$1" = -c ]; then exit {answer}; fi; echo "python $*"',
    )
    code, out, err = run(checkout, "app.mjs", path="/bin" if finds_cdk else "")
    if finds_cdk:
        assert (code, out, err) == (0, "python cdk_app.py\n", "")
    else:
        assert code == 1
        assert "Python 3.11 or newer is needed" in err


def test_a_changed_lock_file_is_installed_again(checkout: Path) -> None:
    install(checkout, dev=False)
    with (checkout / "uv.lock").open("a") as file:
        file.write("# changed\n")
    code, _, err = run(checkout, "start.mjs")
    assert code == 1
    assert "Python 3.11 or newer is needed" in err


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="drops root's rights")
def test_missing_programs_are_named_in_one_line_where_they_cannot_be_installed() -> None:
    assert NODE is not None
    # Loaded first: the folder may be root's alone.
    program = "import('./scripts/system.mjs').then(s => (process.setuid(65534), s.prepareSystem()))"
    program += ".catch(e => console.log(e.message))"
    done = subprocess.run(
        [NODE, "-e", program],
        cwd=ROOT, env={"PATH": "/nowhere"}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("Tests need Chromium")
    assert "Redis" in done.stdout
    assert "sudo apt-get install -y --no-install-recommends chromium" in done.stdout
    assert done.stdout.count("\n") == 1


def test_a_failed_step_does_not_hide_the_others_and_is_named_at_the_end(checkout: Path) -> None:
    install(checkout, dev=True)
    for name, code in (("ruff", 1), ("mypy", 0), ("lint-imports", 3)):
        command(checkout / ".venv" / "bin" / name, f"exit {code}")
    code, out, err = run(checkout, "test.mjs", "--checks", path="/bin")
    assert code == 1
    assert err.strip() == "Failed: format, lint, import floors"
    assert "== types: passed in" in out


FIRST, AGAIN = "pytest -n 2", "pytest tests/a.py::test_b[x@y] tests/c.py::test_d"
PYTEST = """
echo "pytest $*" >> calls
mkdir -p .pytest_cache/v/cache
[ "$1" = -n ] && echo '{"tests/a.py::test_b[x@y]@browser": true, "tests/c.py::test_d": true%s}' \\
    > .pytest_cache/v/cache/lastfailed && exit 1
exit %d
"""


@pytest.mark.parametrize(
    ("others", "again", "code", "calls"),
    [
        ("", 0, 0, [FIRST, AGAIN]),
        ("", 1, 1, [FIRST, AGAIN]),
        (', "e": true, "f": true, "g": true, "h": true', 0, 1, [FIRST]),
    ],
    ids=["passes by itself", "fails again", "many"],
)
def test_a_few_tests_that_fail_are_run_once_more_by_themselves(
    checkout: Path, others: str, again: int, code: int, calls: list[str]
) -> None:
    command(checkout / "pytest", PYTEST % (others, again))
    body = (
        'import { runAllTests } from "./scripts/testing.mjs";'
        'process.exitCode = await runAllTests("./pytest", ["-n", "2"]);'
    )
    assert NODE is not None
    done = subprocess.run(
        [NODE, "--input-type=module", "--eval", body],
        cwd=checkout, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (code, "")
    assert (checkout / "calls").read_text().splitlines() == calls
    told = "== failed at first, passed by itself:\ntests/a.py::test_b[x@y]\ntests/c.py::test_d\n"
    assert done.stdout.endswith(told) == (code == 0)


def test_the_app_ends_when_the_shell_that_npm_started_is_killed(checkout: Path) -> None:
    install(checkout, dev=False)
    command(checkout / ".venv" / "bin" / "prompt-app", "echo $$; exec /bin/sleep 60")
    shell = subprocess.Popen(
        ["/bin/sh", "-c", f"'{NODE}' scripts/start.mjs; true"],
        cwd=checkout, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with shell:
        assert shell.stdout is not None
        app = psutil.Process(int(shell.stdout.readline()))
        shell.kill()
        app.wait(timeout=10)
