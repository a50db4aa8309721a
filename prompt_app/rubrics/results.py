"""What was measured on one lesson: every work with its votes, its labels and its errors."""

from __future__ import annotations

from typing import Literal

from prompt_app.datamodel.base import Record
from prompt_app.datamodel.counting import summed_cost
from prompt_app.datamodel.model import TokenUsage
from prompt_app.rubrics.model import DEFAULT_PASSING, TUNING_SPLIT, Experiment, StudentLabels
from prompt_app.rubrics.votes import ConceptVote

Source = Literal["model", "cache", "blank", "rules"]
View = Literal["exact", "pass_fail"]
"""Labels as they are, or only whether they pass."""
PASS, FAIL = "Pass", "Fail"


class ReplyProblem(Record):
    """A reply that could not be read, or a call that was not answered."""

    kind: str
    message: str


class StudentResult(Record):
    """One work, assessed and labelled."""

    student: str
    file: str
    source: Source
    votes: tuple[ConceptVote, ...] = ()
    """One for each key concept; none where no reply could be read."""
    problems: tuple[ReplyProblem, ...] = ()
    actual: StudentLabels | None = None
    worked_example: bool = False
    cost_usd: float | None = 0.0
    """None where the model's price is not known."""
    usage: TokenUsage = TokenUsage()
    """Of calls made now; replies from the cache cost nothing."""

    @property
    def held_out(self) -> bool:
        """Whether it measures anything: not shown to the model, and not used for tuning."""
        tuned = self.actual is not None and self.actual.split == TUNING_SPLIT
        return not self.worked_example and not tuned


class LessonResult(Record):
    """One lesson, tested. ``passing`` is how many labels pass, counted from the best."""

    dataset: str
    experiment: Experiment
    model: str
    """The exact model, with its options."""
    passing: int = DEFAULT_PASSING
    students: tuple[StudentResult, ...] = ()
    dataset_hash: str = ""
    """Of all works and labels as they were; empty in results of older versions."""

    @property
    def lesson(self) -> str:
        return self.experiment.lesson

    @property
    def cost_usd(self) -> float | None:
        return summed_cost(student.cost_usd for student in self.students)

    def shown(self, label: str | None, view: View) -> str | None:
        """A label as it counts in ``view``."""
        if label is None or view == "exact":
            return label
        return PASS if self.experiment.rubric.labels.index(label) < self.passing else FAIL

    def distance(self, student: StudentResult, vote: ConceptVote, view: View) -> int | None:
        """How many labels a prediction is off the person's; None where one of them is missing."""
        given = student.actual.labels.get(vote.concept) if student.actual is not None else None
        actual, predicted = self.shown(given, view), self.shown(vote.label, view)
        if actual is None or predicted is None:
            return None
        labels = self.labels(view)
        return abs(labels.index(actual) - labels.index(predicted))

    def labels(self, view: View) -> tuple[str, ...]:
        """Best first."""
        return self.experiment.rubric.labels if view == "exact" else (PASS, FAIL)


class Pair(Record):
    """A person's label and the predicted one, of one key concept of one work."""

    student: str
    concept: str
    actual: str
    predicted: str | None
    """None where no reply could be read, or the votes were tied."""


def pairs(result: LessonResult, view: View) -> list[Pair]:
    """Every label of a person on a work that was held out, with what was predicted."""
    found = []
    for student in result.students:
        if student.actual is None or not student.held_out:
            continue
        votes = {vote.concept: vote.label for vote in student.votes}
        for concept in result.experiment.rubric.names:
            actual = result.shown(student.actual.labels.get(concept), view)
            if actual is not None:
                predicted = result.shown(votes.get(concept), view)
                found.append(
                    Pair(
                        student=student.student,
                        concept=concept,
                        actual=actual,
                        predicted=predicted,
                    )
                )
    return found
