from __future__ import annotations

import codecs
import csv
import io

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from prompt_app.datasets.delimited import read_csv, read_tsv
from prompt_app.errors import DatasetError


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_rows_with_any_line_ending_and_without_the_last(fields, ending) -> None:
    content = ending.join(["q,answers", "1,a", "", '"x, ""y""",b'])
    expected = [{"q": "1", "answers": "a"}, {"q": 'x, "y"', "answers": "b"}]
    assert fields("a.csv", content) == expected
    assert fields("a.csv", content + ending) == expected
    assert fields("a.csv", codecs.BOM_UTF8 + content.encode()) == expected


def test_tabs(fields) -> None:
    assert fields("a.tsv", 'q\tanswers\n1, 2\t"a\tb"\n') == [{"q": "1, 2", "answers": "a\tb"}]


def test_names_lose_the_spaces_around_them_and_cells_keep_theirs(fields) -> None:
    assert fields("a.csv", " q , answers\n x , y\n") == [{"q": " x ", "answers": " y"}]


def test_rows_of_empty_cells_alone_are_skipped_as_blank(read) -> None:
    rows = read("a.csv", "\n,\nq,answers\n1,a\n,\n\n2,\n")
    assert [row.fields for row in rows] == [{"q": "1", "answers": "a"}, {"q": "2", "answers": ""}]


def test_line_numbers_count_line_breaks_inside_quotes(problems) -> None:
    for ending in ("\n", "\r\n", "\r"):
        lines = [
            "answers,b",
            '"one',
            "two",
            'three",x',
            "only one",
            '"a',
            'b",c,d',
            "ok,ok",
            "1,2,3",
        ]
        assert problems("a.csv", ending.join(lines)) == [
            (5, "1 cell where the header has 2"),
            (6, "3 cells where the header has 2"),
            (9, "3 cells where the header has 2"),
        ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"caf\xe9,x", "invalid UTF-8 (byte 0xe9)"),
        (b"a\0b,x", "a NUL character"),
        (b'"a"b,x', "malformed quotes"),
        (b"x" * 1_000_001 + b",x", "a cell of more than 1,000,000 characters"),
    ],
)
def test_a_malformed_row_is_reported_and_reading_goes_on(problems, row, reason) -> None:
    found = problems("a.csv", b"answers,b\n1,2\n" + row + b"\n3,4\n5\n")
    assert [line for line, _ in found] == [3, 5]
    assert found[0][1].startswith(reason)


def test_a_quote_that_is_never_closed(problems) -> None:
    assert problems("a.csv", 'answers,b\n1,2\n"3,4\n5,6\n') == [
        (3, "a quote that opens a cell here is never closed")
    ]
    found = problems("a.csv", 'answers,b\n1,2\n"3,4\n' + "5,6\n" * 300_000)
    assert found[0] == (3, "a cell of more than 1,000,000 characters; is a quote left open?")


def test_a_cell_of_200_kb_is_kept(fields) -> None:
    assert fields("a.csv", f"answers\n{'x' * 200_000}\n") == [{"answers": "x" * 200_000}]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "The file is empty"),
        (b"\n\n\n", "There are no rows"),
        (b"q,answers\n", "There are no rows"),
        (b"q,answers,q\n1,2,3\n", "The header (line 1) has two columns named 'q'"),
        (b"\nq,,answers\n1,2,3\n", "Column 2 of the header (line 2) has no name"),
        (b"caf\xe9,answers\n1,2\n", "Column 1 of the header (line 1): invalid UTF-8"),
        (b'"q,answers\n1,2\n', "Line 1: a quote that opens a cell here is never closed"),
        ("q,answers\n1,2".encode("utf-16"), "UTF-16 text; save it as UTF-8"),
        (b"q;answers\n1;2\n", "No row has the reference field 'answers'"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(read, content, reason) -> None:
    with pytest.raises(DatasetError) as caught:
        read("a.csv", content)
    assert reason in str(caught.value)
    assert str(caught.value).count("\n") == 0


cells = st.text(alphabet="ab ,;\t\"\n\r'é😀\ufeff\u2028=", min_size=1, max_size=6)


@given(
    rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=5),
    tabs=st.booleans(),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    ending=st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_standard_writer_writes_is_read_back(
    tmp_path_factory, rows, tabs, quoting, ending
) -> None:
    # The writer of older Pythons leaves a lone carriage return unquoted.
    assume(quoting == csv.QUOTE_ALL or not any("\r" in cell for row in rows for cell in row))
    written = io.StringIO(newline="")
    writer = csv.writer(
        written, delimiter="\t" if tabs else ",", quoting=quoting, lineterminator=ending
    )
    writer.writerows([("x", "y"), *rows])
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_text(written.getvalue(), encoding="utf-8", newline="")
    got = list((read_tsv if tabs else read_csv)(path, None))
    assert [tuple(row.values()) for _, row in got] == rows
