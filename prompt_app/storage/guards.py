"""Which tables hold what can belong to a project, and how a row is traced to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Alias,
    Column,
    ColumnElement,
    FromClause,
    Join,
    Select,
    Table,
    literal,
    select,
)

from prompt_app.datamodel.project import ItemKind, Reach
from prompt_app.storage.curating_tables import archived_datasets
from prompt_app.storage.finetuning_tables import finetune_jobs
from prompt_app.storage.label_tables import label_answers, label_queues, label_rubrics
from prompt_app.storage.model_tables import model_endpoints, parameter_presets
from prompt_app.storage.pipeline_tables import pipeline_calls, pipeline_versions, pipelines
from prompt_app.storage.project_tables import project_items, project_members, projects
from prompt_app.storage.rubric_tables import rubric_tests
from prompt_app.storage.serving_tables import assistants, model_routes
from prompt_app.storage.tables import (
    dataset_versions,
    evaluations,
    prompt_labels,
    prompt_versions,
    runs,
)


@dataclass(frozen=True, slots=True)
class Guard:
    """Rows of a table belong to the project of the item that ``column`` names, or that is found
    from there by ``hops``: (table, the column of it that is equal, the column that leads on)."""

    kind: ItemKind
    column: str
    hops: tuple[tuple[Table, str, str], ...] = ()
    makes: bool = False
    """Whether a new name in it is a new thing, which then belongs to the reach's project."""
    by_readers: bool = False
    """Whether rows come and go with use: then seeing is enough."""

    def items(self, key: Any) -> Select[Any]:
        """The rows of ``project_items`` behind ``key``, a column or a value: one or none."""
        query = select(literal(1)).select_from(project_items)
        for table, equal, leads in self.hops:
            here = table.alias()
            query = query.where(here.c[equal] == key)
            key = here.c[leads]
        return query.where(project_items.c.kind == self.kind, project_items.c.name == key)


_RUN = (runs, "id", "evaluation_id")
_PIPELINE = (pipelines, "number", "name")
_QUEUES = (
    (label_queues, "number", "run_id"),
    (label_queues, "number", "second_run_id"),
)

GUARDS: dict[Table, tuple[Guard, ...]] = {
    dataset_versions: (Guard("dataset", "name", makes=True),),
    archived_datasets: (Guard("dataset", "name"),),
    prompt_versions: (Guard("prompt", "name", makes=True),),
    prompt_labels: (Guard("prompt", "name"),),
    evaluations: (Guard("evaluation", "id", makes=True),),
    runs: (Guard("evaluation", "evaluation_id"),),
    label_queues: tuple(Guard("evaluation", name, (_RUN,)) for name in ("run_id", "second_run_id")),
    label_rubrics: tuple(Guard("evaluation", "queue", (hop, _RUN)) for hop in _QUEUES),
    label_answers: tuple(Guard("evaluation", "queue", (hop, _RUN)) for hop in _QUEUES),
    rubric_tests: (Guard("rubric test", "id", makes=True),),
    pipelines: (Guard("pipeline", "name", makes=True),),
    pipeline_versions: (Guard("pipeline", "pipeline", (_PIPELINE,)),),
    pipeline_calls: (Guard("pipeline", "pipeline", (_PIPELINE,), by_readers=True),),
    assistants: (Guard("assistant", "name", makes=True),),
    model_routes: (Guard("alias", "name", makes=True),),
    parameter_presets: (Guard("preset", "name", makes=True),),
    model_endpoints: (Guard("endpoint", "name", makes=True),),
    finetune_jobs: (Guard("fine-tuning job", "id", makes=True),),
}
_OF_PROJECTS = {projects: "id", project_members: "project", project_items: "project"}


def root_of(kind: ItemKind) -> Column[Any]:
    """The column that holds the names of all things of that kind."""
    return next(
        table.c[guard.column]
        for table, found in GUARDS.items()
        for guard in found
        if guard.kind == kind and guard.makes
    )


def seen_projects(reach: Reach) -> Select[Any]:
    """Ids of those whose things ``reach`` sees."""
    column = projects.c.id if reach.members is None else project_members.c.project
    query = select(column)
    if reach.members is not None:
        query = query.where(project_members.c.member.in_(reach.members))
    return query if reach.project is None else query.where(column == reach.project)


def criteria(source: FromClause, reach: Reach) -> Iterator[ColumnElement[bool]]:
    """What holds for the rows of ``source``, a part of a FROM clause, that ``reach`` sees."""
    if isinstance(source, Join):
        yield from criteria(source.left, reach)
        yield from criteria(source.right, reach)
        return
    table = source.element if isinstance(source, Alias) else source
    if not isinstance(table, Table):
        return
    for guard in GUARDS.get(table, ()):
        hidden = guard.items(source.c[guard.column]).where(
            project_items.c.project.not_in(seen_projects(reach))
        )
        yield ~hidden.correlate(source).exists()
    if table in _OF_PROJECTS and reach.members is not None:
        yield source.c[_OF_PROJECTS[table]].in_(seen_projects(reach.within(None)))
