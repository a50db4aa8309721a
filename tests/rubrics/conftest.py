from __future__ import annotations

from pathlib import Path

import pytest
from rubrics.lessons import LessonFolder


@pytest.fixture
def lesson(tmp_path: Path) -> LessonFolder:
    return LessonFolder(tmp_path)
