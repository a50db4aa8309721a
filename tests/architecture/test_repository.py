"""What is in the repository: known things at the top, nothing of the machine it was made on."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP_LEVEL = {
    ".ci", ".dockerignore", ".env.example", ".gitignore", ".nvmrc", ".python-version", "LICENSE",
    "README.md", "benchmarks", "cdk.json", "cdk_app.py", "cdk_src", "cfn_bootstrap.yaml",
    "docker-compose.yaml", "docs", "examples", "package-lock.json", "package.json", "prompt_app",
    "pyproject.toml", "scripts", "tests", "uv.lock",
}  # fmt: skip
# Pieces in brackets keep this list from finding itself.
FORBIDDEN = re.compile(
    r"/[w]ork/(main|shared)|/[t]mp/s/|\.\./[s]hared/|[s]hared/design\.md"
    r"|^<{7} |^>{7} ",
    re.MULTILINE,
)
REGISTRIES = {
    "uv.lock": {"pypi.org", "files.pythonhosted.org"},
    "package-lock.json": {"registry.npmjs.org"},
}


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_the_top_level_holds_known_names_only(tracked: list[str]) -> None:
    assert {name.split("/")[0] for name in tracked} - TOP_LEVEL == set()


def test_no_text_names_the_machine_it_was_written_on(tracked: list[str]) -> None:
    found = []
    for name in tracked:
        content = (ROOT / name).read_bytes()
        if b"\0" in content:
            continue
        text = content.decode("utf-8", errors="replace")
        found += [
            f"{name}:{text.count(chr(10), 0, hit.start()) + 1}: {hit.group()}"
            for hit in FORBIDDEN.finditer(text)
        ]
    assert found == []


@pytest.mark.parametrize("lock", REGISTRIES)
def test_locked_packages_come_from_the_public_registries(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    addresses = re.findall(r'(?:url = |registry = |"resolved": )"https?://([^/"]+)', text)
    assert set(addresses) <= REGISTRIES[lock]
