from __future__ import annotations

import pytest
from engine.runs import work
from mock_process import MockProcess

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.errors import InputError, PermissionDeniedError, UnknownNameError
from prompt_app.workbench import Workbench

EDITOR = Person(id="2", name="Eda", role=Role.EDITOR)


def mocked(mock: MockProcess, name: str = "extractive") -> ModelSpec:
    return ModelSpec(provider="openai", name=name, base_url=f"{mock.url}/v1")


def test_a_test_call_tells_time_tokens_and_price(
    workbench: Workbench, mock_process: MockProcess
) -> None:
    found = workbench.models.test(ModelSpec(provider="offline", name="echo"))
    assert (found.error, found.cost_usd) == ("", 0.0)
    assert "OK" in found.text
    mock_process.control(latency_ms=200)
    found = workbench.models.test(mocked(mock_process))
    assert found.error == ""
    assert found.seconds >= 0.2
    assert found.usage.input > 0
    assert found.cost_usd is None


def test_a_test_call_that_fails_says_why(workbench: Workbench) -> None:
    nobody = ModelSpec(provider="openai", name="x", base_url="http://127.0.0.1:9/v1")
    found = workbench.models.test(nobody)
    assert "127.0.0.1" in found.error
    assert found.seconds < 20


def test_an_endpoint_is_used_by_its_name(workbench: Workbench, mock_process: MockProcess) -> None:
    workbench.load_examples()
    models = workbench.models
    models.save_endpoint("mock", mocked(mock_process), " for tests ")
    card = models.cards()[0]
    assert (card.reference, card.provider) == ("endpoint:mock", "endpoint")
    assert models.spec("endpoint:mock") == mocked(mock_process)
    spec = EvaluationSpec.model_validate(
        {
            "dataset": {"name": "geography", "sample": {"size": 2}},
            "prompts": ["with-passage"],
            "models": ["endpoint:mock"],
            "metrics": ["squad_f1", {"name": "qa_accuracy_by_llm", "judge": "endpoint:mock"}],
        }
    )
    (run_id,) = workbench.acting_as(EDITOR).submit_evaluation(spec).run_ids
    work(workbench)
    run = workbench.run(run_id)
    assert run.spec.model == mocked(mock_process)
    assert run.spec.metrics[1].judge == mocked(mock_process)
    assert run.progress.answered == 2
    with pytest.raises(UnknownNameError) as raised:
        models.spec("endpoint:mok")
    assert raised.value.suggestions == ("mock",)
    models.delete_endpoint("mock")
    assert models.endpoints() == []
    noted = [(each.action, each.target) for each in workbench.audit.entries().items]
    assert noted == [("endpoint.delete", "mock"), ("endpoint.save", "mock")]


def test_only_an_admin_changes_endpoints(workbench: Workbench, mock_process: MockProcess) -> None:
    workbench.models.save_endpoint("mock", mocked(mock_process))
    editors = workbench.acting_as(EDITOR).models
    with pytest.raises(PermissionDeniedError):
        editors.save_endpoint("other", mocked(mock_process))
    with pytest.raises(PermissionDeniedError):
        editors.delete_endpoint("mock")
    assert [each.author for each in editors.endpoints()] == ["You"]
    assert editors.test(mocked(mock_process)).error == ""
    with pytest.raises(PermissionDeniedError, match="another server"):
        editors.test(mocked(mock_process, "other"))


@pytest.mark.parametrize(
    ("name", "model", "message"),
    [
        ("my endpoint", {"provider": "openai", "name": "x"}, "cannot be an endpoint's name"),
        ("a", {"provider": "opnai", "name": "x"}, "'openai'"),
        ("a", {"provider": "endpoint", "name": "b"}, "not another endpoint"),
        ("a", {"provider": "openai", "name": "x", "base_url": "ftp://x"}, "http://"),
        (
            "a",
            {"provider": "openai", "name": "x", "base_url": "http://169.254.169.254/v1"},
            "never allowed",
        ),
        (
            "a",
            {"provider": "openai", "name": "x", "base_url": "http://me:pw@host/v1"},
            "leave user name and password out",
        ),
    ],
)
def test_a_wrong_endpoint_is_refused(
    workbench: Workbench, name: str, model: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message) as raised:
        workbench.models.save_endpoint(name, ModelSpec.model_validate(model))
    assert "pw" not in str(raised.value).replace("password", "")


def test_a_missing_key_is_told(workbench: Workbench) -> None:
    azure = ModelSpec(
        provider="openai",
        name="x",
        base_url="https://mine.openai.azure.com",
        options={"azure": True},
    )
    assert "There is no key" in workbench.models.access_problem(azure)
    assert workbench.models.access_problem(ModelSpec(provider="offline", name="echo")) == ""


def test_presets(workbench: Workbench) -> None:
    models = workbench.acting_as(EDITOR).models
    saved = models.save_preset("cold", InferenceParameters(temperature=0.0))
    assert (saved.number, saved.author) == (1, "Eda")
    assert models.save_preset("cold", InferenceParameters(temperature=0.1)).number == 2
    assert [each.number for each in models.preset_versions("cold")] == [2, 1]
    assert [each.number for each in models.presets()] == [2]
    with pytest.raises(InputError, match="at least one parameter"):
        models.save_preset("empty", InferenceParameters())
    with pytest.raises(InputError, match="preset's name"):
        models.save_preset("two words", InferenceParameters(seed=1))
    viewer = workbench.acting_as(Person(id="1", name="Vic", role=Role.VIEWER))
    with pytest.raises(PermissionDeniedError):
        viewer.models.save_preset("hot", InferenceParameters(seed=1))
    models.delete_preset("cold")
    assert models.presets() == []


def test_a_reference_that_is_none_is_told(workbench: Workbench) -> None:
    with pytest.raises(InputError, match="provider:name"):
        workbench.models.spec("gpt-5")
