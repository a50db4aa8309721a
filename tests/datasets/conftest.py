from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prompt_app.datamodel.dataset import DatasetOptions, Example, RowProblem
from prompt_app.datasets import read_rows
from prompt_app.settings import Settings

Rows = list[Example | RowProblem]
Read = Callable[..., Rows]
Fields = Callable[..., list[dict[str, Any]]]
Problems = Callable[..., list[tuple[int, str]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write a file and read it: ``read("a.csv", content, reference_field="a")``."""

    def written_and_read(name: str, content: str | bytes, **options: Any) -> Rows:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return list(read_rows(path, DatasetOptions.model_validate(options), Settings()))

    return written_and_read


@pytest.fixture
def fields(read: Read) -> Fields:
    """The fields of every row; the test fails where one is malformed."""

    def of_good_rows(name: str, content: str | bytes, **options: Any) -> list[dict[str, Any]]:
        rows = read(name, content, **options)
        assert [row for row in rows if isinstance(row, RowProblem)] == []
        return [row.fields for row in rows if isinstance(row, Example)]

    return of_good_rows


@pytest.fixture
def problems(read: Read) -> Problems:
    """(line, reason) of every malformed row."""

    def of_bad_rows(name: str, content: str | bytes, **options: Any) -> list[tuple[int, str]]:
        rows = read(name, content, **options)
        return [(row.line, row.reason) for row in rows if isinstance(row, RowProblem)]

    return of_bad_rows
