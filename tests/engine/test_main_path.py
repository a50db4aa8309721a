"""Dataset in, scored and stored rows out, over real sockets and a real database."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine.runs import echo_spec, only_run, rows_file, work
from mock_process import MockProcess

from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.score import MetricSpec
from prompt_app.errors import ConflictError, EvaluationError, TemplateError, UnknownNameError
from prompt_app.interfaces import RowFilter
from prompt_app.workbench import Workbench


def test_every_row_is_called_stored_and_scored(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    spec = echo_spec(rows_file(tmp_path, 120), mock_process.url)
    run = only_run(workbench, spec)
    work(workbench)
    run = workbench.run(run.id)
    assert run.state == "finished"
    assert run.progress.total == run.progress.answered == run.progress.scored == 120
    (summary,) = run.summary
    assert (summary.mean, summary.examples, summary.failed, summary.skipped) == (1.0, 120, 0, 0)
    assert summary.interval is not None
    assert summary.interval.lower < 1.0 == summary.interval.upper
    page = workbench.rows(run.id, RowFilter(text="row 77"))
    assert page.total == 1
    (row,) = page.items
    assert row.reply is not None
    assert row.reply.text == "row 77"
    assert row.reply.usage.input > 0
    assert row.scores[0].value == 1.0
    assert mock_process.stats()["answered"] == 120


def test_an_equal_evaluation_is_answered_from_stored_replies(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    spec = echo_spec(rows_file(tmp_path, 30), mock_process.url)
    assert workbench.quote(spec).cached == 0
    first = only_run(workbench, spec)
    work(workbench)
    assert workbench.quote(spec).cached == 30
    second = only_run(workbench, spec)
    assert second.id != first.id
    work(workbench)
    assert workbench.run(second.id).progress.cached == 30
    assert mock_process.stats()["answered"] == 30


def test_the_cost_of_a_stored_reply_is_its_calls(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    path, server = rows_file(tmp_path, 5), f"{mock_process.url}/v1"
    model = {"provider": "openai", "name": "echo", "base_url": server}

    def cost_of(price: dict[str, float] | None) -> tuple[Run, Run]:
        spec = echo_spec(path, mock_process.url, models=[{**model, "price": price}])
        scored = only_run(
            workbench, spec.model_copy(update={"metrics": (MetricSpec.model_validate("cost"),)})
        )
        work(workbench)
        later = only_run(workbench, spec)
        work(workbench)
        workbench.rescore(later.id, [MetricSpec.model_validate("cost")])
        work(workbench)
        return workbench.run(scored.id), workbench.run(later.id)

    for run in cost_of(None):
        cost = run.summary[-1]
        assert (cost.metric, cost.mean, cost.failed) == ("cost", None, 5)
        (row,) = workbench.rows(run.id, RowFilter(), limit=1).items
        assert "give the model a 'price'" in row.failures[0].message
    means = [run.summary[-1].mean for run in cost_of({"input": 1.0, "output": 2.0})]
    tokens = mock_process.stats()
    assert (
        means == [pytest.approx((tokens["input_tokens"] + 2 * tokens["output_tokens"]) / 5e6)] * 2
    )
    assert tokens["answered"] == 5


def test_repeats_after_the_first_are_always_called(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    spec = echo_spec(rows_file(tmp_path, 10), mock_process.url, repeats=3)
    only_run(workbench, spec)
    work(workbench)
    assert mock_process.stats()["answered"] == 30
    again = only_run(workbench, spec)
    work(workbench)
    run = workbench.run(again.id)
    assert run.progress.cached == 10
    assert mock_process.stats()["answered"] == 50
    assert run.summary[0].examples == 10
    assert run.summary[0].scored == 30


@pytest.mark.parametrize(("cache", "calls"), [("off", 40), ("refresh", 40), ("use", 20)])
def test_cache_modes(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path, cache: str, calls: int
) -> None:
    path = rows_file(tmp_path, 20)
    only_run(workbench, echo_spec(path, mock_process.url))
    work(workbench)
    only_run(workbench, echo_spec(path, mock_process.url, cache=cache))
    work(workbench)
    assert mock_process.stats()["answered"] == calls


def test_the_same_submission_twice_is_one_run(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    path = rows_file(tmp_path, 20)
    spec = echo_spec(path, mock_process.url)
    first = workbench.submit_evaluation(spec, key="monday")
    second = workbench.submit_evaluation(spec, key="monday")
    assert first == second
    with pytest.raises(ConflictError, match="monday"):
        workbench.submit_evaluation(
            echo_spec(path, mock_process.url, parameters={"temperature": 1}), key="monday"
        )
    work(workbench)
    assert mock_process.stats()["answered"] == 20
    path.write_text(path.read_text().replace("row 3", "row three"))
    with pytest.raises(ConflictError, match="other rows"):
        workbench.submit_evaluation(spec, key="monday")


def test_a_metric_added_later_is_scored_from_stored_replies(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    run = only_run(workbench, echo_spec(rows_file(tmp_path, 25), mock_process.url))
    work(workbench)
    workbench.rescore(run.id, [MetricSpec.model_validate("squad_f1")])
    work(workbench)
    run = workbench.run(run.id)
    assert run.state == "finished"
    assert [(each.metric, each.scored) for each in run.summary] == [
        ("exact_match", 25),
        ("squad_f1", 25),
    ]
    assert mock_process.stats()["answered"] == 25


def test_a_failure_is_a_row_and_not_a_number(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    mock_process.control(p_malformed=1.0)
    limits = {"max_concurrency": 5, "max_attempts": 1}
    run = only_run(workbench, echo_spec(rows_file(tmp_path, 10), mock_process.url, limits=limits))
    work(workbench)
    run = workbench.run(run.id)
    assert run.progress.failed == 10
    assert run.summary[0].mean is None
    assert run.summary[0].skipped == 10
    assert workbench.error_counts(run.id) == {"malformed_reply": 10}
    mock_process.control(p_malformed=0)
    workbench.resume(run.id, retry_failed=True)
    work(workbench)
    run = workbench.run(run.id)
    assert (run.progress.failed, run.progress.scored, run.summary[0].mean) == (0, 10, 1.0)


def test_a_judge_is_asked_once_and_its_reply_is_kept(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    judge = {"provider": "openai", "name": "judge", "base_url": f"{mock_process.url}/v1"}
    metrics = [{"name": "qa_accuracy_by_llm", "judge": judge}]
    spec = echo_spec(rows_file(tmp_path, 12), mock_process.url, metrics=metrics)
    run = only_run(workbench, spec)
    work(workbench)
    (summary,) = workbench.run(run.id).summary
    assert (summary.scored, summary.failed, summary.mean) == (12, 0, 1.0)
    assert mock_process.stats()["answered"] == 24
    only_run(workbench, spec)
    work(workbench)
    assert mock_process.stats()["answered"] == 24


def test_what_is_wrong_is_told_before_anything_is_called(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    path = rows_file(tmp_path, 5)
    url = mock_process.url
    with pytest.raises(UnknownNameError, match="exact_match"):
        workbench.submit_evaluation(echo_spec(path, url, metrics=["exact_mach"]))
    with pytest.raises(UnknownNameError, match="extractive"):
        workbench.submit_evaluation(echo_spec(path, url, models=["offline:extractiv"]))
    prompts = [{"name": "p", "template": "{qestion}"}]
    with pytest.raises(TemplateError, match="question"):
        workbench.submit_evaluation(echo_spec(path, url, prompts=prompts))
    with pytest.raises(EvaluationError, match="No server answers"):
        workbench.submit_evaluation(echo_spec(path, "http://127.0.0.1:9"))
    assert mock_process.stats().get("received", 0) == 0
    assert workbench.list_runs().total == 0
