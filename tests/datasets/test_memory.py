"""Files larger than a reader may hold are streamed: peak memory of a process that reads one."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = 40_000
TEXT = "The quick brown fox jumps over the lazy dog. " * 40
SHEET_ROWS = 15_000
GROUP_ROWS = 5_000
SHEET = "xl/worksheets/sheet1.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
TYPES = "[Content_Types].xml"
SHARED_TYPE = (
    b'<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-'
    b'officedocument.spreadsheetml.sharedStrings+xml"/>'
)
SIZE_MB = ROWS * len(TEXT) / 1e6

READ = """
import re, sys
from pathlib import Path
import openpyxl
import pyarrow.parquet
from prompt_app.datamodel.dataset import DatasetOptions
from prompt_app.datasets import check_dataset
from prompt_app.settings import Settings
def peak():  # not ru_maxrss, which begins with what the parent held
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak()
check = check_dataset(sys.argv[1], DatasetOptions(), Settings())
print(check.rows, (peak() - before) * 1024 / 1e6)
"""


STORE = READ.replace(
    "before = peak()\ncheck = check_dataset(sys.argv[1], DatasetOptions(), Settings())",
    """
import tempfile
from prompt_app.workbench import open_workbench
with tempfile.TemporaryDirectory() as folder:
    workbench = open_workbench(Settings(data_dir=folder))
    workbench.load_examples()
    spec = workbench.example_evaluation()
    workbench.quote(spec)
    before = peak()
    check = workbench.import_dataset(sys.argv[1])
    prompt = {"name": "p", "template": "{text}"}
    data = {**spec.model_dump(), "dataset": check.name, "prompts": [prompt]}
    workbench.quote(type(spec).model_validate(data))
    workbench.close()
""",
)
"""The file becomes a dataset of a store, and an evaluation over it is quoted."""


def write(path: Path) -> None:
    rows = ({"answers": str(i), "text": TEXT} for i in range(ROWS))
    if path.suffix == ".parquet":
        schema = pa.schema({"answers": pa.string(), "text": pa.string()})
        with pq.ParquetWriter(path, schema, use_dictionary=False) as writer:
            for begin in range(0, 3 * ROWS, GROUP_ROWS):
                numbers = range(begin, begin + GROUP_ROWS)
                columns = [[str(i) for i in numbers], [f"{i}{TEXT}" for i in numbers]]
                writer.write_table(pa.table(columns, schema))
        return
    with path.open("w", newline="") as file:
        if path.suffix == ".csv":
            writer = csv.DictWriter(file, ["answers", "text"])
            writer.writeheader()
            writer.writerows(rows)
        elif path.suffix == ".json":
            file.write("[" + ",".join(map(json.dumps, rows)) + "]")
        else:
            file.writelines(json.dumps(row) + "\n" for row in rows)


def write_sheet(path: Path, shared: bool) -> float:
    """A sheet of texts that stand in its rows, or in the table of texts that rows share; what it
    takes unpacked, in MB."""
    import openpyxl

    openpyxl.Workbook(write_only=True).save(path)
    with zipfile.ZipFile(path) as empty:
        parts = {part: empty.read(part) for part in empty.namelist()}
    chance = random.Random(1)
    texts = [chance.randbytes(1000).hex() for _ in range(SHEET_ROWS)]  # or it looks like a bomb
    rows = "".join(
        f'<row r="{number + 2}"><c t="inlineStr"><is><t>{number}</t></is></c>'
        + (
            f'<c t="s"><v>{number}</v></c>'
            if shared
            else f'<c t="inlineStr"><is><t>{text}</t></is></c>'
        )
        + "</row>"
        for number, text in enumerate(texts)
    )
    head = "".join(f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in ("answers", "text"))
    data = f'<sheetData><row r="1">{head}</row>{rows}</sheetData>'
    parts[SHEET] = f'<worksheet xmlns="{MAIN}">{data}</worksheet>'.encode()
    items = "".join(f"<si><t>{text}</t></si>" for text in texts) if shared else ""
    parts["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}">{items}</sst>'.encode()
    parts[TYPES] = parts[TYPES].replace(b"</Types>", SHARED_TYPE + b"</Types>")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return sum(map(len, parts.values())) / 1e6


def peak_growth(path: Path, program: str = READ) -> tuple[int, float]:
    """Rows that a new process read, and by how many MB its peak grew while it did."""
    out = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    rows, grown_mb = out.stdout.split()
    return int(rows), float(grown_mb)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a process its peak")
@pytest.mark.parametrize(("shared", "most"), [(False, 0.4), (True, 1.5)])
def test_rows_of_a_sheet_are_streamed_but_not_its_table_of_shared_texts(
    tmp_path: Path, shared: bool, most: float
) -> None:
    path = tmp_path / "rows.xlsx"
    size_mb = write_sheet(path, shared)
    assert size_mb > 30
    rows, grown_mb = peak_growth(path)
    assert rows == SHEET_ROWS
    assert grown_mb < most * size_mb


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a process its peak")
@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "parquet"])
def test_memory_stays_far_below_the_size_of_the_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows.{ending}"
    write(path)
    rows, grown_mb = peak_growth(path)
    assert SIZE_MB > 70
    if ending == "parquet":  # some row groups of 9 MB are held
        assert rows == 3 * ROWS
        assert grown_mb < 0.45 * 3 * SIZE_MB
    else:
        assert rows == ROWS
        assert grown_mb < 20


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a process its peak")
def test_a_dataset_of_the_store_never_was_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROWS", ROWS // 3)
    path = tmp_path / "rows.jsonl"
    write(path)
    rows, grown_mb = peak_growth(path, STORE)
    assert rows == ROWS
    assert grown_mb < 0.6 * path.stat().st_size / 1e6
