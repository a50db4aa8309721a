"""Runs compared with a baseline: matched by example, with what makes the result doubtful."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from engine.runs import work

from prompt_app.datamodel.evaluation import EvaluationSpec, Run
from prompt_app.errors import EvaluationError
from prompt_app.metrics.exact_match import ExactMatch
from prompt_app.workbench import Workbench

Write = Callable[..., str]
JUDGE = {"name": "qa_accuracy_by_llm", "judge": "offline:judge"}
BOTH, FIRST, SECOND, NEITHER = ("yes", "yes"), ("yes", "no"), ("no", "yes"), ("no", "no")


@pytest.fixture
def dataset(tmp_path: Path) -> Write:
    """A file with rows of what two prompts answer; the right answer is ``yes``."""

    def write(answers: Sequence[tuple[str, str]], name: str = "rows", **more: Any) -> str:
        path = tmp_path / f"{name}.jsonl"
        rows = [
            {"id": f"r{number}", "first": first, "second": second, "answers": ["yes"],
             "topic": number // 2, **more}
            for number, (first, second) in enumerate(answers)
        ]  # fmt: skip
        path.write_text("\n".join(json.dumps(row) for row in rows))
        return str(path)

    return write


def runs_of(workbench: Workbench, path: str, *prompts: str, **changes: Any) -> list[Run]:
    """The finished runs of one evaluation; each prompt names the field that is echoed."""
    clusters = changes.pop("cluster_field", None)
    options = {"id_field": "id", "cluster_field": clusters}
    data = {
        "dataset": {"path": path, "options": options},
        "prompts": [{"name": prompt, "template": f"{{{prompt}}}"} for prompt in prompts],
        "models": ["offline:echo"],
        "metrics": ["exact_match"],
    }
    spec = EvaluationSpec.model_validate({**data, **changes})
    evaluation = workbench.submit_evaluation(spec)
    work(workbench)
    return workbench.runs_of(evaluation.id)


def ids(runs: Sequence[Run]) -> list[str]:
    return [run.id for run in runs]


def test_flipped_examples_and_a_verdict(workbench: Workbench, dataset: Write) -> None:
    path = dataset([BOTH] * 60 + [FIRST] * 4 + [SECOND] * 20 + [NEITHER] * 16)
    compared = workbench.compare(ids(runs_of(workbench, path, "first", "second")))
    (result,) = compared.results
    assert result.gained == tuple(f"r{number}" for number in range(64, 84))
    assert result.lost == ("r60", "r61", "r62", "r63")
    assert result.difference == pytest.approx(0.16)
    assert (result.test, result.verdict) == ("exact McNemar", "better")
    assert compared.warnings == ()
    assert list(compared.shared_examples.values()) == [100]


def test_the_dataset_clusters_are_honoured(workbench: Workbench, dataset: Write) -> None:
    path = dataset([BOTH] * 30 + [SECOND] * 10)
    runs = runs_of(workbench, path, "first", "second", cluster_field="topic")
    (result,) = workbench.compare(ids(runs)).results
    assert result.clusters == 20
    assert "clusters" in (result.test or "")


def test_a_blank_cluster_is_shared_by_nobody(workbench: Workbench, dataset: Write) -> None:
    path = dataset([BOTH] * 30 + [SECOND] * 10, topic="")
    runs = runs_of(workbench, path, "first", "second", cluster_field="topic")
    (result,) = workbench.compare(ids(runs)).results
    assert (result.clusters, result.test) == (None, "exact McNemar")
    assert runs[0].summary[0].interval is not None
    assert runs[0].summary[0].interval.method == "Wilson score"


def test_the_correction_covers_all_runs_and_metrics(workbench: Workbench, dataset: Write) -> None:
    path = dataset([BOTH] * 20 + [SECOND] * 8)
    metrics = ["exact_match", "squad_f1"]
    runs = runs_of(workbench, path, "first", "second", "answers", metrics=metrics)
    results = workbench.compare(ids(runs)).results
    assert [(each.candidate_name, each.metric) for each in results] == [
        (run.id, metric) for run in runs[1:] for metric in metrics
    ]
    worst = max(each.p_adjusted or 0 for each in results)
    assert worst > max(each.p_value or 0 for each in results)
    alone = workbench.compare(ids(runs[:2]), metrics=["exact_match"]).results
    assert alone[0].p_adjusted == alone[0].p_value == results[0].p_value


def test_equivalence_within_a_margin(workbench: Workbench, dataset: Write) -> None:
    path = dataset([BOTH] * 390 + [FIRST] * 5 + [SECOND] * 5)
    metrics = ["exact_match", "length_words"]
    runs = ids(runs_of(workbench, path, "first", "second", metrics=metrics))
    match, length = workbench.compare(runs, margin=0.05).results
    assert (match.verdict, match.margin) == ("equivalent", 0.05)
    assert length.margin is None, "one number is not for metrics with other units"
    _, length = workbench.compare(runs, margin={"length_words": 0.5}).results
    assert length.margin == 0.5


def test_other_datasets_are_compared_on_what_they_share(
    workbench: Workbench, dataset: Write
) -> None:
    before = runs_of(workbench, dataset([BOTH] * 10 + [FIRST] * 10, "old"), "first")
    path = dataset([BOTH] * 10 + [SECOND] * 4, "new")
    after = runs_of(workbench, path, "first")
    compared = workbench.compare(ids(before + after))
    (result,) = compared.results
    assert (result.pairs, result.only_baseline) == (10, 6)
    differ, unpaired = compared.warnings
    assert "10 examples of equal id and content" in differ
    assert "of 20 and 14. 4 have the same id but other content" in differ
    assert unpaired.startswith("exact_match: 6 examples were scored in one run only")


def test_judges_that_differ_are_told(workbench: Workbench, dataset: Write) -> None:
    path = dataset([BOTH] * 8)
    strict = {**JUDGE, "judge_parameters": {"temperature": 0}}
    runs = runs_of(workbench, path, "first", metrics=[JUDGE])
    runs += runs_of(workbench, path, "second", metrics=[strict])
    compared = workbench.compare(ids(runs))
    (warning,) = compared.warnings
    assert "by offline:judge in" in warning
    assert "by offline:judge (temperature=0.0) in" in warning
    assert len(compared.results) == 1


def test_versions_that_differ_are_told(
    workbench: Workbench, dataset: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = dataset([BOTH] * 8)
    runs = runs_of(workbench, path, "first")
    newer = dataclasses.replace(ExactMatch.info, version="next")
    monkeypatch.setattr(ExactMatch, "info", newer)
    runs += runs_of(workbench, path, "second")
    (warning,) = workbench.compare(ids(runs)).warnings
    assert "scored by version 1 in" in warning
    assert "and next in" in warning


def test_metrics_of_one_run_only_are_named(workbench: Workbench, dataset: Write) -> None:
    path = dataset([BOTH] * 8)
    rouge = {"name": "rouge", "options": {"type": "rouge1"}}
    runs = runs_of(workbench, path, "first", metrics=["exact_match", "squad_f1", "rouge"])
    runs += runs_of(workbench, path, "second", metrics=["exact_match", rouge])
    compared = workbench.compare(ids(runs))
    assert [result.metric for result in compared.results] == ["exact_match"]
    missing, options = compared.warnings
    assert missing == f"squad_f1 is not compared: {runs[1].id} does not have it."
    assert options.startswith("rouge is not compared")
    with pytest.raises(EvaluationError, match="no metric in common"):
        workbench.compare(ids(runs), metrics=["squad_f1"])


def test_an_unfinished_run_is_told(workbench: Workbench, dataset: Write) -> None:
    path = dataset([BOTH] * 8)
    (run,) = runs_of(workbench, path, "first")
    spec = run.spec.limits  # an equal evaluation that is only queued
    evaluation = workbench.evaluation(run.evaluation_id)
    queued = workbench.submit_evaluation(
        evaluation.spec.model_copy(update={"limits": spec.model_copy(update={"max_attempts": 1})})
    )
    (other,) = workbench.runs_of(queued.id)
    compared = workbench.compare([run.id, other.id])
    assert f"{other.id} is queued" in compared.warnings[0]
    assert "no example was scored in both" in compared.results[0].sentence


def test_what_cannot_be_compared_is_refused(workbench: Workbench, dataset: Write) -> None:
    runs = ids(runs_of(workbench, dataset([BOTH] * 8), "first", "second"))
    for wrong in ([runs[0]], [runs[0], runs[1], runs[0]]):
        with pytest.raises(EvaluationError, match="at least two runs"):
            workbench.compare(wrong)
    with pytest.raises(EvaluationError, match="Did you mean 'exact_match'"):
        workbench.compare(runs, metrics=["exactmatch"])
    with pytest.raises(EvaluationError, match="They have exact_match"):
        workbench.compare(runs, margin={"zzz": 0.1})
