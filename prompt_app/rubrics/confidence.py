"""How far an assessment can be relied on: HIGH, MEDIUM or LOW for each key concept."""

from __future__ import annotations

from typing import Any, Literal

from prompt_app.datamodel.base import Record
from prompt_app.rubrics.measures import Accuracy, ConceptMeasures, accuracy_of
from prompt_app.rubrics.results import LessonResult, View, pairs

Level = Literal["HIGH", "MEDIUM", "LOW"]


class ConfidenceRule(Record):
    """From which accuracy on which level holds."""

    high: float = 0.85
    medium: float = 0.80
    exact_high: float = 0.88
    exact_rows: int = 10
    """Fewer works with a label leave its confidence LOW."""
    point_estimate: bool = False
    """Decide on the accuracy as measured, instead of on the lower end of its interval."""

    def pass_fail_level(self, accuracy: Accuracy) -> Level:
        value = self._decisive(accuracy)
        if value is None or value < self.medium:
            return "LOW"
        return "HIGH" if value >= self.high else "MEDIUM"

    def exact_level(self, accuracy: Accuracy) -> Level:
        value = self._decisive(accuracy)
        enough = accuracy.scored >= self.exact_rows
        return "HIGH" if enough and value is not None and value >= self.exact_high else "LOW"

    def _decisive(self, accuracy: Accuracy) -> float | None:
        if self.point_estimate:
            return accuracy.value
        return accuracy.interval.lower if accuracy.interval is not None else None


def pass_fail_confidence(result: LessonResult, rule: ConfidenceRule) -> dict[str, Level]:
    """``confidence.json``: key concept -> level of its pass/fail accuracy."""
    return {
        name: rule.pass_fail_level(accuracy)
        for name, accuracy in _by_concept(result, "pass_fail").items()
    }


def exact_confidence(result: LessonResult, rule: ConfidenceRule) -> dict[str, dict[str, Level]]:
    """``confidence-exact.json``: key concept -> predicted label -> level. It is how often a
    person agreed where this very label was given: that is what is known of a new work."""
    found = pairs(result, "exact")
    return {
        name: {
            label: rule.exact_level(
                accuracy_of([p for p in found if p.concept == name and p.predicted == label])
            )
            for label in result.experiment.rubric.labels
        }
        for name in result.experiment.rubric.names
    }


def calibration(result: LessonResult) -> dict[str, Any]:
    """For each key concept and predicted label: works, agreement, and its interval."""
    found = pairs(result, "exact")
    table: dict[str, Any] = {}
    for name in result.experiment.rubric.names:
        table[name] = {}
        for label in result.experiment.rubric.labels:
            accuracy = accuracy_of([p for p in found if p.concept == name and p.predicted == label])
            table[name][label] = accuracy_data(accuracy)
    return table


def accuracy_data(accuracy: Accuracy) -> dict[str, Any]:
    """As JSON; the interval is None where it is undefined."""
    bounds = accuracy.interval
    return {
        "accuracy": accuracy.value,
        "interval": [bounds.lower, bounds.upper] if bounds is not None else None,
        "method": bounds.method if bounds is not None else None,
        "agreeing": accuracy.agreeing,
        "scored": accuracy.scored,
        "unscored": accuracy.unscored,
    }


def kappa_data(measures: ConceptMeasures) -> dict[str, Any]:
    """As JSON; None where undefined."""
    plain, weighted = measures.kappa_interval, measures.weighted_kappa_interval
    return {
        "kappa": measures.kappa,
        "kappa_interval": None if plain is None else [plain.lower, plain.upper],
        "weighted_kappa": measures.weighted_kappa,
        "weighted_kappa_interval": None if weighted is None else [weighted.lower, weighted.upper],
    }


def _by_concept(result: LessonResult, view: View) -> dict[str, Accuracy]:
    found = pairs(result, view)
    return {
        name: accuracy_of([pair for pair in found if pair.concept == name])
        for name in result.experiment.rubric.names
    }
