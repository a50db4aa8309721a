"""The spread of a run's scores split with advice, and runs ranked by a pairwise judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from engine.runs import echo_spec, work

from prompt_app.errors import EvaluationError, StatisticsError
from prompt_app.statistics.variance import advise
from prompt_app.workbench import Workbench


def evaluated(workbench: Workbench, folder: Path, **changes: Any) -> list[str]:
    path = folder / "rows.jsonl"
    rows = [
        {"question": f"row {n}", "answers": [f"row {n}" if n % 3 else "x"], "other": "a mill",
         "best": f"row {n}", "source": n % 3 + 3 * (n // 15)}
        for n in range(30)
    ]  # fmt: skip
    path.write_text("\n".join(json.dumps(row) for row in rows))
    spec = echo_spec(path, "http://unused", **{"models": ["offline:echo"], **changes})
    evaluation = workbench.submit_evaluation(spec)
    work(workbench)
    return [run.id for run in workbench.runs_of(evaluation.id)]


def test_without_noise_only_examples_help(workbench: Workbench, tmp_path: Path) -> None:
    (run,) = evaluated(workbench, tmp_path, repeats=2)
    split = workbench.split_variance(run, "exact_match")
    assert split.components.examples == 30
    assert split.components.sampling == 0
    assert split.shares == {"example": 1.0, "sampling": 0.0}
    assert split.advice.buy == "examples"
    with pytest.raises(EvaluationError, match="nothing"):
        workbench.split_variance(run, "nothing")


def test_clusters_make_the_mean_less_certain(workbench: Workbench, tmp_path: Path) -> None:
    (alone,) = evaluated(workbench, tmp_path)
    dataset = {"path": str(tmp_path / "rows.jsonl"), "options": {"cluster_field": "source"}}
    (shared,) = evaluated(workbench, tmp_path, dataset=dataset)
    one, other = (workbench.split_variance(run, "exact_match") for run in (alone, shared))
    assert (one.components.clusters, other.components.clusters) == (None, 6)
    assert one.components.example == other.components.example
    interval = workbench.summary(workbench.run(shared))[0].interval
    assert interval is not None
    assert other.advice.standard_error > 1.5 * one.advice.standard_error
    sentence = advise(other.components).sentence
    assert "Buy more examples of new clusters: doubling them takes" in sentence


def test_votes_of_a_judge_are_judgements(workbench: Workbench, tmp_path: Path) -> None:
    def vote(score: int) -> dict[str, Any]:
        reply = json.dumps({"reasoning": "so", "score": score})
        return {"provider": "offline", "name": "fixed", "options": {"reply": reply}}

    metric = {"name": "helpfulness", "judges": [vote(1), vote(5)]}
    (run,) = evaluated(workbench, tmp_path, metrics=[metric])
    components = workbench.split_variance(run, "helpfulness").components
    assert components.judgements == 2
    assert components.judge == pytest.approx(8)
    assert components.sampling is None


def judge(choice: str) -> dict[str, Any]:
    """``position`` always names the one that is shown first: a tie of both orders; ``compares``
    always the one that is not a mill."""
    first, second = (json.dumps({"reasoning": "so", "better": b}) for b in ("first", "second"))
    if choice == "position":
        return {"provider": "offline", "name": "fixed", "options": {"reply": first}}
    rules = [{"contains": '"first": "a mill"', "reply": second}, {"reply": first}]
    return {"provider": "offline", "name": "scripted", "options": {"rules": rules}}


def test_runs_are_ranked_against_the_same_answers(workbench: Workbench, tmp_path: Path) -> None:
    metric = {"name": "pairwise", "judge": judge("position"), "options": {"against": "other"}}
    models = ["offline:echo", "offline:extractive"]
    runs = evaluated(workbench, tmp_path, models=models, metrics=[metric])
    ranking = workbench.rank(runs, "pairwise")
    assert {item.name for item in ranking.items} > set(runs)
    assert len(ranking.items) == 3
    assert (ranking.comparisons, ranking.ties) == (60, 60)
    assert [item.strength for item in ranking.items] == [0.0, 0.0, 0.0]
    bias = workbench.position_bias(runs, "pairwise")
    assert (bias.consistency.value, bias.consistency.n) == (0, 60)
    assert (bias.first, bias.second) == (60, 0)


def test_a_judge_that_compares_is_consistent(workbench: Workbench, tmp_path: Path) -> None:
    metric = {"name": "pairwise", "judge": judge("compares"), "options": {"against": "other"}}
    runs = evaluated(workbench, tmp_path, metrics=[metric])
    bias = workbench.position_bias(runs, "pairwise")
    assert (bias.consistency.value, bias.consistency.n) == (1, 30)
    assert bias.consistency.interval is not None
    assert (bias.first, bias.second) == (0, 0)


def test_what_cannot_be_ranked_is_refused(workbench: Workbench, tmp_path: Path) -> None:
    def pairwise(against: str) -> list[Any]:
        return [{"name": "pairwise", "judge": judge("position"), "options": {"against": against}}]

    (one,) = evaluated(workbench, tmp_path, metrics=pairwise("other"))
    (two,) = evaluated(workbench, tmp_path, metrics=pairwise("best"))
    with pytest.raises(StatisticsError, match="connects"):
        workbench.rank([one, two], "pairwise")
    (plain,) = evaluated(workbench, tmp_path)
    with pytest.raises(EvaluationError, match="no pairwise judge"):
        workbench.rank([plain], "pairwise")
