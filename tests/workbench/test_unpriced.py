"""A cost that nobody knows is never $0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from engine.runs import echo_spec, rows_file, work

from prompt_app.datamodel.evaluation import Progress, Run, RunSpec
from prompt_app.datamodel.model import ModelSpec
from prompt_app.datamodel.score import MetricSpec
from prompt_app.providers.mock_server import MockServer
from prompt_app.workbench import Workbench
from prompt_app.workbench.unpriced import (
    judge_cost,
    known_cost,
    model_cost,
    run_cost,
    unpriced_models,
)


def a_run(workbench: Workbench, folder: Path, server: MockServer, **changes: Any) -> Run:
    evaluation = workbench.submit_evaluation(echo_spec(rows_file(folder, 4), server.url, **changes))
    work(workbench)
    return workbench.run(evaluation.run_ids[0])


def judge(server: MockServer) -> dict[str, str]:
    return {"provider": "openai", "name": "judge", "base_url": f"{server.url}/v1"}


def exported(workbench: Workbench, run: Run, folder: Path) -> set[float | None]:
    path = folder / "rows.jsonl"
    workbench.export(run.id, path, "jsonl")
    return {json.loads(line)["cost_usd"] for line in path.read_text().splitlines()}


def test_the_cost_of_a_model_without_a_price_is_unknown_everywhere(
    workbench: Workbench, tmp_path: Path, mock_server: MockServer
) -> None:
    run = a_run(workbench, tmp_path, mock_server)
    assert unpriced_models([run]) == ["openai:echo"]
    assert (model_cost(run), judge_cost(run), run_cost(run)) == (None, 0.0, None)
    assert workbench.contrasts.calls(run.id).cost_usd is None
    assert exported(workbench, run, tmp_path) == {None}
    report = workbench.reports.run(run.id)
    assert "<td>cost, model</td><td>unknown</td>" in report
    assert '<td>cost, judges</td><td class="number">$0.0000</td>' in report
    assert workbench.spending().total_usd is None
    metrics = ["exact_match", {"name": "qa_accuracy_by_llm", "judge": judge(mock_server)}]
    run = a_run(workbench, tmp_path, mock_server, models=["offline:echo"], metrics=metrics)
    assert workbench.regrade(run.id, "qa_accuracy_by_llm", rows=2).cost_usd is None


def test_stored_replies_and_free_models_cost_nothing(
    workbench: Workbench, tmp_path: Path, mock_server: MockServer
) -> None:
    a_run(workbench, tmp_path, mock_server)
    again = a_run(workbench, tmp_path, mock_server, metrics=["exact_match", "squad_f1"])
    assert again.progress.cached == 4
    assert run_cost(again) == 0.0
    assert exported(workbench, again, tmp_path) == {0.0}
    free = {"provider": "openai", "name": "echo", "base_url": f"{mock_server.url}/v1",
            "price": {"input": 0, "output": 0}}  # fmt: skip
    for model in (free, "offline:echo"):
        run = a_run(workbench, tmp_path, mock_server, models=[model])
        assert run_cost(run) == 0.0
        assert workbench.contrasts.calls(run.id).cost_usd == 0.0
        assert '<td>cost, model</td><td class="number">$0.0000</td>' in workbench.reports.run(
            run.id
        )


@pytest.mark.parametrize(
    ("progress", "judges", "both"),
    [
        (Progress(), 0.0, 0.0),
        (Progress(answered=2, cached=2), None, None),
        (Progress(answered=2, judge_cost_usd=0.5), 0.5, 0.5),
        (Progress(answered=2, cost_usd=0.25), None, 0.25),
    ],
)
def test_judges_have_prices_of_their_own(
    progress: Progress, judges: float | None, both: float | None
) -> None:
    metric = {"name": "qa_accuracy_by_llm", "judge": "openai:a-model-without-a-price"}
    spec = RunSpec.model_construct(
        model=ModelSpec.model_validate("offline:echo"), metrics=(MetricSpec.model_validate(metric),)
    )
    run = Run.model_construct(spec=spec, progress=progress)
    assert (judge_cost(run), run_cost(run)) == (judges, both)
    assert model_cost(run) == progress.cost_usd


def test_a_pipeline_is_priced_by_its_steps() -> None:
    def costs(step: str) -> float | None:
        steps = {step: ModelSpec.model_validate(step).model_dump(mode="json")}
        return known_cost(
            0.0, ModelSpec(provider="pipeline", name="p@1", options={"models": steps})
        )

    assert costs("offline:echo") == 0.0
    assert costs("openai:a-model-without-a-price") is None
