"""What every metric of the table must do. A new metric is covered by its line in the table; one
with a required option, or that likes only some texts, gets a line in the two tables here."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings

from prompt_app.datamodel.score import MetricSpec, Score
from prompt_app.errors import EvaluationError, MetricError, NoReferenceError, UnknownNameError
from prompt_app.metrics import METRICS, create_metric, list_metrics, metric_class
from prompt_app.metrics.options import option_names, options_schema
from tests.metrics.samples import ANY_TEXT, make, sample

REQUIRED: dict[str, dict[str, Any]] = {
    "regex_match": {"pattern": "Paris"},
    "json_schema": {"schema": {"type": "object", "required": ["city"]}},
    "llm_rubric": {"criterion": "names a city"},
    "pairwise": {"against": "other"},
    "rubric_label": {"rubric": "how good it is", "labels": ["Good", "Bad"]},
}
"""Options without which a metric cannot be made."""
PERFECT = {"json_valid": '{"city": "Paris"}', "json_schema": '{"city": "Paris"}'}
"""A response that gets the best value, where it is not this one:"""
USUAL = "Paris has 18 bridges"

NAMES = list(METRICS)
SCORING = [name for name in NAMES if not metric_class(name).info.needs_judge]
LIKENESS = [
    name
    for name in SCORING
    if metric_class(name).info.direction == "higher" or metric_class(name).info.needs_reference
]


def made(name: str) -> Any:
    return make(name, **REQUIRED.get(name, {}))


def check(name: str, result: Score) -> None:
    info = metric_class(name).info
    assert result.metric == name
    assert result.version == info.version
    assert info.minimum is None or result.value >= info.minimum
    assert info.maximum is None or result.value <= info.maximum
    assert info.kind == "mean" or result.value in (0.0, 1.0)
    assert len(result.reason) <= 400
    stored = result.to_json()
    assert "\\u0000" not in stored
    assert Score.from_json(stored.encode()) == result


def outcome(name: str, metric: Any, text: str, reference: str) -> Score | str:
    """A checked score, or the message of the error that says why there is none."""
    try:
        result: Score = metric.score(sample(text, reference))
    except MetricError as refusal:
        return str(refusal)
    check(name, result)
    return result


@pytest.mark.parametrize("name", NAMES)
def test_info_is_complete(name: str) -> None:
    info = metric_class(name).info
    assert info.name == name
    assert info.version
    assert info.direction in ("higher", "lower", "neutral")
    assert info.description.endswith(".")
    assert info.direction != "higher" or info.maximum is not None, "what would be perfect?"
    if info.kind == "proportion":
        assert (info.minimum, info.maximum) == (0, 1)


@pytest.mark.parametrize("name", NAMES)
def test_is_a_frozen_dataclass(name: str) -> None:
    metric = made(name)
    assert dataclasses.is_dataclass(metric)
    for option in dataclasses.fields(metric):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(metric, option.name, None)


@pytest.mark.parametrize("name", NAMES)
def test_options_are_described_and_checked(name: str) -> None:
    judge = "offline:echo" if metric_class(name).info.needs_judge else None
    schema = options_schema(metric_class(name))
    assert list(schema) == option_names(metric_class(name))
    for option, described in schema.items():
        assert described["description"].endswith("."), option
        options = {**REQUIRED.get(name, {}), option: [["wrong"]]}
        with pytest.raises(EvaluationError, match=option):
            create_metric(
                MetricSpec.model_validate({"name": name, "options": options, "judge": judge})
            )


@pytest.mark.parametrize("name", NAMES)
def test_unknown_option_is_refused(name: str) -> None:
    known = option_names(metric_class(name))
    wrong = f"{known[0]}x" if known else "anything"
    with pytest.raises(EvaluationError, match=wrong) as refusal:
        make(name, **REQUIRED.get(name, {}), **{wrong: 1})
    assert (f"Did you mean '{known[0]}'?" if known else "It takes none.") in str(refusal.value)


@pytest.mark.parametrize("name", LIKENESS)
def test_equal_text_gets_the_best_value(name: str) -> None:
    info = metric_class(name).info
    text = PERFECT.get(name, USUAL)
    result = made(name).score(sample(text, "something else", text))
    check(name, result)
    assert result.value == (info.maximum if info.direction == "higher" else info.minimum)


@pytest.mark.parametrize("name", LIKENESS)
def test_other_text_scores_worse(name: str) -> None:
    info = metric_class(name).info
    text = PERFECT.get(name, USUAL)
    best = made(name).score(sample(text, text)).value
    other = made(name).score(sample("Zwolle??", text)).value
    assert other < best if info.direction == "higher" else other > best


@pytest.mark.parametrize("name", SCORING)
def test_no_reference(name: str) -> None:
    if metric_class(name).info.needs_reference:
        with pytest.raises(NoReferenceError, match="reference"):
            made(name).score(sample(USUAL))
    else:
        check(name, made(name).score(sample(USUAL)))


@pytest.mark.parametrize("name", SCORING)
@settings(max_examples=60, deadline=None)
@given(text=ANY_TEXT, reference=ANY_TEXT)
def test_any_text_scores_or_says_why_not(name: str, text: str, reference: str) -> None:
    first = outcome(name, made(name), text, reference)
    assert first
    assert outcome(name, made(name), text, reference) == first


@pytest.mark.parametrize("name", SCORING)
@pytest.mark.parametrize("piece", ["a", "ab c1, ", "- ", "9", '{"', "[", "####1", "the ", "\ud800"])
def test_a_megabyte_does_not_hang(name: str, piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    metric = made(name)
    began = time.monotonic()
    result = outcome(name, metric, text, text[:-1] + "b")
    assert time.monotonic() - began < 20
    assert isinstance(result, Score) or len(result) < 500


@pytest.mark.parametrize("name", SCORING)
def test_threads_do_not_disturb_each_other(name: str) -> None:
    metric = made(name)
    samples = [sample(f"{USUAL} {number}", f"{USUAL} {number % 7}") for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(metric.score, samples))
    assert together == [made(name).score(one) for one in samples]


def test_table_lists_every_metric_once() -> None:
    assert [info.name for info in list_metrics()] == NAMES
    assert len(set(METRICS.values())) == len(NAMES)


def test_unknown_metric_gets_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'squad_f1'"):
        create_metric(MetricSpec.model_validate("squadf1"))


def test_importing_the_table_imports_no_metric() -> None:
    heavy = ["rapidfuzz", "sacrebleu", "rouge_score", "nltk", "jsonschema", "regex", "numpy"]
    code = (
        "import sys, prompt_app.metrics; "
        f"print([name for name in {heavy} + ['prompt_app.metrics.squad'] if name in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert loaded.stdout.strip() == "[]"


def test_listing_metrics_imports_nothing_slow() -> None:
    code = (
        "import sys; from prompt_app.metrics import list_metrics; list_metrics(); "
        "print([name for name in ('sacrebleu', 'rouge_score', 'nltk') if name in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert loaded.stdout.strip() == "[]"
