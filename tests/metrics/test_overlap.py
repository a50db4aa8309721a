"""ROUGE, BLEU, chrF and edit distance against the libraries that define them."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]
from sacrebleu import sentence_bleu, sentence_chrf
from sacrebleu.metrics.chrf import CHRF

from prompt_app.errors import EvaluationError, NoReferenceError, TextTooLongError
from prompt_app.metrics.chrf_counting import CountedChrF
from tests.metrics.samples import make, sample, score, value

SENTENCES = st.lists(
    st.sampled_from(["the", "cat", "cats", "sat", "on", "a", "mat,", "running", "3.5", "don't"]),
    min_size=1,
    max_size=12,
).map(" ".join)
MEASURES = {"f1": "fmeasure", "precision": "precision", "recall": "recall"}


@settings(max_examples=60, deadline=None)
@given(text=SENTENCES, reference=SENTENCES, stem=st.booleans())
def test_rouge_agrees_with_rouge_score(text: str, reference: str, stem: bool) -> None:
    kinds = ["rouge1", "rouge2", "rougeL"]
    expected = RougeScorer(kinds, use_stemmer=stem).score(reference, text)
    for kind in kinds:
        for measure, attribute in MEASURES.items():
            ours = value("rouge", text, reference, type=kind, measure=measure, stem=stem)
            assert ours == pytest.approx(getattr(expected[kind], attribute))


def test_rouge_by_hand() -> None:
    # LCS "the cat on": 3 of 4 and 3 of 5 words.
    assert value("rouge", "The cat on it.", "the cat sat on mats") == pytest.approx(6 / 9)
    # One pair, "the cat", of 3 and of 4.
    assert value("rouge", "The cat on it.", "the cat sat on mats", type="rouge2") == pytest.approx(
        2 / 7
    )


def test_rouge_in_other_scripts() -> None:
    with pytest.raises(NoReferenceError, match="'unicode'"):
        value("rouge", "привет мир", "привет мир")
    assert value("rouge", "Привет, мир", "привет мир", unicode=True) == 1
    with pytest.raises(EvaluationError, match="stems English"):
        make("rouge", unicode=True, stem=True)


@settings(max_examples=60, deadline=None)
@given(text=SENTENCES, references=st.lists(SENTENCES, min_size=1, max_size=3))
def test_bleu_and_chrf_agree_with_sacrebleu(text: str, references: list[str]) -> None:
    bleu = sentence_bleu(text, references, use_effective_order=True).score
    assert value("bleu", text, *references) == pytest.approx(bleu)
    chrf = sentence_chrf(text, references).score
    assert value("chrf", text, *references) == pytest.approx(chrf)
    plus = sentence_chrf(text, references, word_order=2).score
    assert value("chrf", text, *references, word_order=2) == pytest.approx(plus)


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(max_size=30),
    references=st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=4),
    word_order=st.integers(0, 3),
    lowercase=st.booleans(),
)
def test_chrf_counts_as_sacrebleu_does(
    text: str, references: list[str], word_order: int, lowercase: bool
) -> None:
    given_options = {"word_order": word_order, "lowercase": lowercase}
    expected = CHRF(**given_options).sentence_score(text, references).score
    assert CountedChrF(**given_options).sentence_score(text, references).score == expected


def test_chrf_of_an_alphabet_without_end() -> None:
    text = "".join(chr(0x4E00 + place) for place in range(4_000))
    expected = CHRF().sentence_score(text, [text[5:], text[:-1]]).score
    assert CountedChrF().sentence_score(text, [text[5:], text[:-1]]).score == expected


def test_bleu_options() -> None:
    assert value("bleu", "The Cat", "the cat") == 0
    assert value("bleu", "The Cat", "the cat", ignore_case=True) == pytest.approx(100)
    assert value("bleu", "猫坐在垫子上", "猫坐在垫子上", tokenize="zh") == pytest.approx(100)
    assert score("bleu", "a b c d", "a b c d").reason == (
        "n-gram precisions 100/100/100/100, brevity penalty 1.00"
    )


@pytest.mark.parametrize("tokenize", ["13a", "intl", "zh", "char", "none"])
def test_bleu_keeps_no_texts(tokenize: str) -> None:
    metric = make("bleu", tokenize=tokenize)
    for number in range(50):
        text = f"{number} is a text that nobody else would write"
        metric.score(sample(text, text))
    gc.collect()
    held = [
        key
        for key in gc.get_objects()
        if isinstance(key, tuple)
        and any("nobody else" in part for part in key if type(part) is str)
    ]
    assert held == []


def test_edit_distance() -> None:
    assert value("edit_distance", "kitten", "sitting") == 3
    assert value("edit_distance", " kitten\n", "dog", "mitten") == 1
    assert value("edit_distance", "KITTEN", "kitten", ignore_case=True) == 0
    assert value("edit_distance", "e\u0301", "é") == 2
    assert value("edit_similarity", "kitten", "sitting") == pytest.approx(1 - 3 / 7)
    assert value("edit_similarity", "", "abc") == 0


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("edit_distance", 100_000),
        ("edit_similarity", 100_000),
        ("rouge", 200_000),
        ("bleu", 200_000),
        ("chrf", 100_000),
    ],
)
def test_sizes_at_which_they_refuse(name: str, limit: int) -> None:
    most = "ab cd " * (limit // 6)
    assert value(name, most, "ab cd ef") >= 0
    with pytest.raises(TextTooLongError, match=f"response has {limit + 1:,}"):
        value(name, "a" * (limit + 1), "a")
    with pytest.raises(TextTooLongError, match=f"reference has {limit + 1:,}"):
        value(name, "a", "a" * (limit + 1))
