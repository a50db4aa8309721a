"""Agreement: what counts, and what the numbers are, checked against scikit-learn."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rubrics.lessons import LABELS, RUBRIC
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from prompt_app.datamodel.score import Interval
from prompt_app.errors import RubricError
from prompt_app.rubrics.confidence import ConfidenceRule, exact_confidence, pass_fail_confidence
from prompt_app.rubrics.measures import Accuracy, measure
from prompt_app.rubrics.model import Experiment, RubricParameters, StudentLabels
from prompt_app.rubrics.results import LessonResult, StudentResult
from prompt_app.rubrics.thresholds import check_thresholds, missed, read_thresholds
from prompt_app.rubrics.votes import ConceptVote

SPRITES = RUBRIC.names[0]


def lesson(*pairs: tuple[str | None, str | None], **changes: object) -> LessonResult:
    """Students with (actual, predicted) labels, the same for both key concepts."""
    students = []
    for number, (actual, predicted) in enumerate(pairs):
        votes = tuple(
            ConceptVote(concept=name, label=predicted, votes={"x": 1}) for name in RUBRIC.names
        )
        labels = StudentLabels(student=str(number), labels=dict.fromkeys(RUBRIC.names, actual))
        students.append(
            StudentResult(student=str(number), file="a", source="model", votes=votes, actual=labels)
        )
    experiment = Experiment(
        name="e", lesson="L1", system_prompt="p", rubric=RUBRIC,
        parameters=RubricParameters(model="m", num_responses=1, temperature=0),
    )  # fmt: skip
    result = LessonResult(dataset="d", experiment=experiment, model="m", students=tuple(students))
    return result.model_copy(update=changes)


def some(count: int, seed: int = 0) -> list[tuple[str, str]]:
    draw = random.Random(seed)
    actual = draw.choices(LABELS, k=count)
    return [(a, a if draw.random() < 0.7 else draw.choice(LABELS)) for a in actual]


def test_kappa_and_confusion_are_those_of_scikit_learn() -> None:
    drawn = some(60)
    actual, predicted = zip(*drawn, strict=True)
    concept = measure(lesson(*drawn), "exact").concepts[0]
    assert concept.kappa == pytest.approx(cohen_kappa_score(actual, predicted, labels=LABELS))
    weighted = cohen_kappa_score(actual, predicted, labels=LABELS, weights="quadratic")
    assert concept.weighted_kappa == pytest.approx(weighted)
    expected = confusion_matrix(actual, predicted, labels=LABELS).tolist()
    assert [list(row) for row in concept.confusion] == expected


def test_concepts_of_one_work_do_not_count_as_more_works() -> None:
    measures = measure(lesson(*some(40)), "exact")
    overall, concept = measures.overall.accuracy, measures.concepts[0].accuracy
    assert overall.scored == 2 * concept.scored
    assert overall.value == concept.value
    assert overall.interval is not None
    assert concept.interval is not None
    # Both concepts of a work agree here, so that twice the labels tell nothing more.
    width = overall.interval.upper - overall.interval.lower
    assert width == pytest.approx(concept.interval.upper - concept.interval.lower, rel=0.15)


def test_perfect_agreement_has_an_interval_too() -> None:
    interval = measure(lesson(*[("None", "None")] * 5), "exact").overall.accuracy.interval
    assert interval is not None
    assert interval.lower < 0.6
    assert interval.upper == 1


def test_what_was_not_predicted_is_counted_and_in_no_share() -> None:
    result = lesson(("None", "None"), ("None", None), (None, "None"), ("Limited", "None"))
    accuracy = measure(result, "exact").concepts[0].accuracy
    assert (accuracy.agreeing, accuracy.scored, accuracy.unscored) == (1, 2, 1)


def test_tuned_and_shown_works_measure_nothing() -> None:
    result = lesson(("None", "None"), ("None", "Limited"), ("None", "Limited"))
    first, second, third = result.students
    assert second.actual is not None
    tuned = second.model_copy(update={"actual": second.actual.model_copy(update={"split": "tune"})})
    shown = third.model_copy(update={"worked_example": True})
    measures = measure(result.model_copy(update={"students": (first, tuned, shown)}), "exact")
    assert measures.concepts[0].accuracy.value == 1
    assert (measures.students, measures.left_out) == (1, 2)


@pytest.mark.parametrize(("passing", "agreeing"), [(1, 1), (2, 1), (3, 2)])
def test_passing_labels_are_a_setting(passing: int, agreeing: int) -> None:
    result = lesson(("Extensive", "Convincing"), ("Convincing", "Limited"), passing=passing)
    assert measure(result, "pass_fail").concepts[0].accuracy.agreeing == agreeing


def accuracy(value: float, lower: float, scored: int = 50) -> Accuracy:
    bounds = Interval(lower=lower, upper=1, method="Wilson score")
    return Accuracy(value, bounds, round(value * scored), scored, 0)


@pytest.mark.parametrize(
    ("value", "lower", "careful", "bold"),
    [(0.95, 0.86, "HIGH", "HIGH"), (0.95, 0.84, "MEDIUM", "HIGH"), (0.86, 0.7, "LOW", "HIGH"),
     (0.82, 0.7, "LOW", "MEDIUM"), (0.7, 0.6, "LOW", "LOW")],
)  # fmt: skip
def test_the_lower_end_decides(value: float, lower: float, careful: str, bold: str) -> None:
    measured = accuracy(value, lower)
    assert ConfidenceRule().pass_fail_level(measured) == careful
    assert ConfidenceRule(point_estimate=True).pass_fail_level(measured) == bold


def test_exact_confidence_needs_ten_works() -> None:
    rule = ConfidenceRule(point_estimate=True)
    assert rule.exact_level(accuracy(1, 0.7, scored=9)) == "LOW"
    assert rule.exact_level(accuracy(1, 0.7, scored=10)) == "HIGH"
    assert rule.exact_level(accuracy(0.87, 0.7, scored=100)) == "LOW"


def test_confidence_is_by_concept_and_by_predicted_label() -> None:
    result = lesson(*[("Limited", "Limited")] * 40, *[("None", "Extensive")] * 2)
    assert pass_fail_confidence(result, ConfidenceRule())[SPRITES] == "MEDIUM"
    exact = exact_confidence(result, ConfidenceRule())[SPRITES]
    assert exact == {"Extensive": "LOW", "Convincing": "LOW", "Limited": "HIGH", "None": "LOW"}


def test_exact_confidence_is_about_the_label_that_is_given() -> None:
    result = lesson(*[("Limited", "Limited")] * 40, *[("Limited", "None")] * 20)
    exact = exact_confidence(result, ConfidenceRule())[SPRITES]
    assert (exact["Limited"], exact["None"]) == ("HIGH", "LOW")


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from([*LABELS, None])), min_size=1))
def test_every_share_lies_in_its_interval(drawn: list[tuple[str, str | None]]) -> None:
    result = lesson(*drawn)
    for view in ("exact", "pass_fail"):
        measures = measure(result, view)
        for each in (measures.overall, *measures.concepts):
            found = each.accuracy
            assert found.scored + found.unscored in (len(drawn), 2 * len(drawn))
            assert sum(map(sum, each.confusion)) == found.scored
            if found.interval is not None and found.value is not None:
                low, high = found.interval.lower, found.interval.upper
                assert 0 <= low <= found.value + 1e-12
                assert found.value - 1e-12 <= high <= 1
                assert low < high


def test_thresholds() -> None:
    text = '{"L1": {"overall": 0.9, "key_concepts": {"Sprites": 0.4}}}'
    thresholds = read_thresholds(text, "t.json")
    measures = measure(lesson(("None", "None"), ("None", "Limited")), "exact")
    assert missed(thresholds, "L1", measures) == ["L1, overall: accuracy 50.0% is below 90.0%"]
    assert missed(thresholds, "L2", measures) == []
    nothing = measure(lesson((None, None)), "exact")
    assert len(missed(thresholds, "L1", nothing)) == 2


@pytest.mark.parametrize(
    "text",
    ["[]", "{", "{}", '{"L1": {}}', '{"L1": {"key_concepts": {}}}',
     '{"L1": {"overall": 0.7}, "L1": {"overall": 0.1}}', '{"L1": {"all": 1}}',
     '{"L1": {"overall": 70}}', '{"L1": {"overall": true}}',
     '{"L1": {"key_concepts": ["Sprites"]}}'],
)  # fmt: skip
def test_wrong_thresholds_are_refused(text: str) -> None:
    with pytest.raises(RubricError, match=r"^t\.json"):
        read_thresholds(text, "t.json")


def test_thresholds_of_an_unknown_concept_are_refused() -> None:
    thresholds = read_thresholds('{"L1": {"key_concepts": {"Loops": 0.4}}}', "t.json")
    with pytest.raises(RubricError, match="'Loops'"):
        check_thresholds(thresholds, {"L1": RUBRIC}, ["L1"])
