"""What each role may do, whoever asks: pages, the command line, the gateway."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.errors import PermissionDeniedError
from prompt_app.workbench import Workbench

VIEWER = Person(id="v", name="Vi", role=Role.VIEWER)
EDITOR = Person(id="e", name="Ed", role=Role.EDITOR)
TEMPLATE = PromptTemplate.model_validate("Answer: {question}")

CHANGES: dict[str, Callable[[Workbench], object]] = {
    "import_dataset": lambda bench: bench.import_dataset(Path("any.jsonl")),
    "save_prompt": lambda bench: bench.save_prompt("greet", TEMPLATE),
    "label_prompt": lambda bench: bench.label_prompt("with-passage", "best", 1),
    "submit_evaluation": lambda bench: bench.submit_evaluation(bench.example_evaluation()),
    "pause": lambda bench: bench.pause("any"),
    "cancel": lambda bench: bench.cancel("any"),
    "resume": lambda bench: bench.resume("any"),
    "rescore": lambda bench: bench.rescore("any", []),
    "regrade": lambda bench: bench.regrade("any", "exact_match"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_viewer_changes_nothing_and_spends_nothing(workbench: Workbench, name: str) -> None:
    workbench.load_examples()
    with pytest.raises(PermissionDeniedError, match=r"Only editors and admins may .* a viewer"):
        CHANGES[name](workbench.acting_as(VIEWER))


def test_a_viewer_reads(workbench: Workbench) -> None:
    workbench.load_examples()
    run = workbench.submit_evaluation(workbench.example_evaluation()).run_ids[0]
    reader = workbench.acting_as(VIEWER)
    reader.load_examples()  # there are some
    assert reader.list_runs().total == 2
    assert reader.rows(run).total == 0
    assert reader.summary(reader.run(run)) is not None
    assert reader.quote(reader.example_evaluation()).samples == 80
    assert reader.list_prompts()


def test_what_forgets_to_ask_is_stopped_by_the_viewers_store(workbench: Workbench) -> None:
    store = workbench.acting_as(VIEWER).store
    with pytest.raises(PermissionDeniedError, match="reading only"):
        store.save_prompt_version("greet", TEMPLATE)
    workbench.store.save_prompt_version("greet", TEMPLATE)
    assert store.get_prompt_version("greet").template == TEMPLATE


def test_an_editor_changes_and_runs(workbench: Workbench) -> None:
    editor = workbench.acting_as(EDITOR)
    editor.load_examples()
    evaluation = editor.submit_evaluation(editor.example_evaluation())
    assert editor.cancel(evaluation.run_ids[0]).state == "cancelled"


def test_only_an_admin_names_other_servers_judges_included(workbench: Workbench) -> None:
    workbench.load_examples()
    spec = workbench.example_evaluation().model_dump(mode="json")
    elsewhere = {"provider": "openai", "name": "echo", "base_url": "http://127.0.0.1:9/v1"}
    model = EvaluationSpec.model_validate({**spec, "models": [elsewhere]})
    judged = EvaluationSpec.model_validate(
        {**spec, "thresholds": [], "metrics": [{"name": "conciseness", "judge": elsewhere}]}
    )
    for each in (model, judged):
        with pytest.raises(PermissionDeniedError, match=r"Only admins may use another server"):
            workbench.acting_as(EDITOR).quote(each)


def test_roles_include_the_ones_below() -> None:
    may = {role: [other for other in Role if role.includes(other)] for role in Role}
    assert may[Role.VIEWER] == [Role.VIEWER]
    assert may[Role.EDITOR] == [Role.VIEWER, Role.EDITOR]
    assert may[Role.ADMIN] == list(Role)
