"""A run's page: scores with what they rest on, rows, steering."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from engine.runs import echo_spec, rows_file, work
from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.evaluation import Evaluation, Run
from prompt_app.datamodel.score import MetricSummary
from prompt_app.providers.mock_server import MockServer
from prompt_app.ui.components.scores import _summary
from prompt_app.workbench import Workbench

OpenPage = Callable[..., AppTest]
RUN = "app_pages/run.py"


def rows(app: AppTest) -> list[int]:
    """The row numbers in the table of rows."""
    frame = next(each.value for each in app.dataframe if {"Open", "Row"} <= set(each.value))
    return list(frame["Row"])


def test_an_unknown_run_is_told_and_leads_to_all_runs(open_page: OpenPage) -> None:
    app = open_page(RUN, id="nosuchrun")
    assert "nosuchrun" in app.error[0].value
    assert [each.label for each in app.button] == ["All runs"]


def test_every_score_stands_with_its_interval_and_denominators(
    open_page: OpenPage, finished: Evaluation, workbench: Workbench
) -> None:
    app = open_page(RUN, id=finished.run_ids[0])
    labels = [each.label.replace("\\", "") for each in app.metric]
    summaries = workbench.run(finished.run_ids[0]).summary
    assert {summary.metric for summary in summaries} <= set(labels)
    captions = [each.value.replace("\\", "") for each in app.caption]
    assert sum("95% interval" in each for each in captions) == len(summaries)
    assert captions.count("40 scored, 0 failed, 0 skipped") == len(summaries)


def test_few_values_come_with_a_caution(
    open_page: OpenPage, workbench: Workbench, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"question": f"row {'and ' * n}", "answers": ["row"]} for n in range(12)]
    path.write_text("\n".join(map(json.dumps, rows)))
    prompts = [{"name": "a", "template": "{question}"}, {"name": "b", "template": "b {question}"}]
    changes = {"models": ["offline:echo"], "metrics": ["squad_f1"], "prompts": prompts}
    evaluation = workbench.submit_evaluation(echo_spec(path, "http://unused", **changes))
    work(workbench)
    caution = "Intervals from fewer than 20 values cover less than they say"
    both = ",".join(evaluation.run_ids)
    for app in (
        open_page(RUN, id=evaluation.run_ids[0]),
        open_page("app_pages/compare.py", runs=both),
    ):
        captions = " ".join(each.value.replace("\\", "") for each in app.caption)
        assert caution in captions
    assert caution in workbench.reports.run(evaluation.run_ids[0])
    assert caution in workbench.reports.comparison(evaluation.run_ids)


def test_scores_so_far_are_reckoned_once_for_all_who_look(
    finished: Evaluation, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def summary(bench: Workbench, run: Run) -> tuple[MetricSummary, ...]:
        asked.append(run.id)
        return run.summary

    monkeypatch.setattr(Workbench, "summary", summary)
    run = workbench.run(finished.run_ids[0])
    for scored in (10, 20, 40):  # of a fast run each look finds many more
        progress = run.progress.model_copy(update={"scored": scored})
        looked = run.model_copy(update={"state": "running", "progress": progress})
        assert _summary(looked) == run.summary
    assert asked == [run.id]


def test_sibling_runs_stand_side_by_side(open_page: OpenPage, finished: Evaluation) -> None:
    app = open_page(RUN, id=finished.run_ids[0])
    table = next(each.value for each in app.dataframe if "Run" in each.value)
    assert list(table["Run"]) == [
        "with-passage · offline:extractive",
        "without-passage · offline:extractive",
    ]
    assert list(table["Open"]) == ["Open", "Open"]
    assert table["squad_f1"].str.contains(r"^[\d.]+ \[[\d.]+, [\d.]+\]$").all()


def test_rows_are_filtered_sorted_and_paged_by_the_store(
    open_page: OpenPage, finished: Evaluation
) -> None:
    app = open_page(RUN, id=finished.run_ids[0])
    assert rows(app) == list(range(1, 26))
    app.text_input(key="q").set_value("nile").run()
    assert rows(app) == [1, 2]
    app.text_input(key="q").set_value("").run()
    app.number_input(key="greatest").set_value(0.5).run()
    partly = rows(app)
    assert 0 < len(partly) < 40
    app.selectbox(key="order").select("Score, highest first").run()
    frame = next(each.value for each in app.dataframe if {"Open", "Row"} <= set(each.value))
    assert list(frame["squad_f1"]) == sorted(frame["squad_f1"], reverse=True)
    assert frame["squad_f1"].max() <= 0.5


def test_a_search_that_was_cut_short_says_so_and_goes_on_when_asked(
    open_page: OpenPage, finished: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an index of texts, in a run with more rows than are read in the time."""
    monkeypatch.setattr("prompt_app.storage.samples.has_text_index", lambda _: False)
    monkeypatch.setattr("prompt_app.storage.searching.SLICE", 10)
    monkeypatch.setattr("prompt_app.ui.components.row_table.SEARCH_SECONDS", 0.0)
    app = open_page(RUN, id=finished.run_ids[0])
    app.text_input(key="q").set_value("zebra crossing").run()
    assert "No row fits these filters among the first 10 searched." in [i.value for i in app.info]
    button = next(each for each in app.button if each.label == "Search all rows")
    button.click().run()
    assert "No row fits these filters." in [each.value for each in app.info]
    assert "Search all rows" not in [each.label for each in app.button]


