"""Two people over the same thing: who saves second is told, and loses nothing that was typed."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.serving import Assistant, ModelRoute, RouteTarget
from prompt_app.workbench import Workbench

Open = Callable[..., AppTest]


def press(app: AppTest, label: str) -> AppTest:
    button = next(each for each in app.button if each.label == label)
    app = button.click().run()
    assert not app.exception
    return app


def says(app: AppTest, part: str) -> bool:
    shown = [*app.error, *app.warning, *app.caption, *app.code]
    return any(part in each.value for each in shown)


def area(app: AppTest, label: str) -> object:
    return next(each for each in app.text_area if each.label == label)


def test_pipelines(open_page: Open, workbench: Workbench) -> None:
    workbench.pipelines.save("greet", "upper(a)")
    mine = open_page("app_pages/pipeline.py", name="greet")
    area(mine, "Text").input("lower(a)").run()  # type: ignore[attr-defined]
    workbench.pipelines.save("greet", "title(a)")
    mine = press(mine, "Save as new version")
    assert says(mine, "has version 2 by now")
    assert says(mine, "-title(a)")
    assert area(mine, "Text").value == "lower(a)"  # type: ignore[attr-defined]
    assert workbench.pipelines.get("greet").text == "title(a)"
    mine = press(mine, "Let mine follow version 2")
    press(mine, "Save as new version")
    assert [each.text for each in workbench.pipelines.versions("greet")] == [
        "lower(a)",
        "title(a)",
        "upper(a)",
    ]


def test_a_pipeline_that_nobody_writes_on_follows_what_others_save(
    open_page: Open, workbench: Workbench
) -> None:
    workbench.pipelines.save("greet", "upper(a)")
    mine = open_page("app_pages/pipeline.py", name="greet")
    workbench.pipelines.save("greet", "title(a)")
    mine.run()
    assert area(mine, "Text").value == "title(a)"  # type: ignore[attr-defined]
    assert not mine.warning


def test_assistants(open_page: Open, workbench: Workbench) -> None:
    first = Assistant(name="tutor", context="You teach.", models=("offline:echo",))
    workbench.serving_names.save_assistant(first)
    mine = open_page("app_pages/assistants.py", assistant="tutor")
    mine.selectbox(key="assistant").select("tutor").run()
    area(mine, "Context").input("You teach loops.")  # type: ignore[attr-defined]
    theirs = first.model_copy(update={"context": "You help."})
    workbench.serving_names.save_assistant(theirs)
    mine = press(mine, "Save")
    assert says(mine, "was changed by somebody else since you began")
    assert says(mine, "+context: You help.")
    assert area(mine, "Context").value == "You teach loops."  # type: ignore[attr-defined]
    assert workbench.serving_names.assistants() == [theirs]
    mine = press(mine, "Let mine replace it")
    press(mine, "Save")
    (saved,) = workbench.serving_names.assistants()
    assert saved.context == "You teach loops."


def test_aliases(open_page: Open, workbench: Workbench) -> None:
    first = ModelRoute(name="fast", targets=(RouteTarget(model="offline:echo"),))
    workbench.serving_names.save_alias(first)
    mine = open_page("app_pages/assistants.py")
    mine.selectbox(key="alias").select("fast").run()
    area(mine, "Answered by").input("offline:extractive")  # type: ignore[attr-defined]
    workbench.serving_names.delete_alias("fast")
    mine = press_save(mine)
    assert says(mine, "was deleted since you began")
    assert area(mine, "Answered by").value == "offline:extractive"  # type: ignore[attr-defined]
    assert workbench.serving_names.aliases() == []


def press_save(app: AppTest) -> AppTest:
    """Of the aliases: the second form."""
    saves = [each for each in app.button if each.label == "Save"]
    app = saves[-1].click().run()
    assert not app.exception
    return app
