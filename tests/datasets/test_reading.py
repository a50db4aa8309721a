from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from prompt_app.datamodel.base import content_hash
from prompt_app.datamodel.dataset import DatasetOptions, Example, RowProblem
from prompt_app.datasets import FORMATS, check_dataset, read_examples
from prompt_app.errors import DatasetError
from prompt_app.settings import Settings


def lines(rows: Iterable[object]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def write(folder: Path, rows: Iterable[object]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text(lines(rows))
    return path


def test_every_format_of_the_table_loads() -> None:
    for name in FORMATS:
        assert callable(FORMATS.load(name))


def test_check_and_read_agree(tmp_path: Path) -> None:
    path = write(
        tmp_path, [{"answers": 1, "a": {"b": [1]}}, 7, {"q": 2}, {"answers": 2, "c d": None}]
    )
    check = check_dataset(path, DatasetOptions(), Settings())
    assert check.rows == 2
    assert check.columns == ("answers", "a", "c d")
    assert check.paths == ("answers", "a", "a.b", "c d")
    assert check.problems == (
        RowProblem(line=2, reason="not an object but a number"),
        RowProblem(line=3, reason="no reference field 'answers'"),
    )
    assert check.problem_count == 2
    examples = list(read_examples(str(path), DatasetOptions(), Settings()))
    assert [(each.position, each.fields["answers"]) for each in examples] == [(0, 1), (1, 2)]


def test_the_first_thousand_problems_are_kept_and_all_counted(tmp_path: Path) -> None:
    path = write(tmp_path, [{"answers": 1}, *range(2500)])
    check = check_dataset(path, DatasetOptions(), Settings())
    assert (check.rows, check.problem_count, len(check.problems)) == (1, 2500, 1000)
    assert check.problems[-1].line == 1001


def test_rows_with_ever_new_columns_do_not_grow_the_check_without_end(tmp_path: Path) -> None:
    path = write(tmp_path, [{"answers": 1, f"c{i}": 1} for i in range(10_050)])
    check = check_dataset(path, DatasetOptions(), Settings())
    assert (check.rows, len(check.columns), len(check.paths)) == (10_050, 10_000, 10_000)


def test_ids_are_content_hashes_and_repeats_are_numbered(read) -> None:
    row, other = {"answers": 1, "q": "é"}, {"answers": 2}
    rows = read("a.jsonl", lines([row, other, row, dict(reversed(row.items()))]))
    base = content_hash(row)
    assert [each.id for each in rows] == [base, content_hash(other), f"{base}~2", f"{base}~3"]
    assert {each.fingerprint for each in rows} == {base, content_hash(other)}


def test_ids_from_a_field(read) -> None:
    content = lines([{"answers": 1, "meta": {"id": value}} for value in ("x", 7, " y ", 1.5)])
    assert [row.id for row in read("a.jsonl", content, id_field="meta.id")] == [
        "x",
        "7",
        "y",
        "1.5",
    ]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x", "the id 'x' was used before"),
        ("", "the id in 'id' is empty"),
        ("y" * 257, "the id in 'id' is empty or over 256 characters"),
        (None, "the id in 'id' is neither text nor a number"),
        ([1], "the id in 'id' is neither text nor a number"),
        (True, "the id in 'id' is neither text nor a number"),
    ],
)
def test_an_unfit_id_is_a_problem(problems, value, reason) -> None:
    content = lines([{"answers": 1, "id": "x"}, {"answers": 1, "id": value}])
    ((line, told),) = problems("a.jsonl", content, id_field="id")
    assert line == 2
    assert told.startswith(reason)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"reference_field": "answer"}, "reference field 'answer', did you mean 'answers'?"),
        ({"id_field": "zz"}, "No row has the id field 'zz' (columns: answers, meta)."),
        ({"cluster_field": "meta.dco"}, "cluster field 'meta.dco', did you mean 'meta.doc'"),
        ({"split_field": "fold"}, "No row has the split field 'fold'"),
    ],
)
def test_a_field_that_no_row_has_is_one_error(tmp_path: Path, options, reason) -> None:
    path = write(tmp_path, [{"answers": 1, "meta": {"doc": 1}}, "not a row"])
    with pytest.raises(DatasetError) as caught:
        check_dataset(path, DatasetOptions.model_validate(options), Settings())
    assert reason in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_field_that_some_rows_lack_is_a_problem_of_those(problems) -> None:
    content = lines([{"answers": 1, "docs": {"id": 1}}, {"answers": 1, "docs": {}}])
    assert problems("a.jsonl", content, cluster_field="docs.id") == [
        (2, "no cluster field 'docs.id', did you mean 'docs'?")
    ]