def test_filters_that_nothing_fits_say_so(open_page: OpenPage, finished: Evaluation) -> None:
    app = open_page(RUN, id=finished.run_ids[0])
    app.text_input(key="q").set_value("no such text").run()
    assert any("No row fits" in each.value for each in app.info)


def test_a_waiting_run_can_be_paused_and_resumed(open_page: OpenPage, workbench: Workbench) -> None:
    evaluation = workbench.submit_evaluation(workbench.example_evaluation())
    run_id = evaluation.run_ids[0]
    app = open_page(RUN, id=run_id)
    next(each for each in app.button if each.label == "Pause").click().run()
    assert workbench.run(run_id).state == "paused"
    next(each for each in app.button if each.label == "Resume").click().run()
    assert workbench.run(run_id).state == "queued"
    next(each for each in app.button if each.label == "Cancel").click().run()
    assert workbench.run(run_id).state == "cancelled"
    assert not app.exception


def test_failed_samples_are_counted_by_kind_and_can_be_retried(
    open_page: OpenPage, workbench: Workbench, mock_server: MockServer, tmp_path: Path
) -> None:
    mock_server.control(p_500=1.0)
    spec = echo_spec(
        rows_file(tmp_path, 3), mock_server.url, limits={"max_attempts": 1, "timeout_seconds": 10}
    )
    evaluation = workbench.submit_evaluation(spec)
    work(workbench)
    app = open_page(RUN, id=evaluation.run_ids[0])
    assert "server 3" in app.error[0].value.replace("\\", "")
    mock_server.control(p_500=0.0)
    next(each for each in app.button if each.label == "Retry failed").click().run()
    work(workbench)
    assert workbench.run(evaluation.run_ids[0]).progress.scored == 3


def test_the_filters_stand_in_the_address(open_page: OpenPage, finished: Evaluation) -> None:
    app = open_page(RUN, id=finished.run_ids[0], **{"q": "nile"})
    assert rows(app) == [1, 2]


def test_a_row_opens_by_its_address(
    open_page: OpenPage, finished: Evaluation, workbench: Workbench
) -> None:
    sample = workbench.rows(finished.run_ids[0], limit=1).items[0]
    app = open_page(RUN, id=finished.run_ids[0], row=f"{sample.example.id}~0")
    captions = [each.value.replace("\\", "") for each in app.caption]
    assert f"Example {sample.example.id}, repeat 1" in captions
    app = open_page(RUN, id=finished.run_ids[0], row="nothing~0")
    assert "nothing" in app.error[0].value


def test_cost_and_latency_are_read_when_asked_for(
    open_page: OpenPage, finished: Evaluation
) -> None:
    app = open_page(RUN, id=finished.run_ids[0])
    assert "Latency, median" not in [each.label for each in app.metric]


def test_a_judge_is_held_against_labels_and_asked_again(
    open_page: OpenPage, workbench: Workbench, tmp_path: Path
) -> None:
    metrics = [{"name": "qa_accuracy_by_llm", "judge": "offline:judge"}]
    path = rows_file(tmp_path, 12)
    spec = echo_spec(path, "http://unused", models=["offline:echo"], metrics=metrics)
    evaluation = workbench.submit_evaluation(spec)
    work(workbench)
    app = open_page(RUN, id=evaluation.run_ids[0])
    app.session_state["judges"] = True
    app.run()
    labels = next(each for each in app.selectbox if each.label == "Field with people's labels")
    labels.select("group").run()
    assert not app.exception
    again = next(each for each in app.button if each.label == "Judge them again")
    again.click().run()
    assert any("10 of 10 scores as before" in each.value for each in app.markdown)


def test_a_cost_that_nobody_knows_is_not_shown_as_nothing(
    open_page: OpenPage, workbench: Workbench, tmp_path: Path, mock_server: MockServer
) -> None:
    evaluation = workbench.submit_evaluation(echo_spec(rows_file(tmp_path, 3), mock_server.url))
    work(workbench)
    app = open_page(RUN, id=evaluation.run_ids[0], calls="true")
    figures = {each.label: each.value.replace("\\", "") for each in app.metric}
    assert figures["Spent"] == figures["Spent on the model"] == "unknown"
    assert figures["Cost for 1,000 samples"] == "unknown"
    assert figures["Spent on judges"] == "$0.00"
