"""People label replies: what comes next, blind order, agreement, files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from engine.runs import work

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.datamodel.labelling import LabelQueue, LabelRubric
from prompt_app.errors import EvaluationError, InputError, PermissionDeniedError, UnknownNameError
from prompt_app.workbench import Workbench

JUDGE = "qa_accuracy_by_llm"
ROWS = 12
ANN, BOB = (Person(id=name, name=name.title(), role=Role.EDITOR) for name in ("ann", "bob"))


@pytest.fixture
def runs(workbench: Workbench, tmp_path: Path) -> tuple[str, str]:
    """Of two prompts; the first is right in the first half of the rows, the second always."""
    path = tmp_path / "rows.jsonl"
    rows = [
        {"id": f"r{n}", "one": "Paris" if n < ROWS // 2 else "Rome", "two": "Paris",
         "answers": ["Paris"], "question": "What is the capital of France?"}
        for n in range(ROWS)
    ]  # fmt: skip
    path.write_text("\n".join(json.dumps(row) for row in rows))
    spec = EvaluationSpec.model_validate(
        {
            "dataset": {"path": str(path), "options": {"id_field": "id"}},
            "prompts": [{"name": n, "template": f"{{{n}}}"} for n in ("one", "two")],
            "models": ["offline:echo"],
            "metrics": [{"name": JUDGE, "judge": "offline:judge"}],
        }
    )
    evaluation = workbench.submit_evaluation(spec)
    work(workbench)
    first, second = evaluation.run_ids
    return first, second


@pytest.fixture
def make(workbench: Workbench, runs: tuple[str, str]) -> Callable[..., LabelQueue]:
    def made(*, pair: bool = False, **changes: object) -> LabelQueue:
        chosen = list(runs) if pair else [runs[0]]
        rubric = changes.pop("rubric", LabelRubric())
        return workbench.labelling.create("queue", chosen, rubric, **changes)  # type: ignore[arg-type]

    return made


def label_all(workbench: Workbench, person: Person, labels: dict[str, str | None]) -> None:
    for example, label in labels.items():
        workbench.acting_as(person).labelling.label("queue", example, label)


def test_rows_come_once_for_each_person(
    workbench: Workbench, make: Callable[..., LabelQueue]
) -> None:
    make()
    ann = workbench.acting_as(ANN).labelling
    order = ann.next_rows("queue")
    assert sorted(order) == sorted(f"r{n}" for n in range(ROWS))
    assert order == ann.next_rows("queue") != tuple(sorted(order))
    ann.label("queue", order[0], "pass")
    ann.label("queue", order[1], None)
    assert ann.next_rows("queue") == order[2:]
    bobs = workbench.acting_as(BOB).labelling.next_rows("queue")
    assert set(bobs) == set(order[1:])  # one person a row; what was skipped is free
    assert bobs != order[1:]  # in another order, so that two at work at once seldom meet
    ann.undo("queue")
    assert ann.next_rows("queue", 1) == (order[1],)


def test_a_second_person_gets_the_rows_that_were_begun(
    workbench: Workbench, make: Callable[..., LabelQueue]
) -> None:
    make(people_per_row=2)
    label_all(workbench, ANN, {"r7": "pass", "r3": "fail"})
    bob = workbench.acting_as(BOB).labelling
    assert set(bob.next_rows("queue", 2)) == {"r3", "r7"}
    label_all(workbench, BOB, {"r7": "pass"})
    assert "r7" not in workbench.labelling.next_rows("queue")


def test_a_judge_tells_which_rows_are_worth_labelling(
    workbench: Workbench, make: Callable[..., LabelQueue]
) -> None:
    make(metric=JUDGE)
    chosen = workbench.labelling.next_rows("queue", 4)
    low = [example for example in chosen if int(example[1:]) >= ROWS // 2]
    assert len(low) == 2  # two of each kind of score before any third


def test_labels_are_held_against_the_judge(
    workbench: Workbench, make: Callable[..., LabelQueue], runs: tuple[str, str]
) -> None:
    make(metric=JUDGE)
    with pytest.raises(EvaluationError, match="nothing to compare"):
        workbench.labelling.judge_agreement("queue")
    label_all(
        workbench, ANN, {"r0": "pass", "r1": "pass", "r2": "fail", "r8": "fail", "r9": "fail"}
    )
    found = workbench.labelling.judge_agreement("queue")
    assert found.agreement is not None
    assert found.agreement.accuracy.value == 0.8
    assert [each.example_id for each in found.disagreements] == ["r2"]
    assert workbench.calibrate(runs[0], JUDGE, queue="queue").disagreements == found.disagreements
    with pytest.raises(EvaluationError, match="not about the replies of"):
        workbench.calibrate(runs[1], JUDGE, queue="queue")


def test_people_who_differ_are_counted_and_left_out(
    workbench: Workbench, make: Callable[..., LabelQueue], runs: tuple[str, str]
) -> None:
    make(people_per_row=2)
    label_all(workbench, ANN, {"r0": "pass", "r1": "pass", "r2": "fail", "r3": None})
    label_all(workbench, BOB, {"r0": "pass", "r1": "fail", "r2": "fail"})
    standing = workbench.labelling.standing("queue")
    assert (standing.rows, standing.labelled, standing.answers) == (ROWS, 3, 6)
    assert [(each.name, each.labelled, each.skipped) for each in standing.labellers] == [
        ("Ann", 3, 1),
        ("Bob", 3, 0),
    ]
    assert standing.agreeing is not None
    assert standing.agreeing.value == pytest.approx(2 / 3)
    assert standing.alpha is not None
    assert standing.alpha.value == pytest.approx(4 / 9)  # 1 - (5 * 2 / 6) / (2 * 3 * 3 / 6)
    (split,) = standing.splits
    assert (split.example_id, dict(split.labels)) == ("r1", {"Ann": "pass", "Bob": "fail"})
    run = workbench.run(runs[0])
    assert workbench.labelling.human_labels("queue", run, JUDGE) == {"r0": 1.0, "r2": 0.0}


def test_two_replies_stand_in_blind_order(
    workbench: Workbench, make: Callable[..., LabelQueue], runs: tuple[str, str]
) -> None:
    make(pair=True)
    tasks = [workbench.labelling.task("queue", f"r{n}") for n in range(ROWS)]
    assert {task.swapped for task in tasks} == {True, False}
    assert tasks[8] == workbench.labelling.task("queue", "r8")
    for task in tasks[ROWS // 2 :]:
        texts = [sample.reply.text for sample in task.replies if sample.reply]
        assert texts == (["Paris", "Rome"] if task.swapped else ["Rome", "Paris"])
        right = "first" if task.swapped else "second"
        workbench.labelling.label("queue", task.example.id, task.choice(right))
    assert tasks[0].choice("equal") == "equal"
    standing = workbench.labelling.standing("queue")
    assert standing.labels == {"second": ROWS // 2}
    assert standing.preferred is not None
    assert standing.preferred.value is not None
    assert standing.preferred.value > 0.8


def test_an_answer_names_the_rubric_that_it_was_given_under(
    workbench: Workbench, make: Callable[..., LabelQueue]
) -> None:
    make()
    label_all(workbench, ANN, {"r0": "pass"})
    workbench.labelling.change_rubric("queue", LabelRubric(question="Stricter?"))
    label_all(workbench, ANN, {"r1": "pass"})
    assert [each.rubric_number for each in workbench.labelling.answers("queue")] == [1, 2]


def test_what_is_refused(workbench: Workbench, make: Callable[..., LabelQueue]) -> None:
    with pytest.raises(EvaluationError, match="labels so, so-so are not on the scale"):
        make(metric=JUDGE, rubric=LabelRubric(labels=("so", "so-so")))
    with pytest.raises(EvaluationError, match="cannot be held against pairs"):
        make(metric=JUDGE, pair=True)
    make()
    with pytest.raises(EvaluationError, match="'maybe' is none of the labels fail, pass"):
        workbench.labelling.label("queue", "r0", "maybe")
    with pytest.raises(UnknownNameError):
        workbench.labelling.label("queue", "r99", "pass")
    viewer = workbench.acting_as(Person(id="v", name="V")).labelling
    with pytest.raises(PermissionDeniedError):
        viewer.label("queue", "r0", "pass")
    assert viewer.standing("queue").labelled == 0


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_labels_go_to_a_file_and_back(
    workbench: Workbench, make: Callable[..., LabelQueue], tmp_path: Path, ending: str
) -> None:
    make(rubric=LabelRubric(labels=("-1", "0", "1")))
    label_all(workbench, ANN, {"r0": "-1", "r1": None})
    workbench.acting_as(BOB).labelling.label("queue", "r0", "1", comment="=good, I think")
    file = tmp_path / f"labels.{ending}"
    assert workbench.labelling.export("queue", file) == 3
    before = workbench.labelling.answers("queue")
    assert workbench.labelling.import_labels("queue", file) == 3
    assert workbench.labelling.answers("queue") == before


def test_a_file_with_wrong_lines_is_refused_whole(
    workbench: Workbench, make: Callable[..., LabelQueue], tmp_path: Path
) -> None:
    make()
    file = tmp_path / "labels.csv"
    file.write_text("example_id,label\nr0,pass\nr99,pass\nr1,good\n")
    with pytest.raises(InputError) as caught:
        workbench.labelling.import_labels("queue", file)
    assert "line 3: 'r99'" in str(caught.value)
    assert "line 4: 'good' is none of fail, pass" in str(caught.value)
    assert workbench.labelling.answers("queue") == []
    file.write_text("example_id,label\nr0,pass\n")
    workbench.labelling.import_labels("queue", file)
    assert [each.labeller_name for each in workbench.labelling.answers("queue")] == ["You"]
