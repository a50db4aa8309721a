"""Worked examples of the metrics that compare an answer with references."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.metrics.scores import f_measure, precision, recall  # type: ignore[import-untyped]

from prompt_app.errors import NoReferenceError, TextTooLongError
from prompt_app.metrics.normalization import (
    fmeval_normalized,
    squad_normalized,
    without_punctuation,
)
from tests.metrics.samples import ANY_TEXT, score, value

PIECES = ["The", "a", "cat,", "sat", "SAT!", "on", "mat.", "\n"]
WORDS = st.lists(st.sampled_from(PIECES), max_size=8).map(" ".join)


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("The  Cat's\tmat.", "cats mat"),
        ("an apple a day", "apple day"),
        ("theatre", "theatre"),
        ("a-the", "athe"),
        ("«Oui»", "«oui»"),
        ("the\ncat", "cat"),
        ("", ""),
    ],
)
def test_squad_normalization(text: str, normalized: str) -> None:
    assert squad_normalized(text) == normalized


def test_fmeval_parts_words_at_spaces_only() -> None:
    assert fmeval_normalized("  The  cat's the mat. ") == "cats mat"
    assert fmeval_normalized("cat\nthe mat") == "cat\nthe mat"


def test_punctuation_of_every_script() -> None:
    assert without_punctuation("a-b! «c» ¿d?、e。$") == "ab c de"


@pytest.mark.parametrize(
    ("text", "references", "options", "expected"),
    [
        ("Paris", ("Paris",), {}, 1),
        (" Paris\n", ("Paris",), {}, 1),
        (" Paris\n", ("Paris",), {"strip": False}, 0),
        ("paris", ("Paris",), {}, 0),
        ("STRASSE", ("Straße",), {"ignore_case": True}, 1),
        ("Paris.", ("Paris",), {}, 0),
        ("Paris.", ("Paris",), {"ignore_punctuation": True}, 1),
        ("New \n York", ("New York",), {}, 0),
        ("New \n York", ("New York",), {"ignore_spacing": True}, 1),
        ("Gaul", ("France", "Gaul"), {}, 1),
        ("", ("France",), {}, 0),
    ],
)
def test_exact_match(
    text: str, references: tuple[str, ...], options: dict[str, bool], expected: int
) -> None:
    assert value("exact_match", text, *references, **options) == expected


def test_reasons_name_both_sides() -> None:
    assert score("exact_match", "Paris", "France").reason == "expected 'France', got 'Paris'"
    several = score("exact_match", "x\x00", "a", "b", "c", "d").reason
    assert several == "expected one of 'a', 'b', 'c' and 1 more, got 'x\\x00'"
    assert len(score("exact_match", "x" * 5000, "y" * 5000).reason) < 160


@pytest.mark.parametrize(
    ("text", "reference", "em", "f1"),
    [
        ("The Normans", "normans.", 1, 1),
        # 2 of 3 and 2 of 4 words: 2 * 2 / (3 + 4)
        ("cat sat mat", "cat mat dog house", 0, 4 / 7),
        # Repeated words count as often as both have them: 2 * 2 / (3 + 2)
        ("cat cat cat", "cat cat", 0, 4 / 5),
        ("dog", "cat", 0, 0),
        # Only articles on both sides: SQuAD 2.0 counts that as equal.
        ("the", "An", 1, 1),
        ("the", "cat", 0, 0),
    ],
)
def test_squad(text: str, reference: str, em: float, f1: float) -> None:
    assert value("squad_em", text, reference) == em
    assert value("squad_f1", text, reference) == pytest.approx(f1)


def test_the_best_reference_counts() -> None:
    result = score("squad_f1", "October 1973", "1973", "in October", "October 1973 crisis")
    assert result.value == pytest.approx(4 / 5)
    assert result.reason == "nearest reference 'October 1973 crisis'"


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        # Sets {cat, sat, mat} and {cat, mat, dog, house}.
        ("the cat cat sat mat", "cat mat dog house", (2 / 3, 2 / 4, 4 / 7)),
        ("Cat!", "the cat", (1, 1, 1)),
        ("", "cat", (0, 0, 0)),
        # fmeval gives 0 where nothing is left to divide by, even for equal texts.
        ("the", "the", (0, 0, 0)),
    ],
)
def test_words_as_in_fmeval(text: str, reference: str, expected: tuple[float, ...]) -> None:
    names = ("word_precision", "word_recall", "word_f1")
    assert tuple(value(name, text, reference) for name in names) == pytest.approx(expected)


@settings(max_examples=200, deadline=None)
@given(text=WORDS, reference=WORDS)
def test_words_agree_with_the_functions_that_fmeval_calls(text: str, reference: str) -> None:
    ours = set(fmeval_normalized(text).split())
    theirs = set(fmeval_normalized(reference).split())
    for name, function in (
        ("word_precision", precision),
        ("word_recall", recall),
        ("word_f1", f_measure),
    ):
        assert value(name, text, reference) == pytest.approx(function(theirs, ours) or 0.0)


def test_quasi_exact_match() -> None:
    assert value("quasi_exact_match", "  The Normans! ", "normans") == 1
    assert value("quasi_exact_match", "the\nNormans", "normans") == 0
    assert value("quasi_exact_match", "Norman", "normans") == 0


@pytest.mark.parametrize(
    ("text", "references", "options", "expected"),
    [
        ("It is in France.", ("France",), {}, 1),
        ("It is in france.", ("France",), {}, 0),
        ("It is in france.", ("France",), {"ignore_case": True}, 1),
        ("a party", ("art",), {}, 1),
        ("a party", ("art",), {"whole_words": True}, 0),
        ("a party of art", ("art",), {"whole_words": True}, 1),
        ("art", ("art",), {"whole_words": True}, 1),
        ("C++!", ("C++",), {"whole_words": True}, 1),
        ("cafe\u0301", ("cafe",), {"whole_words": True}, 0),
        ("red and blue", ("red", "green"), {}, 1),
        ("red and blue", ("red", "green"), {"require": "all"}, 0),
        ("red and blue", ("red", "blue"), {"require": "all"}, 1),
    ],
)
def test_contains(
    text: str, references: tuple[str, ...], options: dict[str, object], expected: int
) -> None:
    assert value("contains", text, *references, **options) == expected


def test_contains_names_what_is_missing() -> None:
    result = score("contains", "red", "red", "green", "blue", require="all")
    assert result.reason == "2 of 3 missing: 'green', 'blue'"


def test_whole_words_refuses_what_could_take_quadratic_time() -> None:
    with pytest.raises(TextTooLongError, match="2,001"):
        value("contains", "a", "a" * 2001, whole_words=True)


def test_factual_knowledge() -> None:
    assert value("factual_knowledge", "GERMANY, and its largest city", "Germany") == 1
    assert value("factual_knowledge", "the U.K.", "UK") == 0
    assert value("factual_knowledge", "the U.K.", "UK", quasi=True) == 1
    assert value("factual_knowledge", "Berlin", "Germany", "Berlin") == 1
    assert value("factual_knowledge", "Berlin", "Germany", "Berlin", require="all") == 0
    assert value("factual_knowledge", "a party", "art", whole_words=True) == 0


def test_a_fact_of_which_nothing_is_left_is_not_found_everywhere() -> None:
    with pytest.raises(NoReferenceError, match="leaves nothing"):
        value("factual_knowledge", "zebra", "The", quasi=True)
    assert value("factual_knowledge", "zebra", "The", "lion", quasi=True) == 0
    assert value("factual_knowledge", "zebra", "The", "zebra", quasi=True, require="all") == 1


@settings(max_examples=100, deadline=None)
@given(one=ANY_TEXT, other=ANY_TEXT)
def test_symmetric_metrics(one: str, other: str) -> None:
    for name in ("exact_match", "squad_em", "squad_f1", "word_f1", "edit_similarity"):
        assert value(name, one, other) == pytest.approx(value(name, other, one))


def test_length_and_call() -> None:
    assert value("length_words", " two  words\n") == 2
    assert value("length_characters", "é👍") == 2
    assert value("latency", "x") == 0.25
    assert value("cost", "x") == 0.002
    assert value("output_tokens", "x") == 7
