from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine.runs import temporary_workbench

from prompt_app.workbench import Workbench


@pytest.fixture
def workbench(tmp_path: Path) -> Iterator[Workbench]:
    bench = temporary_workbench(tmp_path)
    yield bench
    bench.close()
