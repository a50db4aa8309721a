"""A row at a time: labels, skip, undo, comment; who said what."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.evaluation import Evaluation
from prompt_app.datamodel.labelling import LabelRubric
from prompt_app.workbench import Workbench

OpenPage = Callable[..., AppTest]
LABEL = "app_pages/label.py"


@pytest.fixture
def queue(workbench: Workbench, finished: Evaluation) -> str:
    return workbench.labelling.create(
        "check", [finished.run_ids[0]], LabelRubric(instructions="Be strict."), metric="exact_match"
    ).name


def press(app: AppTest, label: str) -> None:
    next(each for each in app.button if each.label == label).click().run()
    assert not app.exception


def test_without_a_queue_the_page_offers_to_make_one(
    open_page: OpenPage, workbench: Workbench, finished: Evaluation
) -> None:
    app = open_page(LABEL)
    assert "No label queues yet" in app.info[0].value
    app.multiselect(key="queue.runs").set_value([finished.run_ids[0]]).run()
    app.text_input(key="queue.name").set_value("two words").run()
    press(app, "Create")
    assert "name" in app.error[0].value
    app.text_area(key="queue.instructions").set_value("Be strict.").run()
    app.switch_page("app_pages/runs.py").run()
    app.switch_page(LABEL).run()
    assert app.text_input(key="queue.name").value == "two words"
    app.multiselect(key="queue.runs").set_value([finished.run_ids[0]]).run()
    app.text_input(key="queue.name").set_value("check").run()
    app.selectbox(key="queue.metric").set_value("exact_match").run()
    press(app, "Create")
    assert workbench.labelling.queue("check").metric == "exact_match"
    assert workbench.labelling.queue("check").rubric.instructions == "Be strict."
    assert app.query_params["queue"] == "check"
    assert [each.label for each in app.button if each.label in ("fail", "pass")] == ["fail", "pass"]
    del app.query_params["queue"]
    app.switch_page(LABEL).run()
    assert app.text_input(key="queue.name").value == "", "the next queue begins anew"


def test_a_label_goes_to_the_store_and_the_next_row_comes(
    open_page: OpenPage, workbench: Workbench, queue: str
) -> None:
    app = open_page(LABEL, queue=queue)
    first = app.query_params["row"]
    app.text_area(key=f"label.comment.{workbench.labelling.queue(queue).id}.{first}").set_value(
        "close call"
    ).run()
    press(app, "pass")
    (answer,) = workbench.labelling.answers(queue)
    assert (answer.example_id, answer.label, answer.comment) == (first, "pass", "close call")
    second = app.query_params["row"]
    assert second != first
    press(app, "Skip")
    assert app.query_params["row"] not in (first, second)
    press(app, "Undo")
    assert app.query_params["row"] == second
    press(app, "Undo")
    assert app.query_params["row"] == first
    assert workbench.labelling.answers(queue) == []


def test_a_row_has_an_address_and_shows_what_was_said(
    open_page: OpenPage, workbench: Workbench, queue: str
) -> None:
    example = workbench.labelling.next_rows(queue)[0]
    workbench.labelling.label(queue, example, "fail")
    app = open_page(LABEL, queue=queue, row=example)
    assert any("Your answer so far" in each.value and "fail" in each.value for each in app.caption)
    assert any("Be strict." in each.value for each in app.text)
    assert any("You: 1 labelled, 0 skipped" in each.value for each in app.text)
    press(app, "pass")
    assert [each.label for each in workbench.labelling.answers(queue)] == ["pass"]


def test_two_replies_are_chosen_from_by_their_place(
    open_page: OpenPage, workbench: Workbench, finished: Evaluation
) -> None:
    workbench.labelling.create("pairs", finished.run_ids, LabelRubric())
    app = open_page(LABEL, queue="pairs")
    example = app.query_params["row"]
    task = workbench.labelling.task("pairs", example)
    press(app, "Left is better")
    (answer,) = workbench.labelling.answers("pairs")
    assert answer.label == ("second" if task.swapped else "first")


def test_a_finished_queue_says_so(open_page: OpenPage, workbench: Workbench, queue: str) -> None:
    for example in workbench.labelling.next_rows(queue, 40):
        workbench.labelling.label(queue, example, "pass")
    app = open_page(LABEL, queue=queue)
    assert "Nothing is left for you" in app.success[0].value
    assert any("Same verdict" in each.value for each in app.text)
