"""Projects in people's hands."""

from __future__ import annotations

from pathlib import Path

import pytest

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.finetuning import TrainingSource
from prompt_app.datamodel.project import ProjectItem, ProjectRole
from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.errors import (
    ConflictError,
    InputError,
    NameTakenError,
    PermissionDeniedError,
    UnknownNameError,
)
from prompt_app.storage.store import SqlStore
from prompt_app.workbench import Workbench
from prompt_app.workbench.capabilities import Capabilities

TEMPLATE = PromptTemplate.model_validate("Answer: {question}")


def someone(name: str, role: Role = Role.EDITOR) -> Person:
    email = f"{name}@example.org"
    return Person(id=f"id-{name}", name=name, email=email, email_verified=True, role=role)


ANN, BOB, SUE, ADA = (someone(name) for name in ("ann", "bob", "sue", "ada"))
ADMIN = someone("root", Role.ADMIN)


@pytest.fixture
def team(workbench: Workbench) -> Workbench:
    """Ann's project, in which Bob reads, and the shipped example, which is everyone's."""
    workbench.load_examples()
    ann = workbench.acting_as(ANN)
    ann.projects.create("team", "Ours.")
    ann.projects.set_member("team", "BOB@example.org ", "viewer")
    return workbench


def names(bench: Workbench) -> set[str]:
    return {version.name for version in bench.list_datasets()}


def example_name(bench: Workbench) -> str:
    name = bench.example_evaluation().dataset.name
    assert name is not None
    return name


def test_every_capability_is_over_the_persons_own_store(team: Workbench) -> None:
    """One that is added later is covered by itself."""
    bench = team.acting_as(SUE)
    found = [name for name, each in vars(Capabilities).items() if isinstance(each, property)]
    assert len(found) > 15
    for name in found:
        stores = stores_in(getattr(bench, name))
        assert all(store.reach.members == ("id-sue", SUE.email) for store in stores), name


def stores_in(thing: object, depth: int = 0) -> list[SqlStore]:
    if isinstance(thing, SqlStore):
        return [thing]
    if depth == 3 or not hasattr(thing, "__dict__"):
        return []
    return [found for each in vars(thing).values() for found in stores_in(each, depth + 1)]


def test_what_is_moved_is_there_for_members_alone_with_its_runs(team: Workbench) -> None:
    name = example_name(team)
    evaluation = team.submit_evaluation(team.example_evaluation())
    moved = team.acting_as(ANN).projects.move("dataset", name, "team")
    assert (moved.evaluations, moved.stayed) == (1, 0)
    stranger, reader = team.acting_as(SUE), team.acting_as(BOB)
    assert name not in names(stranger)
    assert stranger.list_runs().total == 0
    with pytest.raises(UnknownNameError, match="There is no run"):
        stranger.run(evaluation.run_ids[0])
    with pytest.raises(UnknownNameError, match="There is no dataset"):
        stranger.submit_evaluation(stranger.example_evaluation())
    assert name in names(reader)
    assert reader.run(evaluation.run_ids[0]).name
    with pytest.raises(PermissionDeniedError, match="may only read"):
        reader.cancel(evaluation.run_ids[0])
    assert reader.list_runs().total == team.list_runs().total == 2


def test_an_evaluation_belongs_to_the_project_of_its_parts(team: Workbench) -> None:
    ann = team.acting_as(ANN)
    ann.projects.move("dataset", example_name(team), "team")
    evaluation = ann.submit_evaluation(ann.example_evaluation())
    assert ann.projects.of("evaluation", [evaluation.id]) == {evaluation.id: "team"}
    again = ann.example_evaluation().model_copy(update={"repeats": 2})
    with pytest.raises(PermissionDeniedError, match="may only read"):
        team.acting_as(BOB).submit_evaluation(again)
    ann.projects.create("other")
    prompt = ann.example_evaluation().prompts[0].name
    assert prompt is not None
    ann.projects.move("prompt", prompt, "other", with_runs=False)
    with pytest.raises(ConflictError, match="different projects"):
        ann.submit_evaluation(ann.example_evaluation())


def test_an_equal_evaluation_of_others_is_no_hindrance(team: Workbench) -> None:
    ann = team.acting_as(ANN, "team")
    mine = ann.submit_evaluation(ann.example_evaluation())
    assert ann.submit_evaluation(ann.example_evaluation()).id == mine.id
    theirs = team.acting_as(SUE).submit_evaluation(ann.example_evaluation())
    assert theirs.id != mine.id
    assert ann.projects.of("evaluation", [mine.id, theirs.id]) == {mine.id: "team"}


