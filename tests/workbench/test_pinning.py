"""What a run is fixed to when it is submitted: a version, rows, worked examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from engine.runs import echo_spec, only_run, work

from prompt_app.datamodel.dataset import DatasetOptions
from prompt_app.datamodel.evaluation import Run
from prompt_app.errors import EvaluationError
from prompt_app.workbench import Workbench

ROWS = 60


def written(folder: Path, rows: int = ROWS, answer: str = "row") -> Path:
    path = folder / "quiz.jsonl"
    lines = [
        {"id": f"r{n}", "question": f"row {n}", "answers": [f"{answer} {n}"],
         "part": "test" if n % 3 == 0 else "train"}
        for n in range(rows)
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


@pytest.fixture
def quiz(workbench: Workbench, tmp_path: Path) -> Path:
    options = DatasetOptions(id_field="id", split_field="part")
    path = written(tmp_path)
    workbench.import_dataset(path, options=options)
    return path


def evaluated(workbench: Workbench, dataset: Any, **changes: Any) -> Run:
    spec = echo_spec(Path("unused"), "http://unused")
    data = {**spec.model_dump(), "dataset": dataset, "models": ["offline:echo"], **changes}
    run = only_run(workbench, type(spec).model_validate(data))
    work(workbench)
    return workbench.run(run.id)


def scored(workbench: Workbench, run: Run) -> set[str]:
    """Ids of the rows with a sample."""
    return {sample.key.example_id for sample in workbench.store.iterate_samples(run.id)}


def test_a_submitted_run_keeps_its_version(workbench: Workbench, quiz: Path) -> None:
    spec = echo_spec(Path("unused"), "http://unused")
    data = {**spec.model_dump(), "dataset": "quiz", "models": ["offline:echo"]}
    run = only_run(workbench, type(spec).model_validate(data))
    written(quiz.parent, ROWS + 5, answer="another")
    options = DatasetOptions(id_field="id", split_field="part")
    assert workbench.import_dataset(quiz, options=options).number == 2
    work(workbench)
    finished = workbench.run(run.id)
    assert (finished.spec.dataset_name, finished.progress.scored) == ("quiz@1", ROWS)
    assert finished.summary[0].mean == 1.0
    newer = evaluated(workbench, "quiz")
    assert (newer.spec.dataset_name, newer.progress.scored) == ("quiz@2", ROWS + 5)
    assert newer.summary[0].mean == 0.0


def test_a_seeded_sample_of_a_split_is_the_same_rows_every_time(
    workbench: Workbench, quiz: Path
) -> None:
    def chosen(seed: int, size: int = 8) -> set[str]:
        sample = {"size": size, "seed": seed}
        dataset = {"name": "quiz", "split": "test", "sample": sample}
        return scored(workbench, evaluated(workbench, dataset))

    first = chosen(1)
    assert len(first) == 8
    assert all(int(each[1:]) % 3 == 0 for each in first), "of the split alone"
    assert chosen(1) == first
    assert chosen(2) != first
    assert first < chosen(1, size=12), "a larger sample only adds"
    assert len(chosen(1, size=100)) == ROWS / 3


def test_an_unknown_split_names_those_there_are(workbench: Workbench, quiz: Path) -> None:
    with pytest.raises(EvaluationError, match=r"no split 'dev'; its splits: test, train"):
        evaluated(workbench, {"name": "quiz", "split": "dev"})


@pytest.mark.parametrize(
    ("few_shot", "most"),
    [
        ({"dataset": "quiz", "count": 4, "seed": 3}, 4),
        ({"dataset": "quiz", "example_ids": ["r0", "r6"]}, 2),
        ({"dataset": "quiz@1", "split": "train", "count": 2}, 2),
        ({"dataset": "copy", "count": 5}, 5),
    ],
)
def test_worked_examples_are_never_scored(
    workbench: Workbench, quiz: Path, few_shot: dict[str, Any], most: int
) -> None:
    """By id, and by content where they are of another dataset with the same rows."""
    workbench.import_dataset(quiz, name="copy", options=DatasetOptions(split_field="part"))
    template = {"text": "{question}", "few_shot": few_shot}
    prompts = [{"name": "shown", "template": template}]
    run = evaluated(workbench, {"name": "quiz"}, prompts=prompts)
    shots = {shot.fields["id"] for shot in run.spec.prompt.shots}
    assert len(shots) == most
    assert scored(workbench, run) == {f"r{n}" for n in range(ROWS)} - shots
    assert (run.progress.excluded, run.progress.total) == (most, ROWS - most)
    example = workbench.examples(workbench.dataset("quiz"), limit=1)[0]
    messages = workbench.rendered_prompt(run, example)
    assert len(messages) == 2 * most + 1
    assert {each.content for each in messages[:-1:2]} == {f"row {each[1:]}" for each in shots}


def test_nothing_left_to_score_is_told(workbench: Workbench, quiz: Path) -> None:
    template = {"text": "{question}", "few_shot": {"dataset": "quiz", "count": ROWS}}
    with pytest.raises(EvaluationError, match="60 rows serve as few-shot examples"):
        evaluated(workbench, "quiz", prompts=[{"name": "shown", "template": template}])
