"""The built-in functions, each by an example."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pipelines.making import failure, value

from prompt_app.pipelines.catalogue import built_in_functions
from prompt_app.pipelines.functions import FUNCTIONS

ROWS = '[{"n": "b", "v": 2}, {"n": "a", "v": 10, "x": null}]'
EXAMPLES: list[tuple[str, Any]] = [
    ("add_days('2026-12-31', 1)", "2027-01-01"),
    ("column(rows, 'n')", ["b", "a"]),
    ("concat('a', 1, null, 'b')", "a1b"),
    ("contains('Paris', 'par')", True),
    ("count([1, 2])", 2),
    ("days_between('2026-01-01', '2026-03-01')", 59),
    ("default('', 'none')", "none"),
    ("default(0, 'none')", 0),
    ("exclude(['ab', 'cd'], 'A')", ["cd"]),
    ("extract_code('Here:\\n```sql\\nSELECT 1\\n```\\nDone')", "SELECT 1"),
    ("extract_code('plain')", "plain"),
    ("fill('{a}-{b}', a=1, b='{a}')", "1-{a}"),
    ("find_all('a1 b22', '[a-z](\\\\d+)')", ["1", "22"]),
    ("first([])", None),
    ("first(['x', 'y'])", "x"),
    ("flatten([1, [2, [3]]])", [1, 2, [3]]),
    ("format_date('2026-01-02', '%d.%m.%Y')", "02.01.2026"),
    ("from_csv('a;b\\n1;\"x;y\"', ';')", [{"a": "1", "b": "x;y"}]),
    ("from_json('```json\\n{\"a\": [1]}\\n```')", {"a": [1]}),
    ("get(from_json('{\"a\": [{\"b\": 7}]}'), 'a.0.b')", 7),
    ("item(['x', 'y', 'z'], -1)", "z"),
    ("item('a\\nb', 2)", "b"),
    ("join(['a', 2], ', ')", "a, 2"),
    ("keep(['ab', 'cd'], 'B')", ["ab"]),
    ('keys(from_json(\'{"b": 1, "a": 2}\'))', ["b", "a"]),
    ("last([1, 2])", 2),
    ("lines(' a \\n\\nb')", ["a", "b"]),
    ("lower('AB')", "ab"),
    ("match('id: 42', '\\\\d+')", "42"),
    ("match('none', '\\\\d+')", ""),
    ("merge(object(a=1, b=2), object(b=3))", {"a": 1, "b": 3}),
    ("number_lines(['a', 'b'])", "1. a\n2. b"),
    ("object(q='x')", {"q": "x"}),
    ("replace('aXbX', 'X', '--')", "a--b--"),
    ("replace_pattern('a1', '(\\\\d)', '<\\\\1>')", "a<1>"),
    ("reverse([1, 2])", [2, 1]),
    ("rows_where(rows, 'v', 10)", [{"n": "a", "v": 10, "x": None}]),
    ("select(rows, 'v')", [{"v": 2}, {"v": 10}]),
    ("select(rows, ['v', 'n'])", [{"v": 2, "n": "b"}, {"v": 10, "n": "a"}]),
    ("slice(['a', 'b', 'c'], 2)", ["b", "c"]),
    ("slice(['a', 'b', 'c'], 1, 2)", ["a", "b"]),
    ("sort([10, 9])", [9, 10]),
    ("sort(['b', 'A'], descending=true)", ["b", "A"]),
    ("sort_rows(rows, 'v', descending=true)", [{"n": "a", "v": 10, "x": None}, {"n": "b", "v": 2}]),
    ("split('a, b')", ["a", "b"]),
    ("strip(' a ')", "a"),
    ("title('ab cd')", "Ab Cd"),
    ("to_csv(rows)", "n,v,x\nb,2,\na,10,\n"),
    ("to_json('ä')", '"ä"'),
    ("to_markdown(rows)", "| n | v | x |\n| --- | --- | --- |\n| b | 2 |  |\n| a | 10 |  |"),
    ("truncate('abcdef', 4)", "abc…"),
    ("unique([1, 2, 1])", [1, 2]),
    ("upper('ß')", "SS"),
    ("weekday('2026-11-21')", "Saturday"),
    ("word_count('a b  c')", 3),
]


@pytest.mark.parametrize(("text", "expected"), EXAMPLES, ids=[text for text, _ in EXAMPLES])
def test_it_gives_what_it_says(text: str, expected: Any) -> None:
    arguments = {"rows": ROWS} if "rows" in text.replace("rows_", "").replace("_rows", "") else {}
    assert value(text, **arguments) == expected


def test_every_function_has_an_example_and_a_description() -> None:
    shown = {text.partition("(")[0] for text, _ in EXAMPLES}
    assert set(FUNCTIONS) - shown == {"now", "today"}
    assert len(FUNCTIONS) >= 20
    for info in built_in_functions():
        assert info.description.endswith("."), info.name
        assert info.returns != "", info.name


def test_now_and_today_are_in_utc() -> None:
    assert date.fromisoformat(value("today()")).year >= 2026
    assert value("now()").endswith("Z")
    assert value("days_between(today(), add_days(today(), 1))") == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("from_json('{a}')", "no valid JSON"),
        ("from_json('NaN')", "NaN is not allowed"),
        ("get(object(a=1), 'b')", "nothing at 'b'"),
        ("item([1], 0)", "no item 0"),
        ("split('a', '')", "'separator' is empty"),
        ("replace('a', '', 'b')", "'old' is empty"),
        ("fill('{x}', y=1)", "{x}"),
        ("column(from_csv('alpha\\n1'), 'alhpa')", "Did you mean 'alpha'?"),
        ("add_days('2026-01-01', 99999999)", "no date"),
        ("truncate('a', 0)", "at least 1"),
        ("slice([1], 0)", "at least 1"),
    ],
)
def test_what_cannot_be_done_is_said(text: str, says: str) -> None:
    assert says in failure(text)
