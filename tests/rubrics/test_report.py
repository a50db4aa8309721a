"""A report is one file that loads nothing, runs nothing, and shows every text as text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from rubrics.lessons import RUBRIC

from prompt_app.rubrics.model import Experiment, RubricParameters, StudentLabels
from prompt_app.rubrics.report import write_report
from prompt_app.rubrics.results import LessonResult, ReplyProblem, StudentResult, View
from prompt_app.rubrics.votes import ConceptVote

EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=a>$title"


class Elements(HTMLParser):
    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.classes: list[str] = []
        self.text = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.classes += [value or "" for name, value in attrs if name == "class" and tag == "td"]

    def handle_data(self, data: str) -> None:
        self.text += data


def voted(concept: str, label: str | None, **votes: int) -> ConceptVote:
    return ConceptVote(
        concept=concept, label=label, votes=votes, reason=EVIL, evidence=EVIL, observations=EVIL
    )


def result(name: str = "Sprites") -> LessonResult:
    rubric = RUBRIC.model_copy(
        update={"concepts": (RUBRIC.concepts[0].model_copy(update={"name": name}),)}
    )
    parameters = RubricParameters(model=EVIL, num_responses=3, temperature=0)
    experiment = Experiment(
        name="e", lesson=EVIL, parameters=parameters, system_prompt=EVIL, rubric=rubric
    )

    def student(number: int, actual: str, predicted: str | None) -> StudentResult:
        return StudentResult(
            student=f"{number}{EVIL}", file="a.js", source="model",
            votes=(voted(name, predicted, Extensive=2, Limited=1),),
            problems=(ReplyProblem(kind="empty_assessment", message=EVIL),),
            actual=StudentLabels(student=str(number), labels={name: actual}),
        )  # fmt: skip

    students = (
        student(1, "Extensive", "Extensive"),
        student(2, "Extensive", "Limited"),
        student(3, "None", "Extensive"),
        student(4, "None", None),
    )
    return LessonResult(dataset="d", experiment=experiment, model=EVIL, students=students)


def test_a_distance_is_counted_in_labels() -> None:
    lesson = result()
    by_view = {
        view: [lesson.distance(each, each.votes[0], view) for each in lesson.students]
        for view in ("exact", "pass_fail")
    }
    assert by_view == {"exact": [0, 2, 3, None], "pass_fail": [0, 1, 1, None]}
    nobody = lesson.students[0].model_copy(update={"actual": None})
    assert lesson.distance(nobody, nobody.votes[0], "exact") is None


@pytest.mark.parametrize("view", ["exact", "pass_fail"])
@pytest.mark.parametrize("name", ["Sprites", EVIL])
def test_nothing_that_was_written_by_others_is_markup(view: View, name: str) -> None:
    elements = Elements(write_report(result(name), view))
    assert {"script", "img", "link", "iframe"} & set(elements.tags) == set()
    assert {key for key, _ in elements.attributes} <= {"class", "lang", "charset", "name",
                                                       "content", "http-equiv"}  # fmt: skip
    assert "$subtitle" not in elements.text
    assert elements.text.count("<script>alert(1)</script>") >= 10


def test_cells_are_coloured_by_distance() -> None:
    def colours(view: View) -> list[str]:
        classes = Elements(write_report(result(), view)).classes
        return [each for each in classes if each in ("d0", "d1", "d2", "d3", "none")]

    assert colours("exact") == ["d0", "d2", "d3", "none"]
    assert colours("pass_fail") == ["d0", "d1", "d1", "none"]


def test_numbers_carry_intervals_and_denominators() -> None:
    text = Elements(write_report(result(), "exact")).text
    assert "33.3% of 3 labels agree" in text
    assert "Without a prediction: 1 label;" in text
    assert "6.1% to 79.2%" in text  # Wilson's for 1 of 3
    assert "votes: Extensive 2, Limited 1" in text
    assert "Not readable: 4 replies;" in text
