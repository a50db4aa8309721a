"""The pages Functions, Pipelines and Pipeline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.workbench import Workbench

PIPELINE = "app_pages/pipeline.py"
OpenPage = Callable[..., AppTest]


def texts(app: AppTest) -> str:
    shown = [*app.text, *app.caption, *app.error, *app.code, *app.success, *app.warning, *app.info]
    return "\n".join(each.value for each in shown)


def fill(app: AppTest, label: str, value: str) -> None:
    next(each for each in app.text_area if each.label == label).set_value(value).run()


def button(app: AppTest, label: str) -> None:
    next(each for each in app.button if each.label == label).click().run()


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    folder = tmp_path / "functions"  # where the app looks by default
    folder.mkdir()
    (folder / "custom_a.py").write_text(
        'def shout(text: str) -> str:\n    """Loud."""\n    return text + "!"\n'
    )
    return folder


def test_functions_are_listed_searched_and_synchronised(
    functions: Path, open_page: OpenPage, workbench: Workbench
) -> None:
    app = open_page("app_pages/functions.py")
    assert "add_days(day: date, days: int) -> date" in list(app.dataframe[0].value["Function"])
    button(app, "Synchronise")
    assert "Added\\: shout" in app.success[0].value
    app.text_input[0].set_value("loud").run()
    assert list(app.dataframe[0].value["Function"]) == ["shout(text: str) -> str"]
    workbench.pipelines.save("loud", "shout(a)")
    (functions / "custom_a.py").unlink()
    (functions / "custom_b.py").write_text("1 / 0")
    button(app, "Synchronise")
    assert "Removed\\: shout" in app.success[0].value
    assert "ZeroDivisionError" in app.error[0].value
    assert "Pipeline loud cannot be called" in app.warning[0].value
    assert any("was removed from custom_a.py" in each.value for each in app.text)


def test_a_pipeline_is_written_saved_and_run(open_page: OpenPage, workbench: Workbench) -> None:
    workbench.save_prompt("hello", PromptTemplate.model_validate("Hello {who}"))
    app = open_page(PIPELINE)
    fill(app, "Text", "upper(helo(name))")
    assert "Did you mean hello" in app.error[0].value
    assert app.code[0].value == "upper(helo(name))\n      ^"
    fill(app, "Text", "upper(hello(name))")
    assert "has no model" in app.error[0].value
    app.selectbox(key="pipeline.new.model").set_value("offline:echo").run()
    assert not app.error
    fill(app, "name", "Ann")
    button(app, "Run")
    assert app.code[0].value == "HELLO ANN"
    assert list(app.dataframe[0].value["Step"]) == ["upper", "hello"]
    app.text_input(key="pipeline.new.name").set_value("greet").run()
    button(app, "Save")
    assert workbench.pipelines.get("greet").model == "offline:echo"


def test_a_saved_pipeline_keeps_its_calls_and_versions(
    open_page: OpenPage, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbench.pipelines.save("pick", "item([1, 2], n)")
    monkeypatch.delattr(type(workbench.pipelines), "versions")  # no page reads every text
    app = open_page(PIPELINE, name="pick")
    assert app.title[0].value == "pick"
    fill(app, "n", "9")
    button(app, "Run")
    assert "There is no item 9" in app.error[0].value
    assert workbench.pipelines.calls("pick").items[0].state == "failed"
    fill(app, "Text", "item([1, 2, 3], n)")
    button(app, "Save as new version")
    assert workbench.pipelines.get("pick").number == 2
    app = open_page(PIPELINE, name="pick", version="1")
    assert app.text_area[0].value == "item([1, 2], n)"
    versions = next(box for box in app.selectbox if box.label == "Version")
    assert (versions.options, versions.value) == (["2", "1"], 1)


def test_pipelines_are_listed_with_what_is_wrong(
    functions: Path, open_page: OpenPage, workbench: Workbench
) -> None:
    workbench.pipelines.synchronise()
    workbench.pipelines.save("loud", "shout(a)")
    workbench.pipelines.save("fine", "# why\nupper(a)")
    (functions / "custom_a.py").unlink()
    app = open_page("app_pages/pipelines.py")
    assert [each.value for each in app.code] == ["upper(a)", "shout(a)"]
    assert "custom_a.py is not in" in texts(app)
    app.text_input[0].set_value("FINE").run()
    assert [each.value for each in app.code] == ["upper(a)"]
    app.text_input[0].set_value("nothing").run()
    assert "No pipeline fits" in app.info[0].value


def test_a_pipeline_that_is_not_there_is_said(open_page: OpenPage) -> None:
    assert "There is no pipeline named" in open_page(PIPELINE, name="x").error[0].value


def test_a_call_is_watched_and_stopped_from_another_thread(workbench: Workbench) -> None:
    workbench.save_prompt("hello", PromptTemplate.model_validate("Hello {who}"))
    workbench.pipelines.save("greet", "upper(hello(a))", model="offline:echo")
    done = workbench.pipelines.start("upper(hello(a))", {"a": "x"}, model="offline:echo")
    assert done.wait(30)
    call = done.result()
    assert call is not None
    assert call.output_text == "HELLO X"
    assert [step.state for step in done.steps()] == ["done", "done"]
    done.cancel()
    stopped = workbench.pipelines.start("upper(hello(a))", {"a": "y"}, model="offline:echo")
    stopped.cancel()
    assert stopped.wait(30)
    stopped.result()
