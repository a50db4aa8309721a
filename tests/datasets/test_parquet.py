from __future__ import annotations

import io
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prompt_app.datasets import parquet
from prompt_app.errors import DatasetError


def file(table: pa.Table, **options: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def test_values_become_json(fields) -> None:
    table = pa.table(
        {
            "answers": [["a", "b"]],
            "nested": [{"x": {"y": [1, None]}}],
            "map": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
            "text": [b"caf\xc3\xa9"],
            "bytes": [b"\xff\x00"],
            "price": [Decimal("12.50")],
            "day": [date(2024, 1, 2)],
            "when": [datetime(2024, 1, 2, 3, 4, tzinfo=UTC)],
            "midnight": [datetime(2024, 1, 2)],
            "long": [timedelta(minutes=90)],
            "missing": [math.nan],
            "unsigned": pa.array([2**64 - 1], pa.uint64()),
            "word": pa.array(["w"]).dictionary_encode(),
            "nothing": pa.nulls(1),
        }
    )
    assert fields("a.parquet", file(table)) == [
        {
            "answers": ["a", "b"],
            "nested": {"x": {"y": [1, None]}},
            "map": [["k", 1]],
            "text": "café",
            "bytes": "/wA=",
            "price": "12.50",
            "day": "2024-01-02",
            "when": "2024-01-02T03:04:00+00:00",
            "midnight": "2024-01-02",
            "long": "1:30:00",
            "missing": None,
            "unsigned": 2**64 - 1,
            "word": "w",
            "nothing": None,
        }
    ]


def test_nanoseconds_are_kept(fields) -> None:
    table = pa.table({"answers": pa.array([1_700_000_000_123_456_789], pa.timestamp("ns"))})
    assert fields("a.parquet", file(table)) == [{"answers": "2023-11-14T22:13:20.123456789"}]


def test_rows_are_counted_through_batches_and_groups(read, problems) -> None:
    values = [float(i) for i in range(1000)]
    values[700] = math.inf
    table = pa.table({"answers": values})
    content = file(table, row_group_size=300)
    assert len(read("a.parquet", content)) == 1000
    assert problems("a.parquet", content) == [(701, "an infinite number")]


def test_a_value_that_cannot_be_kept_is_a_problem(problems) -> None:
    table = pa.table({"answers": ["a", "x" * 1_000_001, "b\0c", "é" * 200_000]})
    assert [line for line, _ in problems("a.parquet", file(table))] == [2, 3]


@pytest.mark.parametrize("content", [b"PAR1", b"not parquet", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_not_parquet_is_refused(read, content) -> None:
    with pytest.raises(DatasetError, match="not a readable Parquet file"):
        read("a.parquet", content)


def test_a_file_that_is_cut_or_damaged_is_refused(read) -> None:
    content = file(pa.table({"answers": [str(i) for i in range(5000)]}))
    with pytest.raises(DatasetError, match="not a readable Parquet file"):
        read("a.parquet", content[: len(content) // 2])
    middle = len(content) // 4
    damaged = content[:middle] + bytes(400) + content[middle + 400 :]
    with pytest.raises(DatasetError, match=r"Parquet file|broken behind row"):
        read("a.parquet", damaged)


def test_empty_and_repeated_columns(read) -> None:
    with pytest.raises(DatasetError, match="There are no rows"):
        read("a.parquet", file(pa.table({"answers": pa.array([], pa.string())})))
    repeated = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["answers", "answers"])
    with pytest.raises(DatasetError, match="two columns named 'answers'"):
        read("a.parquet", file(repeated))


def test_a_column_that_unpacks_out_of_proportion_is_refused(read, monkeypatch) -> None:
    content = file(pa.table({"answers": ["x" * 100_000] * 3}), use_dictionary=False)
    assert len(read("a.parquet", content)) == 3
    monkeypatch.setattr(parquet, "HARMLESS", 1000)
    monkeypatch.setattr(parquet, "MAX_RATIO", 2)
    with pytest.raises(DatasetError, match="'answers' unpacks to over 2 times its size"):
        read("a.parquet", content)
