"""Evaluations, saved together with their runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select

from prompt_app.datamodel.evaluation import Evaluation, EvaluationSpec, Run
from prompt_app.errors import ConflictError, UnknownNameError
from prompt_app.storage.datasets import version_number
from prompt_app.storage.encoding import dump_plain, dump_record, load_record
from prompt_app.storage.part import StorePart
from prompt_app.storage.tables import evaluations
from prompt_app.storage.tables import runs as run_table

_NANO = 1_000_000_000


class Evaluations(StorePart):
    """The part of the store that keeps evaluations."""

    def create_evaluation(self, evaluation: Evaluation, runs: Sequence[Run]) -> Evaluation:
        """Save both, queued, in one transaction. The same key with an equal spec gives the
        evaluation that is already there; with another spec raises ConflictError."""

        def save(connection: Connection) -> Evaluation:
            present = _find_evaluation(connection, evaluations.c.key == evaluation.key)
            if present is not None:
                if present.spec == evaluation.spec:
                    return present
                raise ConflictError(
                    f"The submission key {evaluation.key!r} belongs to the evaluation "
                    f"{present.id}, which has other parameters. Submit with another key."
                )
            created_at = evaluation.created_at or datetime.now(UTC)
            saved = evaluation.model_copy(
                update={
                    "created_at": created_at,
                    "run_ids": tuple(run.id for run in runs),
                    "spent_usd": 0.0,
                    "unconfirmed_usd": 0.0,
                }
            )
            connection.execute(insert(evaluations), _evaluation_columns(saved))
            for run in runs:
                version = version_number(connection, run.spec.dataset_version)
                connection.execute(insert(run_table), _run_columns(run, saved, version))
            return saved

        return self._database.write_retrying(save)

    def get_evaluation(self, evaluation_id: str) -> Evaluation:
        with self._database.read() as connection:
            found = _find_evaluation(connection, evaluations.c.id == evaluation_id)
        if found is None:
            raise UnknownNameError("evaluation", evaluation_id)
        return found

    def find_evaluation(self, key: str) -> Evaluation | None:
        with self._database.read() as connection:
            return _find_evaluation(connection, evaluations.c.key == key)


def _find_evaluation(connection: Connection, condition: ColumnElement[bool]) -> Evaluation | None:
    row = connection.execute(select(evaluations).where(condition)).first()
    if row is None:
        return None
    return Evaluation(
        id=row.id,
        name=row.name,
        key=row.key,
        spec=load_record(EvaluationSpec, row.spec),
        run_ids=tuple(json.loads(row.run_ids)),
        max_cost_usd=None if row.cap_nanousd is None else row.cap_nanousd / _NANO,
        spent_usd=row.spent_nanousd / _NANO,
        unconfirmed_usd=row.unconfirmed_nanousd / _NANO,
        created_at=row.created_at,
    )


def _evaluation_columns(evaluation: Evaluation) -> dict[str, Any]:
    cap = evaluation.max_cost_usd
    return {
        "id": evaluation.id,
        "name": evaluation.name,
        "key": evaluation.key,
        "spec": dump_record(evaluation.spec),
        "run_ids": dump_plain(evaluation.run_ids),
        "cap_nanousd": None if cap is None else round(cap * _NANO),
        "created_at": evaluation.created_at,
    }


def _run_columns(run: Run, evaluation: Evaluation, version: int) -> dict[str, Any]:
    return {
        "id": run.id,
        "evaluation_id": evaluation.id,
        "name": run.name,
        "dataset_name": run.spec.dataset_name,
        "version": version,
        "spec": dump_record(run.spec),
        "prompt_name": run.spec.prompt.name,
        "prompt_version": run.spec.prompt.version_id,
        "state": "queued",
        "total": run.progress.total,
        "excluded": run.progress.excluded,
        "skipped_rows": run.progress.skipped_rows,
        "created_at": run.created_at or evaluation.created_at,
    }
