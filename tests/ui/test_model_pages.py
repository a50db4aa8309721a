"""Models and Playground: what can be told without a browser. Dialogs are a matter of its tests."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.providers.mock_server import MockServer
from prompt_app.workbench import Workbench

OpenPage = Callable[..., AppTest]
MODELS, PLAYGROUND = "app_pages/models.py", "app_pages/playground.py"


def texts(app: AppTest) -> str:
    shown = [*app.caption, *app.markdown, *app.info, *app.warning, *app.error, *app.success]
    return " ".join(str(each.value) for each in shown).replace("\\", "")


def press(app: AppTest, label: str) -> AppTest:
    next(each for each in app.button if each.label.replace("\\", "") == label).click().run()
    assert not app.exception
    return app


def test_the_catalogue_tells_prices_and_what_can_be_used(open_page: OpenPage) -> None:
    app = open_page(MODELS)
    table = app.dataframe[0].value.set_index("Model")
    assert table.loc["offline:echo", "Can be used"] == "yes"
    assert table.loc["openai:gpt-4.1", "Input $"] > 0
    assert table.loc["openai:gpt-4.1", "Context"] > 100_000
    app.text_input(key="q").set_value("EXTRACTIVE").run()
    assert list(app.dataframe[0].value["Model"]) == ["offline:extractive"]
    app.text_input(key="q").set_value("nothing like it").run()
    assert "No model fits" in texts(app)


def test_a_model_is_tested_with_time_tokens_and_cost(open_page: OpenPage) -> None:
    app = open_page(MODELS, model="offline:echo")
    figures = {each.label: each.value.replace("\\", "") for each in app.metric}
    assert figures["Input, per million"] == "$0.00"
    press(app, "Test the connection")
    assert "Answered in" in texts(app)
    assert "OK" in app.code[0].value


def test_a_test_that_fails_is_told_in_words(open_page: OpenPage, workbench: Workbench) -> None:
    nobody = ModelSpec(provider="openai", name="x", base_url="http://127.0.0.1:9/v1")
    workbench.models.save_endpoint("nobody", nobody, "down")
    app = open_page(MODELS, model="endpoint:nobody")
    press(app, "Test the connection")
    assert "127.0.0.1" in texts(app)
    app = open_page(MODELS, models="Endpoints")
    assert "endpoint:nobody" in texts(app)


def test_a_name_that_is_no_model_is_told(open_page: OpenPage) -> None:
    assert "A model is written provider:name" in texts(open_page(MODELS, model="gpt-5"))


def test_presets_are_listed_with_their_versions(open_page: OpenPage, workbench: Workbench) -> None:
    for temperature in (0.1, 0.2):
        workbench.models.save_preset("cold", InferenceParameters(temperature=temperature))
    shown = texts(open_page(MODELS, models="Presets"))
    assert "temperature=0.2" in shown
    assert "1: temperature=0.1" in shown


def played(app: AppTest) -> AppTest:
    deadline = time.monotonic() + 30
    while app.session_state["play.now"].is_active and time.monotonic() < deadline:
        app.session_state["play.now"].wait(1)
    return app.run()


def test_one_input_is_played_against_prompts_and_models(
    open_page: OpenPage, workbench: Workbench
) -> None:
    app = open_page(PLAYGROUND)
    assert "Choose or write a prompt." in texts(app)
    app.multiselect(key="prompts").set_value(["with-passage@1", "without-passage@1"]).run()
    app.multiselect(key="models_played").set_value(["offline:extractive", "offline:echo"]).run()
    assert "4 calls, about" in texts(app)
    assert "at most $0.00" in texts(app)
    press(app, "Call 4")
    played(app)
    assert "4 of 4 answered, $0.00." in texts(app)
    assert any("Khartoum" in each.value for each in app.code)


def test_what_is_typed_into_the_input_is_sent(open_page: OpenPage, workbench: Workbench) -> None:
    app = open_page(PLAYGROUND)
    app.multiselect(key="prompts").set_value(["without-passage@1"]).run()
    app.multiselect(key="models_played").set_value(["offline:echo"]).run()
    field = next(each for each in app.text_area if each.label == "question")
    assert field.value.startswith("At which city")
    field.set_value("Why on earth?").run()
    press(app, "Call 1")
    played(app)
    assert "Why on earth?" in app.code[0].value


def test_a_placeholder_without_a_value_is_told(open_page: OpenPage, workbench: Workbench) -> None:
    app = open_page(PLAYGROUND)
    app.multiselect(key="prompts").set_value(["with-passage@7"]).run()
    assert "There is no version or label" in texts(app)
    assert not any(each.label.startswith("Call ") for each in app.button)


def test_the_account_is_asked_what_it_can_use(
    open_page: OpenPage,
    workbench: Workbench,
    mock_server: MockServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    model = ModelSpec(provider="openai", name="echo", base_url=f"{mock_server.url}/v1")
    workbench.models.save_endpoint("mine", model)
    app = press(open_page(MODELS), "Check access")
    told = texts(app)
    assert "endpoint:mine lists" in told
    assert "bedrock: " in told  # and why it cannot be asked here
    table = app.dataframe[0].value.set_index("Model")
    assert table.loc["endpoint:mine", "Can be used"] == "yes"
