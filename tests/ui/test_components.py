"""The parts that decide something by themselves."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.score import MetricInfo
from prompt_app.datasets.guessing import guessed_reference
from prompt_app.errors import EvaluationError
from prompt_app.ui.components.distribution import binned
from prompt_app.ui.components.errors import message_of
from prompt_app.ui.components.wording import (
    duration,
    money,
    number,
    plain,
    shortened,
    span,
    written,
)
from prompt_app.ui.headers import content_security_policy


def test_no_mark_of_markdown_is_left_unescaped() -> None:
    assert plain("[x](javascript:alert) $a$ :red[b] <b>") == (
        r"\[x\]\(javascript\:alert\) \$a\$ \:red\[b\] \<b\>"
    )
    assert plain("http://a.b www.c me@d.e x@1") == (
        "http\\:\u2060\\/\\/a\\.b www\u2060\\.c me\u2060\\@d\\.e x\\@1"
    )
    assert plain("one\ntwo") == "one  \ntwo"


@pytest.mark.parametrize(
    ("paths", "guess"),
    [
        (["question", "answers", "output"], "answers"),
        (["q", "data", "data.target"], "data.target"),
        (["prompt", "Expected Output"], "Expected Output"),
        (["Question", "Reference Answer(s)", "Source Doc ID"], "Reference Answer(s)"),
        (["a", "b"], "b"),
    ],
)
def test_the_reference_field_is_guessed(paths: list[str], guess: str) -> None:
    assert guessed_reference(paths) == guess


def info(kind: str, minimum: float | None, maximum: float | None) -> MetricInfo:
    return MetricInfo("m", "1", "higher", minimum, maximum, "", kind)  # type: ignore[arg-type]


def test_every_value_falls_into_a_bin() -> None:
    proportion = binned([0, 1, 1], info("proportion", 0, 1))
    assert list(proportion["samples"]) == [1, 2]
    assert binned([0.0, 0.5, 1.0], info("mean", 0, 1))["samples"].sum() == 3
    whole = binned([2, 4, 4], info("mean", 0, None))
    assert list(whole["value"]) == ["2", "3", "4"]
    assert list(whole["samples"]) == [1, 0, 2]
    assert binned([0.25] * 4, info("mean", 0, None))["samples"].sum() == 4


def test_values_are_written_as_files_have_them() -> None:
    assert written("it's") == "it's"
    assert written(["ä", None, True, {"a": 1.5}]) == '["ä", null, true, {"a": 1.5}]'


def test_numbers_are_short_and_right() -> None:
    assert [number(value) for value in (0.5, 0.8125, 7.1512, 99.51, 1204.4, 0, 3, 0.00042)] == [
        "0.500", "0.812", "7.15", "99.5", "1,204", "0", "3", "0.00042",
    ]  # fmt: skip
    assert [money(value) for value in (None, 0, 0.000123, 12.345)] == [
        "unknown", "$0.00", "$0.000123", "$12.35",
    ]  # fmt: skip
    assert [duration(value) for value in (None, 0.2, 59, 61, 7260)] == [
        "unknown", "under 1 s", "59 s", "1 min 1 s", "2 h 1 min",
    ]  # fmt: skip
    assert span("1", "1") == "1"
    assert shortened("a\n b" * 200, 5) == "a ba…"


def test_an_unforeseen_error_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    shown = message_of(RuntimeError("password=hunter2"))
    assert "hunter2" not in shown
    assert "hunter2" in caplog.text
    assert message_of(EvaluationError("Choose.")) == "Choose."


def test_the_content_policy_lets_no_other_script_run() -> None:
    policy = dict(part.split(" ", 1) for part in content_security_policy().split("; "))
    assert policy["default-src"] == "'self'"
    assert "unsafe" not in policy["script-src"]
    assert "'sha256-" in policy["script-src"]


def test_a_long_table_says_that_it_shows_a_part() -> None:
    def script(rows: int) -> None:
        import pandas as pd

        from prompt_app.ui.components.tables import data_table

        data_table(pd.DataFrame({"a": range(rows)}), "numbers", alt="Numbers")

    def captions(rows: int) -> list[str]:
        app = AppTest.from_function(script, args=(rows,)).run()
        assert not app.exception
        return [each.value for each in app.caption]

    assert captions(1_000) == []
    assert captions(1_001) == ["The first 1,000 of 1,001 are shown; the file has all."]
