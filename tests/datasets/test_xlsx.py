from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path

import openpyxl
import pytest

from prompt_app.datasets import xlsx
from prompt_app.errors import DatasetError


def book(*rows: list[object], title: str = "Sheet") -> bytes:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    return saved(workbook)


def saved(workbook: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def with_part(content: bytes, name: str, change: object) -> bytes:
    """The same file with one part rewritten by ``change(old bytes)``."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for part in old.namelist():
            data = old.read(part)
            new.writestr(part, change(data) if part == name else data)
    return out.getvalue()


MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET = "xl/worksheets/sheet1.xml"


def test_values_become_json(fields) -> None:
    rows = fields(
        "a.xlsx",
        book(
            ["answers", "n", "f", "b", "day", "when", "at", "long", "none"],
            [
                "é<OR>b",
                18,
                0.5,
                True,
                date(2024, 1, 2),
                datetime(2024, 1, 2, 3, 4, 5),
                time(3, 4),
                timedelta(hours=30),
                None,
            ],
        ),
    )
    assert rows == [
        {
            "answers": "é<OR>b",
            "n": 18,
            "f": 0.5,
            "b": True,
            "day": "2024-01-02",
            "when": "2024-01-02T03:04:05",
            "at": "03:04:00",
            "long": "1 day, 6:00:00",
            "none": None,
        }
    ]


def test_rows_and_columns_without_values_are_left_out(read) -> None:
    rows = read(
        "a.xlsx",
        book([], [" q ", "answers", None, ""], [1, 2], [], [None, ""], [3, 4, None, ""], [], []),
    )
    assert [row.fields for row in rows] == [{"q": 1, "answers": 2}, {"q": 3, "answers": 4}]


def test_merged_cells_have_their_value_in_the_first(read) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    for row in (["topic", "answers"], ["t", "a"], [None, "b"]):
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    rows = read("a.xlsx", saved(workbook))
    assert [row.fields["topic"] for row in rows] == ["t", None]


def test_a_sheet_by_name(read) -> None:
    workbook = openpyxl.Workbook()
    workbook.active.append(["other"])
    for value in (["answers"], ["a"]):
        if "Rows" not in workbook.sheetnames:
            workbook.create_sheet("Rows")
        workbook["Rows"].append(value)
    content = saved(workbook)
    assert [row.fields for row in read("a.xlsx", content, sheet="Rows")] == [{"answers": "a"}]
    with pytest.raises(DatasetError, match="has no sheet 'rows'; there is 'Rows'"):
        read("a.xlsx", content, sheet="rows")
    with pytest.raises(DatasetError, match="There are no rows"):
        read("a.xlsx", content)


def test_a_formula_gives_its_stored_result_or_a_problem(read, problems) -> None:
    content = book(["q", "answers"], ["x", "=1+1"], ["y", 3], [None, "=2+2"], ["z", None])
    explained = "the formula in 'answers' has no stored result"
    assert [(n, reason.split(";")[0]) for n, reason in problems("a.xlsx", content)] == [
        (2, explained),
        (4, explained),
    ]
    calculated = with_part(
        content,
        SHEET,
        lambda xml: xml.replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>").replace(
            b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>"
        ),
    )
    rows = read("a.xlsx", calculated)
    assert rows[0].fields == {"q": "x", "answers": 2}
    assert rows[-1].fields == {"q": "z", "answers": None}


def test_error_values_and_values_beside_the_table_are_problems(problems) -> None:
    content = book(["q", "answers"], ["#DIV/0!", 1], [1, 2], [1, 2, 3], ["x" * 20, "#N/A"])
    assert problems("a.xlsx", content) == [
        (2, "the error #DIV/0! in 'q'"),
        (4, "a value right of the last column that has a header"),
        (5, "the error #N/A in 'answers'"),
    ]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([[]], "There are no rows"),
        ([["q", "answers"]], "There are no rows"),
        ([["q", None, "answers"], [1, 2, 3]], r"Column 2 of the header \(row 1\) has no name"),
        ([["q", "q", "answers"], [1, 2, 3]], r"two columns named 'q'"),
        ([["q"], [1]], r"No row has the reference field 'answers' \(columns: q\)"),
    ],
)
def test_a_sheet_that_cannot_be_read_is_one_clear_error(read, rows, reason) -> None:
    with pytest.raises(DatasetError, match=reason):
        read("a.xlsx", book(*rows))


def test_what_is_not_xlsx_is_refused(read) -> None:
    for content in (b"q,answers\n1,2\n", b"PK\x03\x04 broken", b"\xd0\xcf\x11\xe0" + bytes(600)):
        with pytest.raises(DatasetError, match="not an XLSX file"):
            read("a.xlsx", content)
    with_no_book = io.BytesIO()
    with zipfile.ZipFile(with_no_book, "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(DatasetError, match="broken XLSX file"):
        read("a.xlsx", with_no_book.getvalue())


def test_a_part_that_unpacks_out_of_proportion_is_refused_unread(read) -> None:
    bomb = with_part(book(["answers"], ["a"]), SHEET, lambda xml: xml + b" " * 30_000_000)
    assert len(bomb) < 100_000
    with pytest.raises(DatasetError, match="unpacks to over 100 times its size"):
        read("a.xlsx", bomb)


def test_total_size_and_number_of_parts_are_bounded(read, monkeypatch) -> None:
    content = book(["answers"], ["a"])
    monkeypatch.setattr(xlsx, "MAX_UNPACKED", 1000)
    with pytest.raises(DatasetError, match="at most 0 fit"):
        read("a.xlsx", content)
    monkeypatch.undo()
    monkeypatch.setattr(xlsx, "MAX_MEMBERS", 3)
    with pytest.raises(DatasetError, match="parts inside; at most 3 fit"):
        read("a.xlsx", content)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
ENTITIES = f"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "aaaaaaaaaa">{LAUGHS}
<!ENTITY f SYSTEM "file:///etc/passwd">]>""".encode()


def attacked(xml: bytes) -> bytes:
    return ENTITIES + xml[xml.startswith(b"<?xml") and xml.index(b"?>") + 2 :]


@pytest.mark.parametrize("entity", [b"&l9;", b"&f;"])
def test_xml_entities_in_cells_are_refused(read, entity) -> None:
    content = book(["answers"], ["plain text"])
    bomb = with_part(content, SHEET, lambda xml: attacked(xml.replace(b"plain text", entity)))
    with pytest.raises(DatasetError, match="broken XLSX file"):
        read("a.xlsx", bomb)


def test_xml_entities_in_shared_strings_are_refused(read) -> None:
    out = io.BytesIO(book(["answers"], [0]))
    strings = b"<sst xmlns='%s'><si><t>&l9;</t></si></sst>" % MAIN
    with zipfile.ZipFile(out, "a") as archive:
        assert "xl/sharedStrings.xml" not in archive.namelist()
        archive.writestr("xl/sharedStrings.xml", attacked(strings))
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    override = b'<Override PartName="/xl/sharedStrings.xml" ContentType="%s"/></Types>' % kind
    listed = with_part(
        out.getvalue(), "[Content_Types].xml", lambda xml: xml.replace(b"</Types>", override)
    )
    with pytest.raises(DatasetError, match="broken XLSX file"):
        read("a.xlsx", listed)


def test_xml_entities_in_the_workbook_are_refused_or_stay_unexpanded(read) -> None:
    # Which of the two it is depends on the XML library that openpyxl finds.
    content = book(["answers"], ["a"])
    for entity in (b"&l9;", b"&f;"):
        bomb = with_part(
            content,
            "xl/workbook.xml",
            lambda xml, entity=entity: attacked(xml.replace(b"<sheets>", entity + b"<sheets>")),
        )
        with suppress(DatasetError):
            assert [row.fields for row in read("a.xlsx", bomb)] == [{"answers": "a"}]


def test_a_false_row_number_does_not_make_billions_of_rows(read) -> None:
    content = with_part(
        book(["answers"], ["a"]),
        SHEET,
        lambda xml: xml.replace(b'<row r="2"', b'<row r="999999999999"').replace(b' r="A2"', b""),
    )
    with pytest.raises(DatasetError, match="more than 1,048,576 rows"):
        read("a.xlsx", content)


def test_a_false_size_of_the_sheet_is_ignored(fields) -> None:
    content = with_part(
        book(["answers"], ["a"], ["b"]),
        SHEET,
        lambda xml: xml.replace(b'ref="A1:A3"', b'ref="A1:A1"'),
    )
    assert fields("a.xlsx", content) == [{"answers": "a"}, {"answers": "b"}]


def test_the_file_is_closed_when_reading_stops_early(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(book(["answers"], *([value] for value in range(100))))
    rows = xlsx.read_xlsx(path, xlsx.DatasetOptions())
    assert next(rows) == (2, {"answers": 0})
    rows.close()
    path.unlink()
