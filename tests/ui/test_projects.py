"""Projects in the studio: made, chosen, moved to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.project import ProjectMember
from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.ui import state
from prompt_app.workbench import Workbench
from prompt_app.workbench.projects import Projects

Open = Callable[..., AppTest]
TEMPLATE = PromptTemplate.model_validate("Answer: {question}")
SUE = Person(id="sue", name="Sue", role=Role.EDITOR)


def pickers(app: AppTest) -> list[str]:
    return [box.label for box in app.sidebar.selectbox]


def shown(app: AppTest) -> list[str]:
    return [each.label.replace("\\", "") for each in app.main.expander if "team" in each.label]


def button(app: AppTest, label: str) -> object:
    return next(each for each in app.button if each.label == label)


def test_nothing_is_said_of_projects_until_there_is_one(open_page: Open) -> None:
    app = open_page("app_pages/datasets.py")
    assert pickers(app) == []
    app = open_page("app_pages/dataset.py", name="geography")
    assert "Move" not in [each.label for each in app.button]


def test_a_project_is_made_and_managed_in_the_settings(
    open_page: Open, workbench: Workbench
) -> None:
    app = open_page("app_pages/settings.py")
    next(box for box in app.text_input if box.label == "Name").input("team")
    button(app, "Make the project").click().run()  # type: ignore[attr-defined]
    assert not app.exception
    assert [project.name for project in workbench.projects.all()] == ["team"]
    next(box for box in app.text_input if box.label == "New member").input("Sue@x.org")
    button(app, "Add").click().run()  # type: ignore[attr-defined]
    members = {each.member: each.role.value for each in workbench.projects.members("team")}
    assert members == {"local": "owner", "sue@x.org": "viewer"}
    next(box for box in app.selectbox if box.label.startswith("Role of sue")).select("editor").run()
    assert workbench.projects.members("team")[1].role.value == "editor"
    app.button(key=f"project.{workbench.projects.get('team').id}.archive").click().run()
    assert workbench.projects.all() == []
    assert not app.exception


def test_settings_read_a_page_of_projects_and_only_the_one_that_is_opened(
    open_page: Open, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [workbench.projects.create(f"team-{number:02}") for number in range(23)]
    for number in range(25):
        workbench.acting_as(workbench.actor, "team-22").save_prompt(f"p{number:02}", TEMPLATE)
    looked: list[str] = []
    members = Projects.members

    def noted(self: Projects, which: str) -> list[ProjectMember]:
        looked.append(which)
        return members(self, which)

    monkeypatch.setattr(Projects, "members", noted)
    settings = "app_pages/settings.py"
    assert shown(open_page(settings)) == [f"team-{number:02}" for number in range(10)]
    assert looked == []
    app = open_page(settings, page="3", opened=made[-1].id, items="2")
    assert shown(app) == ["team-20", "team-21", "team-22"]
    assert set(looked) == {made[-1].id}
    things = next(each.value for each in app.dataframe if list(each.value) == ["Kind", "Name"])
    assert list(things["Name"]) == [f"p{number:02}" for number in range(20, 25)]
    assert shown(open_page(settings, opened=made[-1].id))[0] == "team-22", "on whichever page"
    app = open_page(settings, opened="nothing")
    assert "There is no project" in app.error[0].value


def test_what_is_made_while_a_project_is_chosen_belongs_to_it(
    open_page: Open, workbench: Workbench
) -> None:
    workbench.projects.create("team")
    workbench.acting_as(workbench.actor, "team").save_prompt("greet", TEMPLATE)
    workbench.projects.create("other")
    app = open_page("app_pages/prompts.py")
    assert pickers(app) == ["Project"]
    app.sidebar.selectbox[0].select("team").run()
    assert any("greet" in each.label for each in app.get("page_link"))
    app.sidebar.selectbox[0].select("other").run()
    assert not any("greet" in each.label for each in app.get("page_link"))
    assert any("passage" in each.label for each in app.get("page_link"))


def test_a_thing_is_moved_on_its_page(open_page: Open, workbench: Workbench) -> None:
    workbench.projects.create("team")
    evaluation = workbench.submit_evaluation(workbench.example_evaluation())
    app = open_page("app_pages/dataset.py", name="geography")
    next(box for box in app.selectbox if box.label == "Belongs to").select("team").run()
    button(app, "Move").click().run()  # type: ignore[attr-defined]
    assert not app.exception
    assert workbench.projects.of("dataset", ["geography"]) == {"geography": "team"}
    assert workbench.projects.of("evaluation", [evaluation.id]) == {evaluation.id: "team"}
    app = open_page("app_pages/runs.py")
    assert not app.exception


@pytest.mark.parametrize(
    ("page", "query"),
    [("dataset", {"name": "geography"}), ("prompt", {"name": "with-passage"}), ("run", {})],
)
def test_others_are_told_that_there_is_no_such_thing(
    open_page: Open,
    workbench: Workbench,
    monkeypatch: pytest.MonkeyPatch,
    page: str,
    query: dict[str, str],
) -> None:
    workbench.projects.create("team")
    run = workbench.submit_evaluation(workbench.example_evaluation()).run_ids[0]
    for kind, name in (("dataset", "geography"), ("prompt", "with-passage")):
        workbench.projects.move(kind, name, "team")  # type: ignore[arg-type]
    monkeypatch.setattr(state, "person", lambda: SUE)
    app = open_page(f"app_pages/{page}.py", **(query or {"id": run}))
    assert any("There is no" in each.value for each in app.error)
    assert pickers(app) == []
