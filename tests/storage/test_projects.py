"""Projects: what belongs to one is there for its members alone, whatever method is asked."""

from __future__ import annotations

import inspect
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.script import Script, ScriptDirectory
from sqlalchemy import MetaData, Table, exists, func, insert, select, union
from storage.building import save_dataset, submit
from storage.project_world import (
    KEY,
    MARK,
    MEMBER,
    NAME,
    READER,
    STRANGER,
    World,
    make_project,
    make_world,
)
from storage.rows import all_rows

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.dataset import DatasetOptions
from prompt_app.datamodel.model import InferenceParameters
from prompt_app.datamodel.project import (
    EVERYTHING,
    ProjectItem,
    ProjectMember,
    ProjectRole,
    Reach,
    reach_of,
)
from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.datamodel.score import MetricSpec
from prompt_app.datamodel.serving import Assistant
from prompt_app.errors import (
    EvaluationError,
    NameTakenError,
    PermissionDeniedError,
    PromptAppError,
    UnknownNameError,
)
from prompt_app.interfaces import RowFilter, Store
from prompt_app.interfaces.pairing import PairFilter
from prompt_app.settings import Settings
from prompt_app.storage.database import Database
from prompt_app.storage.guards import GUARDS, root_of
from prompt_app.storage.migrate import alembic_config
from prompt_app.storage.store import SqlStore
from prompt_app.storage.tables import dataset_versions, examples, prompt_versions

TEMPLATE = PromptTemplate.model_validate("Answer: {question}")

OF_NO_PROJECT = {
    "change_token": "tokens belong to people",
    "delete_alert": "asked of an admin alone",
    "list_alerts": "of the gateway",
    "list_raised": "alerts belong to people",
    "raise_alert": "of the gateway",
    "run_holders": "of the workers",
    "save_alert": "asked of an admin alone",
    "archive_key": "a key says nothing, and without the run nothing opens it",
    "archive_run": "asked of an admin alone",
    "answered_keys": "stored replies belong to whoever sends the very same request",
    "archivable_runs": "none has ended so long ago",
    "archived_runs": "none is archived here",
    "back_up": "asked of an admin alone",
    "close": "no question",
    "count_sharers": "of the workers",
    "find_replies": "stored replies belong to whoever sends the very same request",
    "forget_bodies": "of the gateway",
    "get_token": "tokens belong to people",
    "get_usage": "calls belong to people",
    "grant_role": "of the logins",
    "granted_role": "of the logins",
    "end_login": "of the logins",
    "login_ended": "of the logins",
    "iterate_usage": "calls belong to people",
    "learn_unsupported": "of the models",
    "learned_unsupported": "of the models",
    "list_audit": "asked of an admin alone",
    "list_functions": "registered by an admin, for all",
    "list_tokens": "tokens belong to people",
    "list_usage": "calls belong to people",
    "place": "of the database",
    "beside": "made of it",
    "reach": "made of it",
    "reaching": "made of it",
    "read_only": "made of it",
    "register_functions": "asked of an admin alone",
    "reserved_spend": "of the workers",
    "restore": "asked of an admin alone",
    "revoke_token": "tokens belong to people",
    "save_reply": "stored replies belong to whoever sends the very same request",
    "save_token": "tokens belong to people",
    "serving_changes_here": "a number",
    "serving_revision": "a number",
    "settle_run": "of the workers",
    "settlement": "of the workers",
    "surely_no_reply": "stored replies belong to whoever sends the very same request",
    "spent_by_token": "tokens belong to people",
    "spread_run": "of the workers",
    "usable_tokens": "of the gateway",
    "usage": "rows of tables",
    "usage_totals": "calls belong to people",
    "waiting_work": "of the workers",
    "write_audit": "no question",
    "write_usage": "of the gateway",
}
"""Methods that the walk does not try, and why."""


