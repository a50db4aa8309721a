from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cli.conftest import command_line
from rubrics.lessons import LessonFolder

__all__ = ["command_line"]
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "rubrics"


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A copy of the shipped examples, which a test may change."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples"))


@pytest.fixture
def lesson(tmp_path: Path) -> LessonFolder:
    return LessonFolder(tmp_path)