def test_what_is_made_of_a_projects_things_belongs_to_it(team: Workbench) -> None:
    ann = team.acting_as(ANN)
    name = example_name(team)
    ann.projects.move("dataset", name, "team")
    ann.curation.copy(name, "copied")
    assert ann.projects.of("dataset", ["copied"]) == {"copied": "team"}
    with pytest.raises(NameTakenError):
        team.acting_as(SUE).import_dataset(a_file(team), name="copied")
    parts = ann.finetuning._parts(TrainingSource(dataset=f"{name}@1"))
    assert parts == [ProjectItem("dataset", name)]


def a_file(bench: Workbench) -> Path:
    path = bench.settings.data_dir / "rows.jsonl"
    path.write_text('{"question": "Why?", "answers": "So."}\n')
    return path


def test_what_is_made_while_a_project_is_chosen_belongs_to_it(team: Workbench) -> None:
    within = team.acting_as(ANN, "team")
    within.import_dataset(a_file(team), name="rows")
    within.save_prompt("greet", TEMPLATE)
    assert {each.name for each in within.projects.items("team").items} == {"rows", "greet"}
    assert team.acting_as(SUE).prompt_library.search("greet").total == 0
    with pytest.raises(UnknownNameError, match="There is no project"):
        team.acting_as(SUE, "team")


def test_owners_and_admins_manage_a_project(team: Workbench) -> None:
    ann, bob, admin = (team.acting_as(each) for each in (ANN, BOB, ADMIN))
    with pytest.raises(PermissionDeniedError, match="Only the owners"):
        bob.projects.rename("team", "bobs")
    with pytest.raises(UnknownNameError) as unknown:
        team.acting_as(SUE).projects.get("tea")
    assert unknown.value.suggestions == ()
    ann.projects.set_member("team", BOB.email, ProjectRole.OWNER)
    assert bob.projects.rename("team", "ours").name == "ours"
    bob.projects.remove_member("ours", ANN.email)
    assert ann.projects.all() == []
    admin.projects.archive("ours")
    assert admin.projects.all() == []
    assert [each.name for each in bob.projects.all(archived=True)] == ["ours"]
    assert bob.projects.restore("ours").archived_at is None
    said = [entry.action for entry in admin.audit.entries().items]
    assert said[:4] == ["project.restore", "project.archive", "project.leave", "project.rename"]
    with pytest.raises(NameTakenError):
        ann.projects.create("ours")
    with pytest.raises(InputError, match="no role"):
        bob.projects.set_member("ours", "x@example.org", "boss")
    with pytest.raises(InputError, match="e-mail"):
        bob.projects.set_member("ours", "  ", "viewer")


def test_a_viewer_of_the_studio_changes_nothing_in_a_project_either(team: Workbench) -> None:
    team.acting_as(ANN).projects.set_member("team", ADA.email, "owner")
    viewer = team.acting_as(ADA.model_copy(update={"role": Role.VIEWER}))
    assert [each.name for each in viewer.projects.all()] == ["team"]
    with pytest.raises(PermissionDeniedError):
        viewer.projects.create("mine")
    with pytest.raises(PermissionDeniedError):
        viewer.projects.rename("team", "mine")
    with pytest.raises(PermissionDeniedError):
        viewer.projects.move("dataset", example_name(team), "team")


def test_an_address_that_the_login_did_not_verify_opens_nothing(team: Workbench) -> None:
    claimed = BOB.model_copy(update={"id": "id-eve", "email_verified": False})
    assert team.acting_as(claimed).projects.all() == []


def test_only_what_is_there_can_be_moved(team: Workbench) -> None:
    projects = team.acting_as(ANN).projects
    with pytest.raises(UnknownNameError):
        projects.move("dataset", "nothing", "team")
    with pytest.raises(UnknownNameError):
        projects.move("dataset", example_name(team), "nowhere")
    run = team.submit_evaluation(team.example_evaluation()).run_ids[0]
    projects.move("evaluation", run, "team")
    assert team.acting_as(SUE).list_runs().total == 0
    projects.move("evaluation", run, None)
    assert team.acting_as(SUE).list_runs().total == 2
