"""Numbers in responses: where they are, and when they are equal."""

from __future__ import annotations

import json
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_data import real_file

from prompt_app.errors import EvaluationError, NoReferenceError, ScoringTimeoutError
from prompt_app.metrics.numeric_match import number_in
from tests.metrics.samples import make, score, value


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("He has 3 + 4 = 7.\n#### 18", "18"),
        ("#### 18\nI checked it 2 times.", "18"),
        ("#### $1,234.50 in all", "1234.50"),
        ("#### Answer\nIt is 5, not 6: 5", "5"),
        ("$1,234.50", "1234.50"),
        ("It costs $ 18.", "18"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("\u22127 degrees", "-7"),
        ("from 12-15", "15"),
        ("5-3", "3"),
        ("x-2", "2"),
        ("x = -2", "-2"),
        ("- 18 apples", "18"),
        ("1, 2, 3", "3"),
        ("1,2,3", "3"),
        ("1,234,567", "1234567"),
        ("1234,567", "567"),
        ("50%", "50"),
        ("(.5)", "0.5"),
        ("1.2.3", "3"),
        ("6e3", "6000"),
        ("6E-2", "0.06"),
        ("USD18", "18"),
        ("\\boxed{42}", "42"),
        ("**42**", "42"),
        ("0018", "18"),
        ("none", None),
        ("", None),
        ("#### ", None),
        ("\u0663", None),
    ],
)
def test_the_number_in_a_text(text: str, number: str | None) -> None:
    assert number_in(text) == (None if number is None else Decimal(number))


@given(st.integers(-(10**12), 10**12), st.booleans())
def test_any_integer_is_found(number: int, commas: bool) -> None:
    written = f"{number:,}" if commas else str(number)
    assert number_in(f"First 3, so the answer is {written}.") == number


def test_tolerance_holds_as_it_is_written() -> None:
    # In binary, 1.3 - 1 is more than 0.3.
    assert value("numeric_match", "1.3", "1", absolute_tolerance=0.3) == 1
    assert value("numeric_match", "1.31", "1", absolute_tolerance=0.3) == 0
    assert value("numeric_match", "-105", "-100", relative_tolerance=0.05) == 1
    assert value("numeric_match", "-106", "-100", relative_tolerance=0.05) == 0
    assert value("numeric_match", "100", "105", relative_tolerance=0.05) == 1
    assert value("numeric_match", "18", "18.0") == 1
    assert value("numeric_match", "18", "17", "18") == 1


def test_reasons() -> None:
    result = score("numeric_match", "about 17", "#### 18", "19")
    assert result.reason == "expected 18 or 19, got 17"
    assert result.details == {"number": "17"}
    lacking = score("numeric_match", "no idea", "18")
    assert (lacking.value, lacking.reason) == (0, "expected 18, found no number in 'no idea'")


def test_a_reference_without_a_number_is_no_wrong_answer() -> None:
    with pytest.raises(NoReferenceError, match="'none'"):
        value("numeric_match", "18", "none")
    assert value("numeric_match", "18", "none", "18") == 1


def test_patterns() -> None:
    options = {"pattern": r"answer:\s*(\S+)"}
    with pytest.raises(NoReferenceError, match="no number"):
        value("numeric_match", "answer: 18 of 20", "18", **options)
    options["reference_pattern"] = ".+"
    assert value("numeric_match", "answer: 7, no: answer: 18 of 20", "18", **options) == 1
    assert value("numeric_match", "18", "18", **options) == 0
    with pytest.raises(EvaluationError, match="'reference_pattern' '\\('"):
        make("numeric_match", reference_pattern="(")


def test_a_pattern_that_backtracks_for_ever_is_stopped() -> None:
    began = time.monotonic()
    with pytest.raises(ScoringTimeoutError, match="more than 1 s"):
        value("numeric_match", "a" * 60 + "!", "1", pattern="(a|aa)+$", reference_pattern=".")
    assert time.monotonic() - began < 30


def test_five_thousand_digits_compare_exactly() -> None:
    long = "9" * 5000
    began = time.monotonic()
    assert value("numeric_match", long, long) == 1
    assert value("numeric_match", f"-{long}", f"-{long}") == 1
    assert value("numeric_match", f"-{long}", f"-{long[:-1]}8") == 0
    assert value("numeric_match", long, long[:-1] + "8", absolute_tolerance=1) == 1
    assert value("numeric_match", long, long[:-1] + "7", absolute_tolerance=1) == 0
    assert len(score("numeric_match", long, "1").reason) < 100
    assert time.monotonic() - began < 10


def test_exponents_do_not_blow_up() -> None:
    assert value("numeric_match", "1e999999", "1e-999999", absolute_tolerance=1) == 0
    assert value("numeric_match", "-1e999999", "2", relative_tolerance=0.5) == 0
    assert value("numeric_match", "1e99999999999999999999", "1e999999") == 0


def test_every_gsm8k_answer_is_its_own() -> None:
    lines = real_file("gsm8k-test.jsonl").read_text("utf-8").splitlines()
    answers = [json.loads(line)["answer"] for line in lines]
    metric = make("numeric_match")
    for answer in answers:
        final = answer.rpartition("####")[2].strip().replace(",", "")
        assert number_in(answer) == Decimal(final)
        assert number_in(f"The answer is ${final}.") == Decimal(final)
    assert metric.info.kind == "proportion"
