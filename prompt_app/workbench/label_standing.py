"""What a queue's labels say so far: progress, agreement, preferences."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prompt_app.datamodel.labelling import Annotation, LabelQueue
from prompt_app.errors import StatisticsError
from prompt_app.statistics.estimate import Estimate
from prompt_app.statistics.intervals import wilson_interval
from prompt_app.statistics.krippendorff import krippendorff_alpha
from prompt_app.statistics.preference import Outcome, Preference, bradley_terry

OUTCOMES: dict[str, Outcome] = {"first": "left", "equal": "tie", "second": "right"}


@dataclass(frozen=True, slots=True)
class LabellerCount:
    """What one person has done."""

    name: str
    labelled: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Split:
    """A row on which people differ."""

    example_id: str
    labels: Mapping[str, str]
    """Labeller's name -> label."""


@dataclass(frozen=True, slots=True)
class LabelStanding:
    """A queue as it stands."""

    rows: int
    labelled: int
    """Rows with a label."""
    answers: int
    """Labels in force; more than rows where several people label each."""
    labels: Mapping[str, int]
    """How often each was given."""
    labellers: tuple[LabellerCount, ...]
    """The busiest first."""
    alpha: Estimate | None
    """Krippendorff's, between people; None while no row has labels of two."""
    agreeing: Estimate | None
    """Share of the rows with several labels on which all are equal."""
    splits: tuple[Split, ...]
    preferred: Estimate | None
    """For pairs: the chance that the second run's reply is preferred, by Bradley and Terry."""


def standing(queue: LabelQueue, answers: Sequence[Annotation], rows: int) -> LabelStanding:
    given = [each for each in answers if each.label is not None]
    by_row: dict[str, list[Annotation]] = defaultdict(list)
    for each in given:
        by_row[each.example_id].append(each)
    several = [each for each in by_row.values() if len(each) > 1]
    splits = [each for each in several if len({one.label for one in each}) > 1]
    agree, n = len(several) - len(splits), len(several)
    return LabelStanding(
        rows=rows,
        labelled=len(by_row),
        answers=len(given),
        labels=Counter(str(each.label) for each in given),
        labellers=_labellers(answers),
        alpha=_alpha(queue, several) if several else None,
        agreeing=Estimate(agree / n, wilson_interval(agree, n), n) if several else None,
        splits=tuple(
            Split(each[0].example_id, {one.labeller_name: str(one.label) for one in each})
            for each in splits
        ),
        preferred=_preferred(given) if queue.is_pair and given else None,
    )


def consensus(answers: Sequence[Annotation]) -> dict[str, str]:
    """Example id -> the label of a strict majority; rows without one are left out."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for each in answers:
        if each.label is not None:
            votes[each.example_id][each.label] += 1
    found = {}
    for example, counted in votes.items():
        label, most = counted.most_common(1)[0]
        if 2 * most > counted.total():
            found[example] = label
    return found


def _labellers(answers: Sequence[Annotation]) -> tuple[LabellerCount, ...]:
    names = {each.labeller: each.labeller_name for each in answers}
    labelled = Counter(each.labeller for each in answers if each.label is not None)
    skipped = Counter(each.labeller for each in answers if each.label is None)
    counts = [LabellerCount(name, labelled[key], skipped[key]) for key, name in names.items()]
    return tuple(sorted(counts, key=lambda each: -each.labelled))


def _alpha(queue: LabelQueue, rows: Sequence[Sequence[Annotation]]) -> Estimate:
    """Ordinal for grades that are numbers, else nominal."""
    units = [[str(each.label) for each in row] for row in rows]
    grades = queue.rubric.labels
    is_graded = not queue.is_pair and all(_is_number(each) for each in grades)
    if is_graded:
        numbers = [[float(label) for label in unit if _is_number(label)] for unit in units]
        try:
            return krippendorff_alpha(numbers, "ordinal")
        except StatisticsError:
            return Estimate(None, None, 0)
    return krippendorff_alpha(units, "nominal")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _preferred(given: Sequence[Annotation]) -> Estimate:
    ranking = bradley_terry(
        [
            Preference("second", "first", _reversed(str(each.label)), cluster=each.example_id)
            for each in given
        ]
    )
    return ranking.probability("second", "first")


def _reversed(label: str) -> Outcome:
    """With the second run's reply as the left one."""
    outcome = OUTCOMES[label]
    return {"left": "right", "right": "left", "tie": "tie"}[outcome]  # type: ignore[return-value]
