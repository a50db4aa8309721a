"""The contracts of pyproject.toml catch what they are there for."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WRONG = {
    "prompt_app/metrics/planted.py": ["streamlit", "fastapi", "prompt_app.workbench"],
    "prompt_app/rubrics/planted.py": ["prompt_app.metrics"],
    "prompt_app/engine/planted.py": ["sqlalchemy.orm", "boto3"],
    "prompt_app/ui/planted.py": ["openai", "aws_cdk"],
    "prompt_app/cli/planted.py": ["prompt_app.ui", "celery"],
    "prompt_app/statistics/planted.py": ["prompt_app.statistics.planted_too"],
    "prompt_app/statistics/planted_too.py": ["prompt_app.statistics.planted"],
    "cdk_src/planted.py": ["prompt_app.settings"],
}


def lint_imports(copied: Path) -> str:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=copied, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    return done.stdout


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for package in ("prompt_app", "cdk_src"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_catches_a_wrong_import(copied: Path) -> None:
    for module, imports in WRONG.items():
        (copied / module).parent.mkdir(exist_ok=True)
        (copied / module).parent.joinpath("__init__.py").touch()
        lines = [f"import {name}\n" for name in imports]
        (copied / module).write_text("".join(lines), "utf-8")
    report = lint_imports(copied)
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    assert [c["name"] for c in contracts if f"{c['name']} BROKEN" not in report] == []
    for pair in (
        "prompt_app.metrics.planted -> prompt_app.workbench",
        "prompt_app.rubrics.planted -> prompt_app.metrics",
        "prompt_app.cli.planted -> prompt_app.ui",
    ):
        assert pair in report


def test_a_module_on_no_floor_is_found(copied: Path) -> None:
    (copied / "prompt_app" / "planted.py").touch()
    assert "planted" in lint_imports(copied)
