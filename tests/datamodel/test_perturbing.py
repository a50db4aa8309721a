"""Disturbed text: seeded by row, small, and of what was asked for alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt_app.datamodel.perturbing import Perturbation, perturb_fields, perturb_text

SENTENCE = "What is the longest river of the continent, and where does it end?"


@pytest.mark.parametrize("kind", ["typos", "case", "whitespace"])
@given(text=st.text(), seed=st.integers(0, 5))
def test_equal_text_and_seed_give_equal_text(kind: str, text: str, seed: int) -> None:
    perturbation = Perturbation.model_validate({"kinds": [kind], "seed": seed})
    assert perturb_text(perturbation, text) == perturb_text(perturbation, text)


def disturbed(kind: str, text: str = SENTENCE, **more: object) -> str:
    return perturb_text(Perturbation.model_validate({"kinds": [kind], **more}), text)


def test_each_kind_does_what_it_says() -> None:
    assert disturbed("case").casefold() == SENTENCE.casefold()
    assert disturbed("whitespace").replace(" ", "") == SENTENCE.replace(" ", "")
    typos = disturbed("typos", rate=0.2)
    assert set(typos.casefold()) <= set(SENTENCE.casefold())
    assert abs(len(typos) - len(SENTENCE)) < 8


@pytest.mark.parametrize("kind", ["typos", "case", "whitespace"])
def test_every_text_is_disturbed_and_seeds_differ(kind: str) -> None:
    assert disturbed(kind, "Oslo", rate=0.001) != "Oslo"
    assert len({disturbed(kind, seed=seed) for seed in range(10)}) > 5
    assert disturbed(kind, "") == ""
    assert disturbed(kind, "!") == "!"


def test_a_higher_rate_changes_more() -> None:
    def changed(rate: float) -> int:
        text = disturbed("case", SENTENCE * 10, rate=rate)
        return sum(a != b for a, b in zip(text, SENTENCE * 10, strict=True))

    assert 10 < changed(0.05) < changed(0.5) < changed(1)


def test_kinds_follow_each_other() -> None:
    both = perturb_text(Perturbation(kinds=("case", "whitespace"), rate=0.2), SENTENCE)
    assert both.replace(" ", "").casefold() == SENTENCE.replace(" ", "").casefold()
    assert both.casefold() != SENTENCE.casefold()


def test_only_the_chosen_fields() -> None:
    fields = {"question": SENTENCE, "passage": SENTENCE, "n": 3, "nested": {"text": SENTENCE}}
    shown = ["question", "n", "nested.text", "absent"]
    all_shown = perturb_fields(Perturbation(), fields, shown)
    assert all_shown["question"] != SENTENCE
    assert all_shown["nested.text"] != SENTENCE
    assert (all_shown["passage"], all_shown["n"]) == (SENTENCE, 3)
    one = perturb_fields(Perturbation(fields=("question",)), fields, shown)
    assert "nested.text" not in one
    assert fields["question"] == SENTENCE
