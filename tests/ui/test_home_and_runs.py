"""The first click of a first visitor, and finding a run again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.evaluation import Evaluation
from prompt_app.datamodel.serving import UsageRecord
from prompt_app.workbench import Workbench

OpenPage = Callable[..., AppTest]


def button(app: AppTest, label: str) -> object:
    return next(each for each in app.button if each.label == label)


def test_a_first_visitor_is_offered_the_example(open_page: OpenPage) -> None:
    app = open_page()
    assert [each.label for each in app.button] == ["Run the example"]
    assert "No runs yet" in app.info[0].value


def test_one_click_starts_the_example_and_goes_to_its_run(
    open_page: OpenPage, workbench: Workbench
) -> None:
    app = open_page()
    button(app, "Run the example").click().run()
    assert not app.exception
    runs = workbench.list_runs().items
    assert {run.name for run in runs} == {
        "with-passage · offline:extractive",
        "without-passage · offline:extractive",
    }
    assert app.query_params["id"] in {run.id for run in runs}
    assert "offline" in app.title[0].value


def test_the_example_clicked_twice_while_it_runs_is_one_evaluation(
    open_page: OpenPage, workbench: Workbench
) -> None:
    for _ in range(2):
        button(open_page(), "Run the example").click().run()
    assert workbench.list_runs().total == 2  # one evaluation of two runs


def test_home_lists_ended_runs_with_their_scores(open_page: OpenPage, finished: Evaluation) -> None:
    app = open_page()
    assert "Lately" in [each.value for each in app.subheader]
    assert any("squad_f1 0." in each.value and "[" in each.value for each in app.text)


def test_home_tells_what_the_week_cost(
    open_page: OpenPage, finished: Evaluation, workbench: Workbench
) -> None:
    figures = {each.label: each.value for each in open_page().metric}
    assert figures["Running or queued"] == "0"
    assert figures["Runs in the last 7 days"] == "2"
    assert figures["Cost of the last 7 days"].replace("\\", "") == "$0.00"
    call = UsageRecord(
        "u1", datetime.now(UTC), "", "local", "chat", "m", "openai:echo", input_tokens=9
    )
    workbench.store.write_usage([call], [])
    figures = {each.label: each.value for each in open_page().metric}
    assert figures["Cost of the last 7 days"] == "unknown"
    workbench.submit_evaluation(workbench.example_evaluation())
    figures = {each.label: each.value for each in open_page().metric}
    assert figures["Running or queued"] == "2"


def test_runs_are_found_by_name(open_page: OpenPage, finished: Evaluation) -> None:
    app = open_page("app_pages/runs.py")
    assert any("2 runs" in each.value for each in app.caption)
    app.text_input(key="q").set_value("without").run()
    assert any(each.value == "1 run" for each in app.caption)


def test_a_search_without_a_hit_says_what_to_do(open_page: OpenPage, finished: Evaluation) -> None:
    app = open_page("app_pages/runs.py")
    app.text_input(key="q").set_value("no such run").run()
    assert "Clear the search" in app.info[0].value


def test_no_runs_at_all_lead_to_an_evaluation(open_page: OpenPage) -> None:
    app = open_page("app_pages/runs.py")
    assert "No runs yet" in app.info[0].value
    assert [each.label for each in app.button] == ["New evaluation"]
