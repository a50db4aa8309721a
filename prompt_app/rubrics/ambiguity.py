"""Where a rubric is not clear: people disagree with each other, or the model's votes flip. It is
to be mended before the model is blamed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from prompt_app.datamodel.base import Record
from prompt_app.rubrics.model import LessonData
from prompt_app.rubrics.results import LessonResult


class AmbiguousRow(Record):
    """One work that people or votes see differently."""

    student: str
    people: dict[str, str]
    """Rater -> label; ``actual`` is who made ``actual_labels.csv``."""
    votes: dict[str, int]
    """Label -> replies; empty where they agree."""


class Clause(Record):
    """Two labels of a key concept that are mistaken for each other."""

    labels: tuple[str, str]
    definitions: tuple[str, str]
    people: int
    """Pairs of people that disagree so."""
    votes: int
    """Works whose replies disagree so."""


class AmbiguousConcept(Record):
    """A key concept, with the rows that show what is not clear in it."""

    name: str
    instructions: str
    rated: int
    """Works that two or more people have labelled."""
    people_disagree: int
    """Of those."""
    alpha: float | None
    """Krippendorff's, ordinal, between people; None where it is undefined."""
    alpha_interval: tuple[float, float] | None
    voted: int
    """Works with two or more readable replies."""
    votes_flip: int
    """Of those."""
    clauses: tuple[Clause, ...]
    """Most often mistaken first."""
    rows: tuple[AmbiguousRow, ...]

    @property
    def is_clear(self) -> bool:
        return not self.rows


def find_ambiguity(result: LessonResult, data: LessonData) -> tuple[AmbiguousConcept, ...]:
    """Every key concept, the least clear first: by the share of works that people see
    differently, then by the share whose votes flip."""
    concepts = [_concept(name, result, data) for name in result.experiment.rubric.names]
    return tuple(
        sorted(
            concepts,
            key=lambda c: (_share(c.people_disagree, c.rated), _share(c.votes_flip, c.voted)),
            reverse=True,
        )
    )


def describe_ambiguity(concept: AmbiguousConcept) -> str:
    """What to do first, and Krippendorff's alpha between people where it is defined."""
    alpha = ""
    if concept.alpha is not None:
        alpha = f" Krippendorff's alpha between people is {concept.alpha:.2f}"
        if concept.alpha_interval is not None:
            low, high = concept.alpha_interval
            alpha += f" (95% interval {low:.2f} to {high:.2f})"
        alpha += "."
    if concept.is_clear:
        return f"{concept.name}: nothing shows that it is unclear.{alpha}"
    told = []
    if concept.people_disagree:
        told.append(f"people disagree on {concept.people_disagree} of {concept.rated} works")
    if concept.votes_flip:
        told.append(f"the votes flip on {concept.votes_flip} of {concept.voted}")
    first, second = concept.clauses[0].labels
    mend = "mend the rubric" if concept.people_disagree else "try a clearer clause"
    clause = f"{mend} where it parts {first!r} from {second!r}"
    return f"{concept.name}: {', '.join(told)}; {clause}.{alpha}"


def _concept(name: str, result: LessonResult, data: LessonData) -> AmbiguousConcept:
    labels = result.experiment.rubric.labels
    concept = next(c for c in result.experiment.rubric.concepts if c.name == name)
    rows, ratings = [], []
    voted = 0
    confused: dict[str, Counter[tuple[str, str]]] = {"people": Counter(), "votes": Counter()}
    for student in result.students:
        people = _people(student.student, name, data)
        ratings.append(list(people.values()))
        votes = next((v.votes for v in student.votes if v.concept == name), {})
        voted += sum(votes.values()) >= 2
        split = votes if len(votes) > 1 else {}
        for pair in combinations(people.values(), 2):
            if pair[0] != pair[1]:
                confused["people"][_ordered(pair, labels)] += 1
        for pair in combinations(split, 2):
            confused["votes"][_ordered(pair, labels)] += 1
        if split or len(set(people.values())) > 1:
            rows.append(AmbiguousRow(student=student.student, people=people, votes=split))
    alpha, bounds = _alpha(ratings, labels)
    definitions = dict(zip(labels, concept.definitions, strict=True))
    pairs = confused["people"] + confused["votes"]
    return AmbiguousConcept(
        name=name,
        instructions=concept.instructions,
        rated=sum(len(each) > 1 for each in ratings),
        people_disagree=sum(len(set(row.people.values())) > 1 for row in rows),
        alpha=alpha,
        alpha_interval=bounds,
        voted=voted,
        votes_flip=sum(bool(row.votes) for row in rows),
        clauses=tuple(
            Clause(
                labels=pair,
                definitions=(definitions[pair[0]], definitions[pair[1]]),
                people=confused["people"][pair],
                votes=confused["votes"][pair],
            )
            for pair, _ in pairs.most_common()
        ),
        rows=tuple(rows),
    )


def _people(student: str, concept: str, data: LessonData) -> dict[str, str]:
    given = {}
    for rater, labels in [("actual", data.actual), *data.raters.items()]:
        row = labels.of(student)
        label = row.labels.get(concept) if row is not None else None
        if label is not None:
            given[rater] = label
    return given


def _ordered(pair: tuple[str, str], labels: Sequence[str]) -> tuple[str, str]:
    first, second = sorted(pair, key=labels.index)
    return first, second


def _alpha(
    ratings: Sequence[Sequence[str]], labels: Sequence[str]
) -> tuple[float | None, tuple[float, float] | None]:
    if not any(len(each) > 1 for each in ratings):
        return None, None
    from prompt_app.statistics.krippendorff import krippendorff_alpha

    estimate = krippendorff_alpha(ratings, "ordinal", order=labels)
    bounds = estimate.interval
    return estimate.value, None if bounds is None else (bounds.lower, bounds.upper)


def _share(count: int, total: int) -> float:
    return count / total if total else 0.0
