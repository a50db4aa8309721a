from __future__ import annotations

import codecs
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt_app.datasets import json_rows, text, values
from prompt_app.datasets.json_rows import RowDecoder
from prompt_app.errors import DatasetError

GOOD = '{"q": 1, "answers": ["a"]}'


def bad(field: str) -> str:
    return '{"answers": "a", "x": ' + field + "}"


def test_jsonl_rows_with_any_line_ending_and_without_the_last(fields) -> None:
    for ending in ("\n", "\r\n", "\r"):
        rows = fields("a.jsonl", ending.join(['{"answers": 1}', "", "  ", '{"answers": "é"}']))
        assert rows == [{"answers": 1}, {"answers": "é"}]
    assert fields("a.ndjson", GOOD + "\n") == [json.loads(GOOD)]


def test_a_utf8_byte_order_mark_is_taken(fields) -> None:
    assert fields("a.jsonl", codecs.BOM_UTF8 + GOOD.encode()) == [json.loads(GOOD)]
    assert fields("a.json", codecs.BOM_UTF8 + b"[" + GOOD.encode() + b"]") == [json.loads(GOOD)]


def test_separators_of_unicode_do_not_end_a_line(fields) -> None:
    row = {"answers": "a\u2028b\u2029c\x85d"}
    assert fields("a.jsonl", json.dumps(row, ensure_ascii=False)) == [row]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"answers": }', "invalid JSON at column 13: Expecting value"),
        ('{"answers": "a"', "invalid JSON at column 16"),
        ('{"answers": "a"} {}', "invalid JSON at column 17: text behind the object"),
        ('["a"]', "not an object but an array"),
        ('"a"', "not an object but a string"),
        ("3", "not an object but a number"),
        ("null", "not an object but null"),
        ("true", "not an object but a boolean"),
        (bad("NaN"), "NaN, which is not JSON"),
        (bad("-Infinity"), "-Infinity, which is not JSON"),
        (bad("1e999"), "the number 1e999 is too large"),
        (bad("9" * 5000), "a number of 5,000 digits; write it as a string"),
        (bad("-" + "9" * 25), "a number of 25 digits; write it as a string"),
        (bad("18446744073709551616"), "an integer beyond 64 bits; write it as a string"),
        (bad("[" * 100_000 + "]" * 100_000), "nested too deeply"),
        (bad("[" * 80 + "]" * 80), "nested deeper than 64 levels"),
        (bad(r'"\ud800"'), r"a lone surrogate (\ud800)"),
        (bad(r'["\uDFFF x"]'), r"a lone surrogate (\udfff)"),
        (bad(r'{"\udc80": 1}'), r"a lone surrogate (\udc80)"),
        (bad(r'"\u0000"'), "a NUL character"),
        (bad('"' + "x" * 1_000_001 + '"'), "a value of 1,000,001 characters; at most 1,000,000"),
        ('{"answers": 1, "answers": 2}', "the key 'answers' stands twice in one object"),
        (bad('{"a": 1, "b": 2, "a": 3}'), "the key 'a' stands twice in one object"),
        ("\ufeff" + GOOD, "a byte-order mark inside the file"),
        ('{"answers": "tab\there"}', "Invalid control character"),
        ('{"q": 1}', "no reference field 'answers'"),
        ('{"answer": 1}', "no reference field 'answers', did you mean 'answer'?"),
    ],
)
def test_a_malformed_line_is_reported_and_reading_goes_on(problems, line, reason) -> None:
    found = problems("a.jsonl", f"{GOOD}\n\n{line}\n{GOOD}\n")
    assert [number for number, _ in found] == [3]
    assert reason in found[0][1]
    assert "\n" not in found[0][1]
    assert len(found[0][1]) < 300


def test_invalid_utf8_is_reported_with_its_line(problems) -> None:
    content = GOOD.encode() + b'\n{"answers": "caf\xe9"}\n' + GOOD.encode()
    assert problems("a.jsonl", content) == [(2, "invalid UTF-8 (byte 0xe9)")]


def test_all_problems_of_a_row_are_told_at_once(problems) -> None:
    row = '{"answers": 1, "n": NaN, "m": ' + "9" * 30 + "}"
    (_, reason), *_ = problems("a.jsonl", f"{GOOD}\n{row}")
    assert "NaN" in reason
    assert "30 digits" in reason


def test_large_and_odd_but_sound_values_are_kept(fields) -> None:
    row = {
        "answers": ["a"],
        "cell": "x" * 200_000,
        "max": 2**64 - 1,
        "min": -(2**63),
        "tiny": 1e-300,
        "escaped": "\\u0000 \\ud800",
        "pair": "😀",
        "": "no name",
        "deep": json.loads("[" * 60 + "]" * 60),
    }
    for ascii_only in (True, False):
        assert fields("a.jsonl", json.dumps(row, ensure_ascii=ascii_only)) == [row]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_named(read, encoding) -> None:
    with pytest.raises(DatasetError, match=r"a\.jsonl: It is UTF-(16|32) text; save it as UTF-8"):
        read("a.jsonl", GOOD.encode(encoding))


