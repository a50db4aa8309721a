"""From works that nobody has labelled to labels that a person has corrected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.runs import work
from streamlit.testing.v1 import AppTest

from prompt_app.workbench import Workbench

LESSON = "L2-reacting"


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def add_labels(app: AppTest, name: str, content: bytes) -> AppTest:
    form = next(each for each in app.file_uploader if each.label.startswith("A file as actual"))
    form.set_value((name, content, "text/csv")).run()
    return press(app, "Add the labels")


def test_new_labels_are_made_corrected_and_added(
    workbench: Workbench, open_page: Callable[..., AppTest]
) -> None:
    rubrics = workbench.rubrics
    rubrics.load_example()
    games = Path(workbench.settings.resolved_rubrics_url) / "datasets" / "games" / LESSON
    (games / "actual_labels.csv").unlink()

    app = open_page("app_pages/rubrics.py")
    app.multiselect(key="rubric.lessons").set_value([LESSON]).run()
    assert "New labels in the studio" in app.error[0].value
    app.toggle(key="rubric.new_labels").set_value(True).run()
    press(app, "Start the test")
    work(workbench)
    (test,) = rubrics.tests().items
    assert test.state == "finished", test.reason
    assert not open_page("app_pages/rubric_test.py", id=test.id).error

    predicted = rubrics.new_labels(test.id, LESSON)
    where = {"view": "Datasets", "dataset": "games", "dataset-lesson": LESSON}
    app = add_labels(open_page("app_pages/rubrics.py", **where), "new_labels.csv", b"student\nx\n")
    assert "which has no file there" in app.error[0].value.replace("\\", "")
    app = add_labels(app, "new_labels.csv", predicted.encode())
    assert rubrics.labels_text("games", LESSON) == predicted
    corrected = predicted.replace("No Evidence", "Convincing Evidence", 1)
    assert corrected != predicted
    app = add_labels(app, "new_labels.csv", corrected.encode())
    assert not app.exception
    assert "before.csv" in app.success[0].value.replace("\\", "")
    assert (games / "actual_labels-before.csv").read_text() == predicted
    assert rubrics.labels_text("games", LESSON) == corrected