def candidates(world: World) -> dict[str, list[Any]]:
    """By a parameter's name: what a stranger may have heard of."""
    names = [NAME, world.project.name]
    ids = [world.run.id, world.evaluation.id, world.queue.id, world.rubric_test_id, NAME]
    return {
        "name": names,
        "which": [NAME, world.queue.id, world.project.name, world.project.id],
        "number": [1],
        "label": [MARK],
        "version_id": [world.version.id],
        "example_id": ["e0"],
        "field": ["secret"],
        "example_ids": [["e0"]],
        "positions": [[0]],
        "text": ["", MARK],
        "run_id": [world.run.id, world.run.id[:4]],
        "first_run": [world.run.id],
        "second_run": [world.run.id],
        "evaluation_id": [world.evaluation.id],
        "key": [world.evaluation.key],
        "row_filter": [RowFilter(), RowFilter(text=MARK)],
        "pair_filter": [PairFilter("exact_match")],
        "metric": ["exact_match"],
        "metrics": [["exact_match"]],
        "queue_id": [world.queue.id, NAME],
        "labeller": ["ann"],
        "pipeline_id": [world.pipeline_id],
        "call_id": [f"c{MARK}"],
        "test_id": [world.rubric_test_id],
        "lesson": [MARK],
        "job_id": [NAME],
        "project_id": [world.project.id],
        "member": ["ann"],
        "names": [ids],
        "kind": ["dataset"],
        "item": list(world.items),
        "request": ["cancel"],
        "repeats": [1],
        "moment": [datetime(2020, 1, 1, tzinfo=UTC)],
        "template": [TEMPLATE],
        "options": [DatasetOptions()],
        "examples": [[]],
        "parameters": [InferenceParameters()],
        "run": [world.run],
        "runs": [[world.run]],
        "evaluation": [world.evaluation.model_copy(update={"id": "e-other"})],
        "base": [world.version],
        "queue": [world.queue.model_copy(update={"id": "q-other"})],
        "rubric": [world.queue.rubric.model_copy(update={"question": "Why?"})],
        "annotations": [[]],
        "assistant": [Assistant(name=NAME, context="Mine.", models=("offline:echo",))],
        "items": [list(world.items)],
    }


GIVEN: dict[str, dict[str, list[Any]]] = {
    "get_prompt_version": {"which": [None, 1, MARK]},
    "get_sample": {"key": [KEY]},
    "list_prompt_runs": {"version_id": [None]},
    "list_label_rubrics": {"queue_id": [f"q{MARK}"]},
    "rescore_run": {"metrics": [[MetricSpec(name="exact_match")]]},
    "save_project_member": {"member": [ProjectMember(member="sue", role=ProjectRole.OWNER)]},
}