def test_an_empty_reference_is_no_problem(read) -> None:
    assert len(read("a.jsonl", lines([{"answers": []}, {"answers": None}]))) == 2


def test_splits_from_a_field(read) -> None:
    content = lines([{"answers": 1, "fold": value} for value in ("train", 3, None, " ")])
    rows = read("a.jsonl", content, split_field="fold")
    assert [row.split for row in rows] == ["train", "3", None, None]


def test_splits_by_fraction_are_seeded_and_of_the_right_size(read) -> None:
    content = lines([{"answers": i} for i in range(4000)])
    splits = {"train": 0.5, "test": 0.2}
    first, again, other, reordered = (
        [
            row.split
            for row in read("a.jsonl", content, splits=dict(chosen), seed=seed)
            if isinstance(row, Example)
        ]
        for chosen, seed in (
            (splits.items(), 1),
            (splits.items(), 1),
            (splits.items(), 2),
            (reversed(splits.items()), 1),
        )
    )
    assert first == again == reordered
    assert first != other
    counts = Counter(first)
    # Five standard deviations of a binomial with n = 4000.
    assert abs(counts["train"] - 2000) < 160
    assert abs(counts["test"] - 800) < 130
    assert abs(counts[None] - 1200) < 150


def test_a_row_keeps_its_split_when_rows_are_added_and_equal_rows_share_one(read) -> None:
    old = [{"answers": i} for i in range(50)]
    options = {"splits": {"a": 0.5, "b": 0.5}}
    before = {row.id: row.split for row in read("a.jsonl", lines(old), **options)}
    extended = [{"answers": "new"}, *old, *old]
    after = {row.id: row.split for row in read("a.jsonl", lines(extended), **options)}
    assert all(after[key] == split == after[f"{key}~2"] for key, split in before.items())
    assert set(before.values()) == {"a", "b"}


@pytest.mark.parametrize(
    "options",
    [
        {"splits": {"a": 0.7, "b": 0.4}},
        {"splits": {"a": 0}},
        {"splits": {"a": -0.5, "b": 1}},
        {"splits": {"a": 0.5}, "split_field": "answers"},
    ],
)
def test_impossible_splits_are_refused(read, options) -> None:
    with pytest.raises(DatasetError, match="split"):
        read("a.jsonl", '{"answers": 1}', **options)


def test_fractions_may_add_up_to_one_as_floats_do(read) -> None:
    assert read("a.jsonl", '{"answers": 1}', splits=dict.fromkeys("abcdefghij", 0.1))


@pytest.mark.parametrize("name", ["a.txt", "jsonl", "a.jsonl.gz", "a.xls", "a."])
def test_an_ending_that_tells_no_format_lists_the_known_ones(read, name) -> None:
    with pytest.raises(DatasetError, match=r"known are \.jsonl, \.json, \.csv, \.tsv, \.xlsx"):
        read(name, '{"answers": 1}')


def test_the_format_can_be_told_and_endings_are_of_any_case(read) -> None:
    assert read("data.txt", '{"answers": 1}', format="jsonl")
    assert read("DATA.JSONL", '{"answers": 1}')
