"""Scripts of the offline model ``scripted``: read when an evaluation is submitted, and pinned."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine.runs import only_run, rows_file, work

from prompt_app.datamodel.evaluation import EvaluationSpec, Run
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.errors import EvaluationError, UnknownNameError
from prompt_app.workbench import Workbench

ROWS = 3
UNSCRIPTED = {"provider": "offline", "name": "scripted"}


def scripted(**options: Any) -> dict[str, Any]:
    return {"provider": "offline", "name": "scripted", "options": options}


def evaluation(folder: Path, model: dict[str, Any], **changes: Any) -> EvaluationSpec:
    return EvaluationSpec.model_validate(
        {
            "dataset": {"path": str(rows_file(folder, ROWS))},
            "prompts": [{"name": "plain", "template": "{question}"}],
            "models": [model],
            "metrics": ["exact_match"],
            **changes,
        }
    )


def write_script(folder: Path, reply: str, name: str = "replies.yaml") -> str:
    (folder / name).write_text(json.dumps({"default": reply}))
    return name


def finished(workbench: Workbench, spec: EvaluationSpec, folder: Path) -> Run:
    run = only_run(workbench, spec, folder=folder)
    work(workbench)
    run = workbench.run(run.id)
    assert run.state == "finished", run.reason
    return run


def replies(workbench: Workbench, run: Run) -> set[str]:
    samples = workbench.store.iterate_samples(run.id)
    return {each.reply.text for each in samples if each.reply is not None}


def test_a_changed_script_answers_anew_and_an_unchanged_one_from_the_store(
    workbench: Workbench, tmp_path: Path
) -> None:
    spec = evaluation(tmp_path, scripted(script=write_script(tmp_path, "old")))
    before = finished(workbench, spec, tmp_path)
    assert (replies(workbench, before), before.progress.cached) == ({"old"}, 0)
    again = finished(workbench, spec, tmp_path)
    assert (replies(workbench, again), again.progress.cached) == ({"old"}, ROWS)
    write_script(tmp_path, "new")
    changed = finished(workbench, spec, tmp_path)
    assert (replies(workbench, changed), changed.progress.cached) == ({"new"}, 0)


def test_a_run_takes_the_script_as_it_was_submitted(workbench: Workbench, tmp_path: Path) -> None:
    spec = evaluation(tmp_path, scripted(script=write_script(tmp_path, "submitted")))
    run = only_run(workbench, spec, folder=tmp_path)
    (tmp_path / "replies.yaml").unlink()
    work(workbench)
    assert replies(workbench, run) == {"submitted"}


def test_a_script_is_looked_for_in_the_evaluations_folder(
    workbench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    for folder in (there, here):
        folder.mkdir()
        write_script(folder, folder.name)
    monkeypatch.chdir(here)
    spec = evaluation(tmp_path, scripted(script="replies.yaml"))
    assert replies(workbench, finished(workbench, spec, there)) == {"there"}


@pytest.mark.parametrize("place", ["judge", "judges"])
def test_a_judges_script_is_pinned_too(workbench: Workbench, tmp_path: Path, place: str) -> None:
    def pinned(told: str) -> str:
        judge = scripted(script=write_script(tmp_path, told, "verdicts.yaml"))
        judges = {"judge": judge} if place == "judge" else {"judges": [judge, "offline:judge"]}
        metric = {"name": "qa_accuracy_by_llm", **judges}
        spec = evaluation(tmp_path, {"provider": "offline", "name": "echo"}, metrics=[metric])
        run = finished(workbench, spec, tmp_path)
        (first, *_) = run.spec.metrics[0].panel
        assert set(first.options) == {"rules"}
        return str(first.options["rules"]["default"])

    assert [pinned("one"), pinned("two")] == ["one", "two"]


WRONG: dict[str, tuple[dict[str, Any], Callable[[Path], object], str]] = {
    "neither": (UNSCRIPTED, lambda path: None, "needs the option 'script'"),
    "missing": (scripted(script="s.yaml"), lambda path: None, "Cannot read the script"),
    "a folder": (scripted(script="s.yaml"), Path.mkdir, "Cannot read the script"),
    "a NUL": (scripted(script="s\0.yaml"), lambda path: None, "not valid"),
    "bytes": (scripted(script="s.yaml"), lambda path: path.write_bytes(b"\xff"), "not valid"),
    "broken": (scripted(script="s.yaml"), lambda path: path.write_text("a: ["), "not valid"),
    "a date": (
        scripted(script="s.yaml"), lambda path: path.write_text("a: 2024-13-45"), "not valid",
    ),
    "deep": (scripted(script="s.yaml"), lambda path: path.write_text("[" * 9999), "not valid"),
    "a wrong rule": (
        scripted(script="s.yaml"),
        lambda path: path.write_text("rules: [{reply: x, contain: y}]"),
        "rules.0.contain",
    ),
    "half a pair": (
        scripted(script="s.yaml"),
        lambda path: path.write_text('[{"reply": "\\ud800"}]'),
        "surrogate",
    ),
    "both": (
        scripted(script="s.yaml", rules=[{"reply": "x"}]),
        lambda path: path.write_text("[]"),
        "not both",
    ),
    "wrong rules": (scripted(rules=[{"contains": "x"}]), lambda path: None, "rules.0"),
}  # fmt: skip


@pytest.mark.parametrize("role", ["model", "judge"])
@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_answer_is_refused_before_the_run(
    workbench: Workbench, tmp_path: Path, case: str, role: str
) -> None:
    model, prepare, told = WRONG[case]
    prepare(tmp_path / "s.yaml")
    judged = {"metrics": [{"name": "qa_accuracy_by_llm", "judge": model}]}
    spec = (
        evaluation(tmp_path, model)
        if role == "model"
        else evaluation(tmp_path, {"provider": "offline", "name": "echo"}, **judged)
    )
    for ask in (workbench.quote, workbench.submit_evaluation):
        with pytest.raises(EvaluationError) as caught:
            ask(spec, folder=tmp_path)
        assert told in str(caught.value)
        assert "\n" not in str(caught.value)
    assert workbench.list_runs().total == 0


def test_a_script_without_rules_has_no_reply(workbench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("[]")
    run = finished(workbench, evaluation(tmp_path, scripted(script="empty.yaml")), tmp_path)
    assert replies(workbench, run) == {"The script has no reply for this prompt."}


def test_the_playground_answers_to_a_changed_script(workbench: Workbench, tmp_path: Path) -> None:
    path = tmp_path / "replies.yaml"
    model = ModelSpec.model_validate(scripted(script=str(path)))

    def answer() -> str:
        prompt = PromptTemplate.model_validate("Say it.")
        calls = workbench.playground.plan([("p", prompt)], [(model, InferenceParameters())], {})
        playing = workbench.playground.start(calls)
        assert playing.wait(20)
        (shown,) = playing.states
        return shown.text

    write_script(tmp_path, "old")
    assert answer() == "old"
    write_script(tmp_path, "new")
    assert answer() == "new"
    path.unlink()
    with pytest.raises(EvaluationError, match="Cannot read the script"):
        answer()


def test_an_endpoint_keeps_the_rules_themselves(workbench: Workbench, tmp_path: Path) -> None:
    path = tmp_path / write_script(tmp_path, "kept")
    saved = workbench.models.save_endpoint(
        "rules", ModelSpec.model_validate(scripted(script=str(path)))
    )
    path.unlink()
    spec = evaluation(tmp_path, {"provider": "endpoint", "name": "rules"})
    assert saved.model.options == {"rules": {"default": "kept"}}
    assert replies(workbench, finished(workbench, spec, tmp_path)) == {"kept"}
    with pytest.raises(UnknownNameError, match="scriptd"):
        workbench.models.save_endpoint("typo", ModelSpec(provider="offline", name="scriptd"))
