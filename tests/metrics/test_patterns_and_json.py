"""Regular expressions and JSON: right answers, refusals, and nothing that hangs or fetches."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest

from prompt_app.errors import EvaluationError, MetricError, ScoringTimeoutError, TextTooLongError
from prompt_app.metrics import patterns
from tests.metrics.samples import make, score, value

HANGS = "(a|aa)+$"
HUNG = "a" * 60 + "!"


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("It is Paris.", {"pattern": "P.ris"}, 1),
        ("It is paris.", {"pattern": "P.ris"}, 0),
        ("It is paris.", {"pattern": "P.ris", "ignore_case": True}, 1),
        ("Paris.", {"pattern": "P.ris", "full": True}, 0),
        ("Paris", {"pattern": "P.ris", "full": True}, 1),
        ("I am sorry", {"pattern": "sorry", "negate": True}, 0),
        ("Paris", {"pattern": "sorry", "negate": True}, 1),
        ("", {"pattern": ""}, 1),
    ],
)
def test_regex_match(text: str, options: dict[str, Any], expected: int) -> None:
    assert value("regex_match", text, **options) == expected


def test_regex_reasons() -> None:
    assert score("regex_match", "a 12", pattern=r"\d+").reason == "matched '12' at character 2"
    assert score("regex_match", "ab", pattern="c").reason == "no match for 'c' in 'ab'"


def test_a_wrong_pattern_is_refused_before_the_run() -> None:
    with pytest.raises(EvaluationError, match=r"'pattern' '\(a' is malformed: missing \)"):
        make("regex_match", pattern="(a")
    with pytest.raises(EvaluationError, match="10,001 characters"):
        make("regex_match", pattern="a" * 10_001)
    with pytest.raises(EvaluationError, match="'pattern' is required"):
        make("regex_match")


def test_a_pattern_that_backtracks_for_ever_is_stopped() -> None:
    began = time.monotonic()
    with pytest.raises(ScoringTimeoutError, match="nested repeats"):
        value("regex_match", HUNG, pattern=HANGS)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": [1, null, "x"]}', 1),
        (" [1]\n", 1),
        ("12", 1),
        ("9" * 5000, 1),
        ('"\\ud800"', 1),
        ("{'a': 1}", 0),
        ('{"a": 1,}', 0),
        ('{"a": NaN}', 0),
        ("-Infinity", 0),
        ('\ufeff{"a": 1}', 0),
        ('{"a": 1} done', 0),
        ("", 0),
    ],
)
def test_json_valid(text: str, expected: int) -> None:
    assert value("json_valid", text) == expected


@pytest.mark.parametrize(
    "text", ["```json\n[1]\n```", "```\n[1]\n```\n", "\n```JSON \n[1]\n  ```", "[1]"]
)
def test_a_code_fence_is_an_option(text: str) -> None:
    assert value("json_valid", text, allow_code_fence=True) == 1
    assert value("json_valid", text) == (text == "[1]")
    assert value("json_schema", text, schema={"type": "array"}, allow_code_fence=True) == 1


def test_text_around_a_code_fence_is_not_json() -> None:
    assert value("json_valid", "Here:\n```\n[1]\n```", allow_code_fence=True) == 0


def test_top_level() -> None:
    assert value("json_valid", "[1]", top_level="object") == 0
    assert value("json_valid", "{}", top_level="object") == 1
    assert value("json_valid", "[]", top_level="array") == 1


def test_json_reasons_say_where() -> None:
    wrong = score("json_valid", '{"a":\n x}')
    assert wrong.reason == "not JSON at line 2, column 2: Expecting value"


def test_json_that_cannot_be_judged() -> None:
    with pytest.raises(MetricError, match="too deeply"):
        value("json_valid", "[" * 200_000 + "]" * 200_000)
    with pytest.raises(TextTooLongError, match="2,000,001"):
        value("json_valid", " " * 2_000_001)
    with pytest.raises(MetricError, match="5,000 digits"):
        value("json_schema", "9" * 5000, schema={"type": "integer"})


SCHEMA = {
    "$defs": {"city": {"type": "string", "pattern": "^[A-Z]"}},
    "type": "object",
    "properties": {
        "city": {"$ref": "#/$defs/city"},
        "tags": {"type": "array", "uniqueItems": True},
    },
    "patternProperties": {"^x-": {"type": "integer"}},
    "additionalProperties": False,
    "required": ["city"],
}


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"city": "Paris", "tags": [1, True, "1", [1], {"a": 1}], "x-n": 2}, ""),
        ({}, "at $: 'city' is a required property"),
        ({"city": "paris"}, "at $.city: 'paris' does not match '^[A-Z]'"),
        ({"city": "Paris", "y": 1}, "at $: the property 'y' is not allowed"),
        ({"city": "Paris", "x-n": "2"}, "at $['x-n']: '2' is not of type 'integer'"),
        ({"city": "Paris", "tags": [1, 1.0]}, "at $.tags: an item of the array occurs twice"),
        ({"city": "Paris", "tags": [{"a": [1]}, {"a": [1]}]}, "at $.tags: an item"),
        ([], "at $: [] is not of type 'object'"),
    ],
)
def test_json_schema(document: Any, problem: str) -> None:
    result = score("json_schema", json.dumps(document), schema=SCHEMA)
    assert result.value == (not problem)
    assert result.reason.startswith(problem or "fits the schema")


def test_additional_properties_may_have_a_schema() -> None:
    schema = {"additionalProperties": {"type": "integer"}}
    assert value("json_schema", '{"a": 1}', schema=schema) == 1
    assert value("json_schema", '{"a": "1"}', schema=schema) == 0
    assert value("json_schema", '{"a": "1"}', schema={"additionalProperties": True}) == 1


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "objekt"}, r"wrong at \$.type: 'objekt'"),
        ({"pattern": "("}, r"wrong at \$.pattern"),
        ({"$schema": "https://example.org/mine"}, "names no draft"),
        ("object", "'schema"),
    ],
)
def test_a_wrong_schema_is_refused_before_the_run(schema: Any, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        make("json_schema", schema=schema)


def test_an_older_draft_is_kept_to() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "minimum": 1,
        "exclusiveMinimum": True,
    }
    assert value("json_schema", "1", schema=schema) == 0


def test_no_reference_is_ever_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        with pytest.raises(MetricError, match="nothing is fetched"):
            value("json_schema", "1", schema={"$ref": address})
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        ({"pattern": HANGS}, HUNG),
        ({"patternProperties": {HANGS: True}}, {HUNG: 1}),
        ({"additionalProperties": False, "patternProperties": {HANGS: True}}, {HUNG: 1}),
        ({"propertyNames": {"pattern": HANGS}}, {HUNG: 1}),
    ],
)
def test_patterns_of_a_schema_are_stopped(
    schema: Any, document: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns, "TIMEOUT_SECONDS", 0.1)
    began = time.monotonic()
    with pytest.raises(ScoringTimeoutError):
        value("json_schema", json.dumps(document), schema=schema)
    assert time.monotonic() - began < 30


def test_a_schema_that_refers_to_itself_for_ever() -> None:
    with pytest.raises(MetricError, match="does not end"):
        value("json_schema", "1", schema={"$ref": "#"})


def test_unique_items_takes_linear_time() -> None:
    items = json.dumps([{"n": number} for number in range(20_000)])
    began = time.monotonic()
    assert value("json_schema", items, schema={"uniqueItems": True}) == 1
    assert time.monotonic() - began < 30
