"""Whatever a file holds, reading it gives examples, problems or one DatasetError."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prompt_app.datamodel.dataset import DatasetOptions, Example
from prompt_app.datasets import FORMATS, read_rows
from prompt_app.errors import DatasetError
from prompt_app.settings import Settings

SETTINGS = Settings()
TOKENS = [
    *b'{}[]",:\n\r\t\\ ;',
    b'{"answers": "a"}',
    b"answers,q\n",
    b'"answers": ',
    b"\\u0000",
    b"\\ud800",
    b"NaN",
    b"1e999",
    b"9" * 30,
    b"\xff",
    b"\xc3",
    b"\xc3\xa9",
    b"\0",
    b"\xef\xbb\xbf",
]
pieces = st.lists(
    st.sampled_from([t if isinstance(t, bytes) else bytes([t]) for t in TOKENS]), max_size=25
).map(b"".join)


def check(path: Path, content: bytes, file_format: str) -> None:
    path.write_bytes(content)
    options = DatasetOptions.model_validate({"format": file_format})
    rows = []
    with suppress(DatasetError):
        rows = list(read_rows(path, options, SETTINGS))
    for position, row in enumerate(row for row in rows if isinstance(row, Example)):
        assert row.position == position
        assert Example.from_json(row.to_json()) == row
        json.dumps(row.fields, allow_nan=False).encode()
        assert "\0" not in json.dumps(row.fields, ensure_ascii=False)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "file"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=st.binary(max_size=200) | pieces, file_format=st.sampled_from(sorted(FORMATS)))
def test_arbitrary_bytes(path: Path, content: bytes, file_format: str) -> None:
    check(path, content, file_format)


@cache
def sound(file_format: str) -> bytes:
    out = io.BytesIO()
    if file_format == "parquet":
        pq.write_table(pa.table({"answers": ["a", "b"], "n": [[1], [2, 3]]}), out)
    else:
        book = openpyxl.Workbook()
        for row in (["answers", "n"], ["a", 1], ["b", None]):
            book.active.append(row)
        book.save(out)
    return out.getvalue()


damages = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), max_size=4
)


def damaged(content: bytes, damage: list[tuple[float, bytes]]) -> bytes:
    changed = bytearray(content)
    for place, new in damage:
        at = int(place * len(changed))
        changed[at : at + len(new)] = new
    return bytes(changed)


@settings(max_examples=200, deadline=None)
@given(damage=damages, file_format=st.sampled_from(["parquet", "xlsx"]))
def test_damaged_files(path: Path, damage: list[tuple[float, bytes]], file_format: str) -> None:
    check(path, damaged(sound(file_format), damage), file_format)


@settings(max_examples=150, deadline=None)
@given(damage=damages, part=st.sampled_from(["xl/worksheets/sheet1.xml", "xl/workbook.xml"]))
def test_damaged_parts_of_a_sheet(path: Path, damage: list[tuple[float, bytes]], part: str) -> None:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(sound("xlsx"))) as old,
        zipfile.ZipFile(out, "w") as new,
    ):
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, damaged(data, damage) if name == part else data)
    check(path, out.getvalue(), "xlsx")
