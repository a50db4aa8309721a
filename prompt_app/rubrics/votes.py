"""Several replies of a model as one: the majority's label, and one reply's words for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from prompt_app.datamodel.base import Record
from prompt_app.rubrics.model import Assessment, ConceptAssessment


class ConceptVote(Record):
    """How the replies voted on one key concept of one work."""

    concept: str
    label: str | None
    """None for a tie, which is no label."""
    votes: dict[str, int]
    """Label -> replies that gave it, most first."""
    observations: str = ""
    evidence: str = ""
    reason: str = ""

    @property
    def is_tie(self) -> bool:
        return self.label is None

    @property
    def is_split(self) -> bool:
        return len(self.votes) > 1


def vote(assessments: Sequence[Assessment]) -> tuple[ConceptVote, ...]:
    """One vote for each key concept of one or more assessments by the same rubric.

    The label with more votes than any other wins; observations, evidence and reason are all of
    the first reply that gave it.
    """
    return tuple(_count(given) for given in zip(*assessments, strict=True))


def _count(given: Sequence[ConceptAssessment]) -> ConceptVote:
    counts = Counter(each.label for each in given).most_common()
    votes = dict(counts)
    concept = given[0].concept
    if len(counts) > 1 and counts[0][1] == counts[1][1]:
        tied = " and ".join(repr(label) for label, count in counts if count == counts[0][1])
        return ConceptVote(
            concept=concept, label=None, votes=votes, reason=f"A tie between {tied}."
        )
    winner = next(each for each in given if each.label == counts[0][0])
    return ConceptVote(
        concept=concept,
        label=winner.label,
        votes=votes,
        observations=winner.observations,
        evidence=winner.evidence,
        reason=winner.reason,
    )
