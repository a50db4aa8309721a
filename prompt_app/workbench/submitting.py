"""Saves an evaluation with its runs, once."""

from __future__ import annotations

import secrets

from prompt_app.datamodel.base import content_hash
from prompt_app.datamodel.evaluation import (
    ACTIVE_STATES,
    Evaluation,
    EvaluationSpec,
    Progress,
    Run,
)
from prompt_app.datamodel.project import ProjectItem
from prompt_app.errors import ConflictError, NameTakenError
from prompt_app.interfaces import Store
from prompt_app.pipelines.provider import PROVIDER
from prompt_app.workbench.resolving import ResolvedEvaluation, ResolvedRun, models_of

MOST_RUNS = 1000


def save_evaluation(
    store: Store, resolved: ResolvedEvaluation, key: str | None
) -> tuple[Evaluation, bool]:
    """The saved evaluation, and whether it is new.

    The same ``key`` twice is one evaluation; another spec under it raises ConflictError. Without
    a key, an equal evaluation that is still unfinished is given back. It belongs to the project
    of its parts.
    """
    store = store.beside(*parts_of(resolved.spec))
    evaluation_id = f"e{secrets.token_hex(6)}"
    skipped_rows = resolved.dataset.skipped_rows
    runs = [
        _run(evaluation_id, number, run, skipped_rows)
        for number, run in enumerate(resolved.runs, start=1)
    ]
    evaluation = Evaluation(
        id=evaluation_id,
        name=resolved.spec.name,
        key=key if key is not None else _free_key(store, resolved),
        spec=resolved.spec,
        run_ids=tuple(run.id for run in runs),
        max_cost_usd=resolved.spec.limits.max_cost_usd,
    )
    try:
        saved = store.create_evaluation(evaluation, runs)
    except NameTakenError:
        if key is not None:
            raise
        # An equal one is under way where this person does not see it.
        apart = evaluation.model_copy(update={"key": f"{evaluation.key}-{evaluation_id}"})
        saved = store.create_evaluation(apart, runs)
    is_new = saved.id == evaluation_id
    if not is_new and [run.spec for run in runs] != [
        run.spec for run in runs_in_order(store, saved.id)
    ]:
        raise ConflictError(
            f"The submission key {evaluation.key!r} belongs to the evaluation {saved.id}, which is "
            "over other rows or another version of a prompt. Submit with another key."
        )
    return saved, is_new


def parts_of(spec: EvaluationSpec) -> list[ProjectItem]:
    """What an evaluation is over, as far as it is stored: its dataset, prompts and pipelines."""
    parts = [] if spec.dataset.name is None else [ProjectItem("dataset", spec.dataset.name)]
    names = [chosen.ref or chosen.name or "" for chosen in spec.prompts]
    names += [model.reference for model, *_ in models_of(spec) if model.provider == PROVIDER]
    for name in names:
        kind, separator, pipeline = name.partition(":")
        if separator and kind == PROVIDER:
            parts.append(ProjectItem("pipeline", pipeline.partition("@")[0]))
        else:
            parts.append(ProjectItem("prompt", name.partition("@")[0]))
    return parts


def runs_in_order(store: Store, evaluation_id: str) -> list[Run]:
    """An evaluation's runs in the order of its grid."""
    runs = store.list_runs(evaluation_id=evaluation_id, limit=MOST_RUNS).items
    return sorted(runs, key=lambda run: int(run.id.rpartition("-")[2]))


def _run(evaluation_id: str, number: int, run: ResolvedRun, skipped_rows: int) -> Run:
    progress = Progress(total=run.samples, excluded=run.excluded, skipped_rows=skipped_rows)
    return Run(
        id=f"{evaluation_id}-{number}",
        evaluation_id=evaluation_id,
        name=run.name,
        spec=run.spec,
        progress=progress,
    )


def _free_key(store: Store, resolved: ResolvedEvaluation) -> str:
    """The key of an equal evaluation that is unfinished, else a new one."""
    content = content_hash([run.spec.content_id for run in resolved.runs])
    number = 1
    while (found := store.find_evaluation(f"auto-{content}-{number}")) is not None:
        states = {run.state for run in runs_in_order(store, found.id)}
        if states & {*ACTIVE_STATES, "paused"}:
            break
        number += 1
    return f"auto-{content}-{number}"