def questions(store: SqlStore, world: World) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Every method of the store that is not of the workers, with what it can be asked."""
    known = candidates(world)
    for name in dir(Store):
        if name.startswith("_") or name in OF_NO_PROJECT:
            continue
        if "_project" in name and not is_question(name):
            continue  # who is a member is decided above the store
        parameters = list(inspect.signature(getattr(SqlStore, name)).parameters.values())[1:]
        if any(each.name in ("lease", "worker") for each in parameters):
            continue
        chosen = []
        for each in parameters:
            values = GIVEN.get(name, {}).get(each.name) or made_for(name, each.name, store, world)
            values = values or known.get(each.name)
            if values is None:
                assert each.default is not each.empty, f"{name}: what is {each.name!r}?"
                continue
            chosen.append([(each.name, value) for value in values])
        for arguments in itertools.product(*chosen):
            yield name, parameters, dict(arguments)


def made_for(name: str, parameter: str, store: SqlStore, world: World) -> list[Any]:
    """Things that the stranger changes and gives back."""
    made: dict[tuple[str, str], Callable[[], list[Any]]] = {
        ("get_pipeline", "name"): lambda: [NAME, world.pipeline_id],
        ("save_route", "route"): store.list_routes,
        ("save_endpoint", "endpoint"): store.list_endpoints,
        ("save_finetune_job", "job"): lambda: [store.get_finetune_job(NAME)],
        ("save_pipeline_call", "call"): lambda: [
            store.get_pipeline_call(f"c{MARK}").model_copy(update={"id": "c-other"})
        ],
        ("save_pipeline_call", "keep"): lambda: [1],
        ("create_rubric_test", "options"): lambda: [
            store.get_rubric_test(world.rubric_test_id).options
        ],
    }
    return made.get((name, parameter), list)()


def ask(store: SqlStore, name: str, arguments: dict[str, Any]) -> str:
    """The answer, in words, without what was said in the question."""
    try:
        answer = getattr(store, name)(**arguments)
        if inspect.isgenerator(answer):
            answer = list(answer)
        return repr(answer)
    except PromptAppError as error:
        said = str(error)
        for value in arguments.values():
            said = said.replace(repr(value), "").replace(str(value), "")
        return said


CHANGES = (
    *("save", "set", "add", "create", "remove", "delete", "archive", "restore", "withdraw"),
    *("request", "requeue", "rescore", "cancel", "move"),
)


def is_question(name: str) -> bool:
    return not name.startswith(CHANGES)


def test_no_method_of_the_store_shows_a_stranger_what_belongs_to_a_project(store: SqlStore) -> None:
    world = make_world(store)
    save_dataset(store, name="shared")
    stranger, member = store.reaching(STRANGER), store.reaching(MEMBER)
    shown: dict[str, bool] = {}
    for name, _, arguments in questions(store, world):
        if not is_question(name):
            continue
        answer = ask(stranger, name, arguments)
        assert MARK not in answer, f"{name}({arguments}) says {answer}"
        shown[name] = shown.get(name, False) or (
            ask(member, name, arguments) != answer and ask(store, name, arguments) != answer
        )
    blind = {name for name, seen in shown.items() if not seen}
    assert not blind, f"the walk asked nothing that tells a member from a stranger: {blind}"


def test_no_method_of_the_store_changes_for_a_stranger_what_belongs_to_a_project(
    store: SqlStore,
) -> None:
    world = make_world(store)
    stranger = store.reaching(STRANGER)
    before = rows_of(store)
    for name, _, arguments in questions(store, world):
        if is_question(name):
            continue
        ask(stranger, name, arguments)
    assert before - rows_of(store) == set()


def test_someone_who_may_only_read_in_a_project_changes_nothing_of_it(store: SqlStore) -> None:
    world = make_world(store)
    reader = store.reaching(READER)
    assert reader.get_dataset_version(NAME).rows == 3
    before = rows_of(store)
    refused = 0
    for name, _, arguments in questions(store, world):
        if is_question(name) or name == "save_pipeline_call":
            continue  # whoever sees a pipeline may call it, and the oldest calls go
        refused += "may only read" in ask(reader, name, arguments)
    assert before - rows_of(store) == set()
    assert refused > 20


def rows_of(store: SqlStore) -> set[tuple[str, str]]:
    with store._database.read() as connection:
        tables = all_rows(connection)
    tables.pop("serving_changes")
    return {(table, repr(row)) for table, rows in tables.items() for row in rows}


def test_every_table_of_named_things_is_guarded() -> None:
    """A table that is added later is decided about here."""
    from prompt_app.storage.tables import metadata

    free = {
        "access_tokens", "archived_runs", "audit_entries", "batch_jobs", "chunks", "ended_logins",
        "examples", "functions", "model_limits", "project_items", "project_members", "projects",
        "raised_alerts", "replies", "role_grants", "rubric_results", "samples", "scores",
        "serving_changes", "spend_alerts", "usage_days", "usage_records", "version_rows",
    }  # fmt: skip
    assert {table.name for table in metadata.sorted_tables} == free | {t.name for t in GUARDS}


def test_a_member_sees_it_beside_what_is_everyones(store: SqlStore) -> None:
    world = make_world(store)
    save_dataset(store, name="shared")
    names = {version.name for version in store.reaching(MEMBER).list_datasets()}
    assert names == {NAME, "shared"}
    within = store.reaching(MEMBER.within(world.project.id))
    assert {version.name for version in within.list_datasets()} == {NAME, "shared"}
    other = make_project(store, "other")
    elsewhere = store.reaching(MEMBER.within(other.id))
    assert {version.name for version in elsewhere.list_datasets()} == {"shared"}
    assert [each.name for each in elsewhere.list_projects()] == ["other", world.project.name]
    admin = store.reaching(EVERYTHING.within(other.id))
    assert {version.name for version in admin.list_datasets()} == {"shared"}


def test_projects_are_paged_among_those_that_are_seen(store: SqlStore) -> None:
    for name in ("c", "a", "b"):
        make_project(store, name)
    page = store.reaching(MEMBER).page_projects(offset=1, limit=1)
    assert ([each.name for each in page.items], page.total, page.offset) == (["b"], 3, 1)
    assert store.reaching(STRANGER).page_projects().total == 0


def test_what_is_made_in_a_project_belongs_to_it_and_all_else_to_everyone(store: SqlStore) -> None:
    world = make_world(store)
    found = store.list_project_items(world.project.id)
    assert set(found.items) == set(world.items)
    assert found.total == len(world.items)
    mine = store.reaching(MEMBER.within(world.project.id))
    save_dataset(store, name="shared")
    mine.save_dataset_version("shared", DatasetOptions(id_field="question"), [])
    assert store.projects_of("dataset", [NAME, "shared"]) == {NAME: world.project.name}
    store.reaching(MEMBER).save_prompt_version("open", TEMPLATE)
    assert store.projects_of("prompt", [NAME, "open"]) == {NAME: world.project.name}


def test_a_taken_name_is_refused_without_saying_by_what(store: SqlStore) -> None:
    make_world(store)
    stranger = store.reaching(STRANGER)
    with pytest.raises(NameTakenError, match="is taken"):
        stranger.save_prompt_version(NAME, TEMPLATE)
    with pytest.raises(NameTakenError, match="is taken"):
        save_dataset(stranger, name=NAME)
    with pytest.raises(UnknownNameError) as unknown:
        stranger.get_prompt_version(NAME[:-1])
    assert unknown.value.suggestions == ()
    with pytest.raises(UnknownNameError) as known:
        store.reaching(MEMBER).get_prompt_version(NAME[:-1])
    assert known.value.suggestions == (NAME,)


def test_things_move_between_projects_and_everyone(store: SqlStore) -> None:
    world = make_world(store)
    item = ProjectItem("prompt", NAME)
    stranger, member = store.reaching(STRANGER), store.reaching(MEMBER)
    member.move_items([item], None)
    assert stranger.get_prompt_version(NAME).number == 1
    member.move_items([item], world.project.id)
    with pytest.raises(UnknownNameError):
        stranger.get_prompt_version(NAME)
    with pytest.raises(PermissionDeniedError):
        store.reaching(READER).move_items([item], None)
    with pytest.raises(PromptAppError):
        stranger.move_items([ProjectItem("dataset", "shared")], world.project.id)
    assert member.evaluations_over(ProjectItem("dataset", NAME)) == [world.evaluation.id]
    assert stranger.evaluations_over(ProjectItem("dataset", NAME)) == []
    assert all(store.item_exists(each) for each in world.items)
    assert not any(stranger.item_exists(each) for each in world.items)


def test_a_deleted_thing_leaves_its_name_free(store: SqlStore) -> None:
    world = make_world(store)
    mine = store.reaching(MEMBER)
    mine.delete_pipeline(NAME)
    mine.delete_route(NAME)
    mine.delete_assistant(NAME)
    mine.delete_preset(NAME)
    mine.delete_endpoint(NAME)
    left = {each.kind for each in store.list_project_items(world.project.id).items}
    assert left == {"dataset", "prompt", "evaluation", "rubric test", "fine-tuning job"}
    assert store.reaching(STRANGER).save_pipeline(NAME, 'upper("a")').number == 1


def test_a_member_who_leaves_sees_it_no_more_at_once(store: SqlStore) -> None:
    world = make_world(store)
    reader = store.reaching(READER)
    assert reader.get_dataset_version(NAME).rows == 3
    store.remove_project_member(world.project.id, "rob")
    with pytest.raises(UnknownNameError):
        reader.get_dataset_version(NAME)
    with pytest.raises(UnknownNameError):
        store.remove_project_member(world.project.id, "rob")


def test_a_project_keeps_an_owner(store: SqlStore) -> None:
    project = make_project(store)
    with pytest.raises(EvaluationError, match="without an owner"):
        store.remove_project_member(project.id, "ann")
    with pytest.raises(EvaluationError, match="without an owner"):
        store.save_project_member(project.id, ProjectMember(member="ann"))
    store.save_project_member(project.id, ProjectMember(member="rob", role=ProjectRole.OWNER))
    store.remove_project_member(project.id, "ann")
    assert [each.member for each in store.list_project_members(project.id)] == ["rob"]


def test_an_archived_project_can_only_be_read(store: SqlStore) -> None:
    world = make_world(store)
    archived = world.project.model_copy(update={"archived_at": datetime.now(UTC)})
    store.save_project(archived)
    mine = store.reaching(MEMBER)
    assert mine.get_prompt_version(NAME).number == 1
    with pytest.raises(PermissionDeniedError, match="archived"):
        mine.save_prompt_version(NAME, TEMPLATE)
    with pytest.raises(PermissionDeniedError, match="archived"):
        store.reaching(MEMBER.within(world.project.id)).save_prompt_version("new", TEMPLATE)
    store.save_project(archived.model_copy(update={"archived_at": None, "name": "renamed"}))
    assert mine.save_prompt_version(NAME, TEMPLATE).number == 2
    assert mine.get_project("renamed").id == world.project.id


def test_an_equal_evaluation_of_others_is_not_found(store: SqlStore) -> None:
    world = make_world(store)
    assert store.reaching(STRANGER).find_evaluation(world.evaluation.key) is None
    with pytest.raises(NameTakenError):
        submit(store.reaching(STRANGER), key=world.evaluation.key)


def test_admins_and_verified_addresses() -> None:
    assert reach_of(Person(id="a", name="A", role=Role.ADMIN)) == EVERYTHING
    claimed = Person(id="b", name="B", email="Ann@Example.org", role=Role.EDITOR)
    assert reach_of(claimed) == Reach(("b",))
    verified = claimed.model_copy(update={"email_verified": True})
    assert reach_of(verified) == Reach(("b", "ann@example.org"))


def test_every_kind_has_a_table() -> None:
    from typing import get_args

    from prompt_app.datamodel.project import ItemKind

    assert all(root_of(kind).table in GUARDS for kind in get_args(ItemKind))


def test_a_backup_brings_projects_along(store: SqlStore, tmp_path: Path) -> None:
    from prompt_app.storage.blobs import FolderBlobStore

    world = make_world(store)
    blobs = FolderBlobStore(tmp_path / "blobs")
    store.back_up(tmp_path / "file", blobs)
    store.save_project(world.project.model_copy(update={"name": "other"}))
    store.restore(tmp_path / "file", blobs, replace=True)
    assert store.get_project(world.project.name) == store.get_project(world.project.id)
    assert store.list_project_items(world.project.id).total == len(world.items)
    with pytest.raises(UnknownNameError):
        store.reaching(STRANGER).get_dataset_version(NAME)


def test_label_queues_of_older_stores_are_traced_to_their_runs(empty_settings: Settings) -> None:
    from alembic import command

    database = Database(empty_settings.resolved_database_url)
    config = alembic_config()
    ours = revision_of("projects")
    with database.migration() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, str(ours.down_revision))
        queues = Table("label_queues", MetaData(), autoload_with=connection)
        for number, run_ids in enumerate((["e1-1"], ["e1-1", "e2-1"]), start=1):
            row = {"id": f"q{number}", "name": f"n{number}", "created_at": datetime.now(UTC)}
            record = json.dumps({**row, "run_ids": run_ids}, default=str)
            connection.execute(insert(queues), {"number": number, **row, "queue": record})
    with database.migration() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, ours.revision)
        queues = Table("label_queues", MetaData(), autoload_with=connection)
        columns = (queues.c.run_id, queues.c.second_run_id)
        found = connection.execute(select(*columns).order_by(queues.c.number)).all()
        assert [tuple(row) for row in found] == [("e1-1", ""), ("e1-1", "e2-1")]
    database.close()


def revision_of(name: str) -> Script:
    scripts = ScriptDirectory.from_config(alembic_config()).walk_revisions()
    return next(script for script in scripts if Path(script.path).stem.endswith(name))


def test_queries_of_every_shape_are_limited(store: SqlStore) -> None:
    """However a method puts its question."""
    make_world(store)
    name = dataset_versions.c.name
    other = dataset_versions.alias()
    inner = select(name).subquery()
    shapes = {
        "plain": select(name),
        "count": select(func.count()).select_from(dataset_versions),
        "alias": select(other.c.name),
        "join": select(name).join(other, other.c.name == name),
        "outer join": select(other.c.name).select_from(
            examples.outerjoin(other, other.c.name.is_not(None))
        ),
        "subquery": select(inner.c.name),
        "cte": select(select(name).cte().c.name),
        "exists": select(exists().where(name == NAME)),
        "scalar": select(select(name).limit(1).scalar_subquery()),
        "union": union(select(name), select(prompt_versions.c.name)),
        "in": select(examples.c.number).where(exists(select(name).where(name == NAME))),
    }
    for shape, query in shapes.items():
        with store.reaching(MEMBER)._database.read() as connection:
            seen = connection.execute(query).all()
        with store.reaching(STRANGER)._database.read() as connection:
            unseen = connection.execute(query).all()
        assert [value for row in seen for value in row if value], shape
        assert not [value for row in unseen for value in row if value], shape
