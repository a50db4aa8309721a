"""A judge held against people: agreement, correction, and its refusal in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine.runs import work

from prompt_app.datamodel.dataset import DatasetOptions
from prompt_app.datamodel.evaluation import EvaluationSpec, Run
from prompt_app.errors import EvaluationError
from prompt_app.workbench import Workbench

Judged = Callable[..., Run]
RIGHT, WRONG = "Paris", "Rome"
PASS_FAIL = "qa_accuracy_by_llm"


@pytest.fixture
def judged(workbench: Workbench, tmp_path: Path) -> Judged:
    """A finished run of the offline judge over given answers, with people's labels beside."""

    def run(rows: list[tuple[str, Any]], metric: str = PASS_FAIL, **options: str) -> Run:
        path = tmp_path / "rows.jsonl"
        lines = [
            {"id": f"r{n}", "answer": answer, "answers": [RIGHT], "human": label,
             "question": "What is the capital of France?", "source": n // 5}
            for n, (answer, label) in enumerate(rows)
        ]  # fmt: skip
        path.write_text("\n".join(json.dumps(line) for line in lines))
        spec = EvaluationSpec.model_validate(
            {
                "dataset": {"path": str(path), "options": {"id_field": "id", **options}},
                "prompts": [{"name": "given", "template": "{answer}"}],
                "models": ["offline:echo"],
                "metrics": [{"name": metric, "judge": "offline:judge"}],
            }
        )
        evaluation = workbench.submit_evaluation(spec)
        work(workbench)
        return workbench.runs_of(evaluation.id)[0]

    return run


def test_a_good_judge_is_corrected_by_its_errors(workbench: Workbench, judged: Judged) -> None:
    labelled = [(RIGHT, "pass")] * 28 + [(WRONG, "pass")] * 2
    labelled += [(WRONG, "fail")] * 27 + [(RIGHT, "fail")] * 3
    run = judged(labelled + [(RIGHT, None)] * 50 + [(WRONG, "")] * 50)
    result = workbench.calibrate(run.id, PASS_FAIL, "human")
    assert (result.labelled, result.unlabelled, result.unscored) == (60, 100, 0)
    assert result.agreement is not None
    assert result.agreement.confusion == ((27, 3), (2, 28))
    assert result.sensitivity is not None
    assert result.sensitivity.value == pytest.approx(28 / 30)
    assert result.corrected is not None, result.refusal
    # Rogan and Gladen by hand: (0.5 + 0.9 - 1) / (28/30 + 0.9 - 1)
    assert result.corrected.value == pytest.approx(0.4 / (28 / 30 + 0.9 - 1))
    assert result.corrected.interval.lower < 0.5 < result.corrected.interval.upper
    assert {each.example_id for each in result.disagreements} == {"r28", "r29", "r57", "r58", "r59"}


def test_rows_that_share_a_source_count_for_less(workbench: Workbench, judged: Judged) -> None:
    """Whole sources are right or wrong together: five rows tell little more than one."""
    labelled = [(RIGHT, "pass")] * 40 + [(WRONG, "pass")] * 5
    labelled += [(WRONG, "fail")] * 40 + [(RIGHT, "fail")] * 5
    rows = labelled + [(RIGHT, None)] * 50 + [(WRONG, None)] * 50
    alone = workbench.calibrate(judged(rows).id, PASS_FAIL, "human")
    shared = workbench.calibrate(judged(rows, cluster_field="source").id, PASS_FAIL, "human")
    assert alone.agreement is not None
    assert shared.agreement is not None
    assert alone.corrected is not None, alone.refusal
    assert shared.corrected is not None, shared.refusal
    assert shared.corrected.value == alone.corrected.value
    for one, other in (
        (alone.agreement.accuracy, shared.agreement.accuracy),
        (alone.agreement.kappa, shared.agreement.kappa),
        (alone.agreement.macro_f1, shared.agreement.macro_f1),
        (alone.sensitivity, shared.sensitivity),
        (alone.specificity, shared.specificity),
        (alone.informedness, shared.informedness),
        (alone.corrected, shared.corrected),
        (alone.stratified, shared.stratified),
    ):
        assert one is not None
        assert other is not None
        assert width(other) > 1.5 * width(one)


def width(estimate: Any) -> float:
    return float(estimate.interval.upper - estimate.interval.lower)


def test_a_judge_no_better_than_chance_is_refused(workbench: Workbench, judged: Judged) -> None:
    rows = [(RIGHT, 1), (WRONG, 1), (RIGHT, 0), (WRONG, 0)] * 10 + [(RIGHT, None)] * 10
    result = workbench.calibrate(judged(rows).id, PASS_FAIL, "human")
    assert result.corrected is None
    assert "not shown to be better than chance" in result.refusal
    assert result.informedness is not None
    assert result.informedness.value == 0


def test_what_to_label_next(workbench: Workbench, judged: Judged) -> None:
    labelled = [(RIGHT, 1)] * 12 + [(WRONG, 0), (WRONG, 1)] * 6
    run = judged(labelled + [(RIGHT, None)] * 40 + [(WRONG, None)] * 40)
    result = workbench.calibrate(run.id, PASS_FAIL, "human", suggest=10)
    assert len(set(result.label_next)) == 10
    numbers = [int(example[1:]) for example in result.label_next]
    assert min(numbers) >= 24, "none that has a label"
    assert sum(number >= 64 for number in numbers) > 5, "where people disagree with the judge"
    assert result.stratified is not None
    assert result.stratified.value == pytest.approx(0.75), "all passes are right, half of the fails"
    assert workbench.calibrate(run.id, PASS_FAIL, "human").label_next == ()


def test_few_labels_leave_the_mean_within_the_scale(workbench: Workbench, judged: Judged) -> None:
    labelled = [(RIGHT, 1), (RIGHT, 0), (WRONG, 1), (WRONG, 0)]
    run = judged(labelled + [(RIGHT, None)] * 20 + [(WRONG, None)] * 20)
    result = workbench.calibrate(run.id, PASS_FAIL, "human").stratified
    assert result is not None
    assert (result.interval.lower, result.value, result.interval.upper) == (0, 0.5, 1)


def test_without_other_rows_there_is_nothing_to_correct(
    workbench: Workbench, judged: Judged
) -> None:
    result = workbench.calibrate(judged([(RIGHT, True), (WRONG, False)] * 5).id, PASS_FAIL, "human")
    assert result.corrected is None
    assert "needs no judge" in result.refusal


def test_grades(workbench: Workbench, judged: Judged) -> None:
    labelled = [(RIGHT, 5), (RIGHT, 4), (WRONG, 1), (WRONG, 2)] * 6
    run = judged(labelled + [(RIGHT, None)] * 20 + [(WRONG, None)] * 20, "graded_correctness")
    result = workbench.calibrate(run.id, "graded_correctness", "human")
    assert result.agreement is not None
    assert result.agreement.labels == ("1", "2", "4", "5")
    assert result.correlation is not None
    assert (result.correlation.value or 0) > 0.8
    assert result.corrected is not None, result.refusal
    assert result.corrected.value == pytest.approx(3, abs=0.01)


def test_labels_of_another_dataset(workbench: Workbench, judged: Judged, tmp_path: Path) -> None:
    run = judged([(RIGHT, None), (WRONG, None)] * 5)
    path = tmp_path / "labels.csv"
    path.write_text("id,passed,answers\n" + "\n".join(f"r{n},{(n + 1) % 2},x" for n in range(6)))
    workbench.import_dataset(path, name="labels", options=DatasetOptions(id_field="id"))
    for name in ("labels", "labels@1"):
        result = workbench.calibrate(run.id, PASS_FAIL, "passed", dataset=name)
        assert (result.labelled, result.unlabelled) == (6, 4)
        assert result.agreement is not None
        assert result.agreement.accuracy.value == 1


def test_what_is_wrong_is_told(workbench: Workbench, judged: Judged) -> None:
    run = judged([(RIGHT, "maybe"), (WRONG, "")])
    with pytest.raises(EvaluationError, match=r"'maybe' in 'human' of example 'r0'.*pass/fail"):
        workbench.calibrate(run.id, PASS_FAIL, "human")
    with pytest.raises(EvaluationError, match="no metric 'rouge'"):
        workbench.calibrate(run.id, "rouge", "human")
    with pytest.raises(EvaluationError, match="has a field 'nobody'"):
        workbench.calibrate(run.id, PASS_FAIL, "nobody")
    grades = judged([(RIGHT, 6), (WRONG, 1)], "graded_correctness")
    with pytest.raises(EvaluationError, match="numbers from 1 to 5"):
        workbench.calibrate(grades.id, "graded_correctness", "human")
    blank = judged([(RIGHT, ""), (WRONG, None), (RIGHT, " ")])
    with pytest.raises(EvaluationError, match="nothing to compare"):
        workbench.calibrate(blank.id, PASS_FAIL, "human")
