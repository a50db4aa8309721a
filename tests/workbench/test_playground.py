from __future__ import annotations

import pytest
from mock_process import MockProcess

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.datamodel.serving import UsageFilter
from prompt_app.errors import (
    EvaluationError,
    PermissionDeniedError,
    TemplateError,
    UnknownNameError,
)
from prompt_app.workbench import Workbench

FIELDS = {"question": "Who wrote it?", "passage": "Ada wrote it.", "answers": ["Ada"]}
PLAIN = InferenceParameters()


def template(text: str) -> PromptTemplate:
    return PromptTemplate.model_validate(text)


def offline(name: str) -> tuple[ModelSpec, InferenceParameters]:
    return ModelSpec(provider="offline", name=name), PLAIN


def mocked(mock: MockProcess, name: str = "extractive", **given: object) -> ModelSpec:
    return ModelSpec(provider="openai", name=name, base_url=f"{mock.url}/v1", **given)  # type: ignore[arg-type]


def test_every_prompt_is_called_on_every_model(workbench: Workbench) -> None:
    playground = workbench.playground
    prompts = [("short", template("{question}")), ("long", template("{passage} {question}"))]
    calls = playground.plan(prompts, [offline("echo"), offline("extractive")], FIELDS)
    assert [call.title for call in calls] == [
        "short · offline:echo",
        "short · offline:extractive",
        "long · offline:echo",
        "long · offline:extractive",
    ]
    playing = playground.start(calls)
    assert playing.wait(20)
    assert [state.status for state in playing.states] == ["done"] * 4
    assert "Who wrote it?" in playing.states[0].text
    for state in playing.states:
        assert state.reply is not None
        assert state.text == state.reply.text
        assert state.cost_usd == 0.0
        assert state.first_seconds is not None
        assert state.first_seconds <= state.seconds


def test_a_reply_serves_a_later_evaluation(workbench: Workbench) -> None:
    workbench.load_examples()
    dataset = workbench.dataset("geography")
    row = workbench.examples(dataset, limit=1)[0]
    prompt = workbench.prompt("with-passage").template
    calls = workbench.playground.plan([("p", prompt)], [offline("extractive")], row.fields)
    assert workbench.playground.start(calls).wait(20)
    spec = workbench.example_evaluation()
    cached = workbench.quote(spec).cached
    assert cached == 1


def test_what_a_call_took_stands_among_the_usage(workbench: Workbench) -> None:
    mine = workbench.acting_as(Person(id="p-7", name="Ada", role=Role.EDITOR))
    calls = mine.playground.plan([("p", template("{question}"))], [offline("echo")], FIELDS)
    assert mine.playground.start(calls).wait(20)
    (record,) = mine.usage.calls(UsageFilter()).items
    assert (record.person, record.route, record.target) == ("p-7", "playground", "offline:echo")
    assert record.input_tokens > 0
    assert record.streamed


def test_what_it_takes_is_told_beforehand(workbench: Workbench) -> None:
    priced = ModelSpec(
        provider="offline", name="echo", price={"input": 1_000_000.0, "output": 2_000_000.0}
    )
    given = InferenceParameters(max_tokens=10, num_responses=1)
    calls = workbench.playground.plan([("p", template("{question}"))], [(priced, given)], FIELDS)
    quote = workbench.playground.quote(calls)
    assert (quote.calls, quote.output_tokens, quote.is_bounded) == (1, 10, True)
    assert quote.cost_usd == pytest.approx(quote.input_tokens + 2 * 10)


def test_wrong_input_is_told_before_anything_is_called(workbench: Workbench) -> None:
    plan = workbench.playground.plan
    with pytest.raises(TemplateError, match=r"\{nofield\}"):
        plan([("p", template("{nofield}"))], [offline("echo")], FIELDS)
    with pytest.raises(UnknownNameError, match="offline model"):
        plan([("p", template("x"))], [offline("echoo")], FIELDS)
    with pytest.raises(EvaluationError, match="25 calls; the playground makes 24"):
        plan([("p", template("x"))] * 5, [offline("echo")] * 5, FIELDS)


def test_a_failing_call_does_not_hold_up_the_others(
    workbench: Workbench, mock_process: MockProcess
) -> None:
    models = [
        (mocked(mock_process), PLAIN),
        (ModelSpec(provider="openai", name="x", base_url="http://127.0.0.1:9/v1"), PLAIN),
        offline("echo"),
    ]
    calls = workbench.playground.plan([("p", template("{passage} {question}"))], models, FIELDS)
    playing = workbench.playground.start(calls)
    assert playing.wait(30)
    first, second, third = playing.states
    assert (first.status, second.status, third.status) == ("done", "failed", "done")
    assert "127.0.0.1" in second.error
    assert first.cost_usd is None  # a server without a price
    assert not playing.is_active


def test_cancelling_ends_what_is_under_way(workbench: Workbench, mock_process: MockProcess) -> None:
    mock_process.control(latency_ms=30_000)
    calls = workbench.playground.plan(
        [("p", template("{question}"))], [(mocked(mock_process), PLAIN), offline("echo")], FIELDS
    )
    playing = workbench.playground.start(calls)
    assert not playing.wait(0.3)
    playing.cancel()
    assert playing.wait(10)
    assert playing.states[0].status == "cancelled"
    assert playing.states[1].status == "done"


def test_who_may_not_call_models_is_told(workbench: Workbench, mock_process: MockProcess) -> None:
    viewer = workbench.acting_as(Person(id="1", name="Vic", role=Role.VIEWER)).playground
    calls = viewer.plan([("p", template("x"))], [offline("echo")], FIELDS)
    with pytest.raises(PermissionDeniedError):
        viewer.start(calls)
    editor = workbench.acting_as(Person(id="2", name="Eda", role=Role.EDITOR)).playground
    model = mocked(mock_process)
    with pytest.raises(PermissionDeniedError, match="another server"):
        editor.plan([("p", template("x"))], [(model, PLAIN)], FIELDS)
    workbench.models.save_endpoint("mock", model)
    assert editor.plan([("p", template("x"))], [(model, PLAIN)], FIELDS)


def test_an_input_becomes_a_datasets_row(workbench: Workbench) -> None:
    workbench.load_examples()
    before = workbench.dataset("geography")
    fields = {"question": "Where?", "passage": "In Rome."}
    version = workbench.playground.save_row("geography", fields, "Rome")
    assert (version.number, version.rows) == (before.number + 1, before.rows + 1)
    last = workbench.examples(version, after_position=before.rows - 1)[-1]
    assert last.fields == {**fields, "answers": ["Rome"]}
    assert workbench.dataset("geography", before.number).rows == before.rows
    new = workbench.playground.save_row("mine", fields, "Rome")
    assert (new.rows, new.options.reference_field) == (1, "answers")
    again = workbench.playground.save_row("mine", {"question": "When?"}, "Now")
    assert again.rows == 2