def test_an_array_in_a_jsonl_file_is_explained(problems) -> None:
    ((_, reason),) = problems("a.jsonl", '[{"answers": 1}, {"answers": 2}]')
    assert reason.endswith("(a file that is one JSON array ends in .json)")


def test_a_line_that_cannot_be_held_is_refused(read, monkeypatch) -> None:
    monkeypatch.setattr(text, "MAX_ROW", 1000)
    assert len(read("a.jsonl", json.dumps({"answers": "x" * 900}) + "\n")) == 1
    with pytest.raises(DatasetError, match="Line 2 is longer than 1,000 characters"):
        read("a.jsonl", GOOD + "\n" + json.dumps({"answers": "x" * 2000}))


@pytest.mark.parametrize(
    "document",
    [
        "[%s]",
        '{"data": [%s]}',
        '{"version": {"a": [1]}, "n": NaN, "big": ' + "9" * 5000 + ', "rows": [%s], "more": [1]}',
        ' {"examples":\n[ %s ] } ',
    ],
)
def test_json_arrays_wherever_they_stand(fields, document) -> None:
    rows = '{"answers": 1},\n {"answers": {"a": [2]}}'
    assert fields("a.json", document % rows) == [{"answers": 1}, {"answers": {"a": [2]}}]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ('[{"answers": 1}', "Invalid JSON at line 1, column 16: the file ends in the middle"),
        ('[\n{"answers": 1},\n{"answers": ]', "Invalid JSON at line 3, column 13"),
        ('[{"answers": 1} {"answers": 2}]', "column 17: ',' was expected, not '{'"),
        ('[{"answers": 1}] []', "column 18: there is more behind the end"),
        ('{"data": [{"answers": 1}]]', "'}' was expected, not ']'"),
        ('{"items": [{"answers": 1}]}', "or an object that holds one as any of 'data', 'rows'"),
        ('{"data": {"answers": 1}}', "The file is JSON but no dataset: a dataset is an array"),
        ('"text"', "The file is JSON but no dataset: a dataset is an array of objects"),
        ("nonsense", "Invalid JSON at line 1, column 1"),
        ('{"answers": 1,}', "column 15: a name in double quotes was expected"),
        (
            '{"answers": 1}\n{"answers": 2}',
            "Invalid JSON at line 2, column 1: there is more behind the end; a file with an object "
            "on each line ends in .jsonl",
        ),
        ("{", "the file ends in the middle"),
        ("[" * 200_000, "nested too deeply"),
        ("[]", "There are no rows"),
        ('[{"answers": "a', "Unterminated string"),
    ],
)
def test_a_broken_document_is_one_clear_error(read, document, reason) -> None:
    with pytest.raises(DatasetError) as caught:
        read("a.json", document)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_rows_of_an_array_are_told_by_row_and_reading_goes_on(problems) -> None:
    rows = [GOOD, bad("NaN"), "7", bad("9" * 5000), GOOD, bad(r'"\ud800"')]
    assert [number for number, _ in problems("a.json", "[" + ",\n".join(rows) + "]")] == [
        2,
        3,
        4,
        6,
    ]


def test_place_of_an_error_far_into_a_file(read) -> None:
    many = ",\n".join([GOOD] * 30_000)
    with pytest.raises(DatasetError, match="line 30001, column 3:"):
        read("a.json", f"[{many},\n {{1}}]")
    one_line = ",".join([GOOD] * 30_000)
    with pytest.raises(DatasetError, match=f"line 1, column {len(one_line) + 2}:"):
        read("a.json", f"[{one_line};]")


@given(
    rows=st.lists(
        st.dictionaries(
            st.text(alphabet='ab é\\"{}[],:'),
            st.text(alphabet='x \\"{}[],:\n😀é')
            | st.integers(-(2**63), 2**64 - 1)
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.lists(st.none() | st.booleans(), max_size=3),
            max_size=3,
        ),
        max_size=4,
    ),
    chunk=st.integers(1, 40),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
)
def test_arrays_are_read_right_wherever_the_buffer_ends(
    tmp_path_factory, rows, chunk, indent, ascii_only
) -> None:
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(json.dumps(rows, indent=indent, ensure_ascii=ascii_only), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_rows, "_CHUNK", chunk)
        assert [row for _, row in json_rows.read_json(path, None)] == rows


@given(text=st.text(alphabet='{}[]",:\\u0daDNI.e-19 tfn\x00é', max_size=60))
def test_the_decoder_agrees_with_the_standard_one(text: str) -> None:
    try:
        expected = json.loads(text.lstrip(" "))
    except (ValueError, RecursionError):
        expected = None
    try:
        value, end, reasons = RowDecoder().decode(text.lstrip(" "))
    except json.JSONDecodeError:
        assert expected is None
        return
    if isinstance(expected, dict) and not reasons and end == len(text.lstrip(" ").rstrip(" ")):
        assert value == expected


def test_limits_are_what_the_messages_say() -> None:
    assert values.MAX_CELL >= 200_000
    assert values.MAX_ROW > values.MAX_CELL
