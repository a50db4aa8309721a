"""The majority of several replies."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from prompt_app.rubrics.model import Assessment, ConceptAssessment
from prompt_app.rubrics.votes import ConceptVote, vote


def said(label: str, number: int) -> Assessment:
    words = {name: f"{name} {number}" for name in ("observations", "evidence", "reason")}
    return (ConceptAssessment(concept="A", label=label, **words),)


def votes(*labels: str) -> ConceptVote:
    (voted,) = vote([said(label, number) for number, label in enumerate(labels)])
    return voted


def test_the_words_come_from_one_reply_that_won() -> None:
    voted = votes("No", "Yes", "Yes")
    assert voted.label == "Yes"
    assert voted.votes == {"Yes": 2, "No": 1}
    assert (voted.observations, voted.evidence, voted.reason) == (
        "observations 1", "evidence 1", "reason 1",
    )  # fmt: skip
    assert voted.is_split
    assert not voted.is_tie


def test_a_tie_is_named_and_is_no_label() -> None:
    voted = votes("No", "Yes")
    assert voted.label is None
    assert voted.reason == "A tie between 'No' and 'Yes'."


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=9))
def test_a_label_wins_with_more_votes_than_any_other(labels: list[str]) -> None:
    counts = Counter(labels)
    best = [label for label, count in counts.items() if count == max(counts.values())]
    assert votes(*labels).label == (best[0] if len(best) == 1 else None)
    assert votes(*labels).votes == counts
