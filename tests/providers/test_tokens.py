"""Token counts without a tokenizer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt_app.datamodel.prompt import Message
from prompt_app.providers.tokens import TOKENS_PER_MESSAGE, estimate_tokens, most_tokens

ENGLISH = (
    "The quick brown fox jumps over the lazy dog, and then it goes home to sleep for a while. "
) * 20


def user(*contents: str) -> list[Message]:
    return [Message(role="user", content=text) for text in contents]


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        # A token is 4 to 5 characters of English prose; one or a little more of CJK.
        (ENGLISH, len(ENGLISH) / 4.2, len(ENGLISH) / 3),
        ("漢字仮名交じり文" * 50, 400, 600),
        ("Съешь ещё этих мягких французских булок " * 20, 250, 800),
        ("", 0, 0),
    ],
)
def test_the_estimate_errs_on_the_high_side(text: str, least: float, most: float) -> None:
    assert least <= estimate_tokens(user(text)) - TOKENS_PER_MESSAGE <= most


@given(st.lists(st.text(st.characters()), max_size=5))
def test_no_estimate_exceeds_the_most(contents: list[str]) -> None:
    messages = user(*contents)
    assert 0 <= estimate_tokens(messages) <= most_tokens(messages)


@given(st.text(), st.text())
def test_a_longer_prompt_never_counts_less(one: str, other: str) -> None:
    assert estimate_tokens(user(one + other)) >= estimate_tokens(user(one))
    assert (
        most_tokens(user(one + other))
        >= most_tokens(user(one))
        >= len(one.encode("utf-8", "surrogatepass"))
    )


@pytest.mark.parametrize("dense", ["Zm9vYmFy" * 100, "3141592653589793" * 100, "\U0001f9d1" * 50])
def test_the_most_holds_for_the_densest_text(dense: str) -> None:
    """A byte-level tokenizer makes at most a token of each byte."""
    assert most_tokens(user(dense)) >= len(dense.encode())
