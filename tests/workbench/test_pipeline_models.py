"""A pipeline is evaluated like a model, pinned to what it was at submission."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine.runs import only_run, temporary_workbench, work
from mock_process import MockProcess

from prompt_app.datamodel.evaluation import EvaluationSpec, SampleKey
from prompt_app.datamodel.model import ModelSpec
from prompt_app.datamodel.prompt import Message, PromptTemplate
from prompt_app.errors import EvaluationError, PipelineError, UnknownNameError
from prompt_app.pipelines.provider import arguments_from
from prompt_app.workbench import Workbench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    folder = tmp_path / "functions"
    folder.mkdir()
    (folder / "custom_a.py").write_text("def shout(text: str) -> str:\n    return text + '!'\n")
    opened = temporary_workbench(tmp_path, custom_functions=folder)
    opened.pipelines.synchronise()
    opened.save_prompt("say", PromptTemplate.model_validate("{word}"))
    yield opened
    opened.close()


def spec(folder: Path, **changes: Any) -> EvaluationSpec:
    path = folder / "rows.jsonl"
    rows = [
        {"id": str(n), "word": f"w{n}", "tail": f"t{n}", "answers": [f"W{n}!"]} for n in range(6)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    data: dict[str, Any] = {
        "dataset": {"path": str(path), "options": {"id_field": "id"}},
        "prompts": ["pipeline:loud"],
        "models": ["pipeline:loud"],
        "metrics": ["exact_match"],
    }
    return EvaluationSpec.model_validate({**data, **changes})


def test_its_arguments_are_filled_from_the_rows(bench: Workbench, tmp_path: Path) -> None:
    with MockProcess() as server:
        text = 'shout(upper(say(word, model="openai:echo", max_tokens=20)))'
        settings = {"openai_base_url": f"{server.url}/v1"}
        there = Workbench(bench.settings.model_copy(update=settings), bench.store)
        there.pipelines.save("loud", text)
        run = only_run(there, spec(tmp_path))
        work(there)
        done = there.run(run.id)
        assert (done.state, done.progress.failed) == ("finished", 0)
        assert done.summary[0].mean == 1.0
        assert done.spec.model.reference == "pipeline:loud@1"
        sample = there.store.get_sample(run.id, SampleKey(example_id="3"))
        assert sample.reply is not None
        assert sample.reply.text == "W3!"
        assert sample.reply.usage.total > 0
        assert [step["name"] for step in sample.reply.raw["steps"]] == ["shout", "upper", "say"]
        again = only_run(there, spec(tmp_path), key="again")
        work(there)
        assert there.run(again.id).progress.cached == 6
        assert server.stats()["answered"] == 6


def test_several_arguments_are_several_messages(bench: Workbench, tmp_path: Path) -> None:
    bench.pipelines.save("loud", "concat(tail, word)")
    run = only_run(bench, spec(tmp_path))
    assert bench.pipelines.references() == ["pipeline:loud"]
    assert [m.content for m in run.spec.prompt.template.messages] == ["{tail}", "{word}"]
    work(bench)
    sample = bench.store.get_sample(run.id, SampleKey(example_id="2"))
    assert sample.reply is not None
    assert sample.reply.text == "t2w2"


def test_a_run_keeps_the_versions_that_it_was_submitted_with(
    bench: Workbench, tmp_path: Path
) -> None:
    bench.pipelines.save("loud", "upper(say(word))", model="offline:echo")
    run = only_run(bench, spec(tmp_path))
    bench.pipelines.save("loud", "lower(say(word))", model="offline:echo")
    bench.save_prompt("say", PromptTemplate.model_validate("other {word}"))
    work(bench)
    sample = bench.store.get_sample(run.id, SampleKey(example_id="1"))
    assert sample.reply is not None
    assert sample.reply.text == "W1"
    newer = only_run(bench, spec(tmp_path), key="newer")
    assert newer.spec.model.content_id != run.spec.model.content_id
    work(bench)
    sample = bench.store.get_sample(newer.id, SampleKey(example_id="1"))
    assert sample.reply is not None
    assert sample.reply.text == "other w1"


def test_a_run_keeps_the_model_that_an_endpoint_stood_for(bench: Workbench, tmp_path: Path) -> None:
    """And the next run asks the new one, instead of taking stored replies of the old."""

    def reply_of(run_id: str) -> str:
        sample = bench.store.get_sample(run_id, SampleKey(example_id="1"))
        assert sample.reply is not None
        return sample.reply.text

    bench.models.save_endpoint("mine", ModelSpec.model_validate("offline:echo"))
    bench.pipelines.save("loud", 'upper(say(word, model="endpoint:mine"))')
    first = only_run(bench, spec(tmp_path))
    fixed = ModelSpec(provider="offline", name="fixed", options={"reply": "new"})
    bench.models.save_endpoint("mine", fixed, replace=True)
    work(bench)
    assert reply_of(first.id) == "W1"
    second = only_run(bench, spec(tmp_path), key="second")
    work(bench)
    assert bench.run(second.id).progress.cached == 0
    assert reply_of(second.id) == "NEW"


def test_a_run_keeps_the_few_shot_examples_of_its_prompts(bench: Workbench, tmp_path: Path) -> None:
    def shots(answer: str) -> None:
        path = tmp_path / "shots.jsonl"
        path.write_text(json.dumps({"id": "s", "word": "w", "answers": [answer]}) + "\n")
        bench.import_dataset(str(path), name="shots")

    shots("one")
    template = {"messages": [{"role": "user", "content": "{word}"}],
                "few_shot": {"dataset": "shots", "count": 1}}  # fmt: skip
    bench.save_prompt("shown", PromptTemplate.model_validate(template))
    bench.pipelines.save("loud", "shown(word)", model="offline:echo")
    first = only_run(bench, spec(tmp_path))
    shots("two")
    second = only_run(bench, spec(tmp_path), key="second")
    assert first.spec.model.options["datasets"] == {"shots": 1}
    assert second.spec.model.options["datasets"] == {"shots": 2}
    assert first.spec.model.content_id != second.spec.model.content_id


def test_a_function_that_changed_meanwhile_pauses_the_run(bench: Workbench, tmp_path: Path) -> None:
    bench.pipelines.save("loud", "shout(word)")
    run = only_run(bench, spec(tmp_path))
    path = bench.settings.custom_functions / "custom_a.py"
    path.write_text("def shout(text: str) -> str:\n    return text + '?'\n")
    bench.pipelines.synchronise()
    work(bench)
    paused = bench.run(run.id)
    assert paused.state == "paused"
    assert "shout has changed" in paused.reason


def test_a_step_that_fails_is_a_failed_sample_and_tried_once(
    bench: Workbench, tmp_path: Path
) -> None:
    bench.pipelines.save("loud", "item([word], truncate('2', length))")
    changed = spec(tmp_path, prompts=[{"name": "p", "template": [
        {"role": "user", "content": "{word}"}, {"role": "user", "content": "1"},
    ]}])  # fmt: skip
    run = only_run(bench, changed)
    work(bench)
    sample = bench.store.get_sample(run.id, SampleKey(example_id="1"))
    assert (sample.state, sample.error_kind, sample.attempts) == ("failed", "request_refused", 1)
    assert "There is no item 2" in (sample.error_message or "")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"parameters": {"temperature": 0}}, "does not take 'temperature'"),
        ({"limits": {"max_cost_usd": 1}}, "max_cost_usd cannot be held"),
        ({"models": ["pipeline:lod"]}, "Did you mean 'loud'"),
        ({"prompts": ["pipeline:fixed"]}, "no arguments"),
    ],
)
def test_what_cannot_run_is_said_before(
    bench: Workbench, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    bench.pipelines.save("loud", "upper(word)")
    bench.pipelines.save("fixed", "today()")
    with pytest.raises((EvaluationError, UnknownNameError), match=says):
        bench.submit_evaluation(spec(tmp_path, **changes))


def test_a_conversation_gives_the_arguments() -> None:
    def users(*texts: str) -> list[Message]:
        return [Message(role="user", content=text) for text in texts]

    assert arguments_from(users("a", "b"), ["x"]) == {"x": "b"}
    assert arguments_from(users("a", "b"), ["x", "y"]) == {"x": "a", "y": "b"}
    assert arguments_from(users('{"x": 1, "y": [2]}'), ["x", "y"]) == {"x": 1, "y": [2]}
    assert arguments_from(users("a"), []) == {}
    with pytest.raises(PipelineError, match="takes x, y"):
        arguments_from(users("a"), ["x", "y"])
