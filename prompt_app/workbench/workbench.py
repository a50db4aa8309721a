"""The workbench: everything a person can do, over one store. It wires the parts together and
holds no state of its own, so that any number of processes can have one. Each method imports
what it needs, because a worker needs little of it and starts often."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt_app.datamodel.access import LOCAL_PERSON, Person, Role
from prompt_app.engine.dispatch import StoreDispatcher, make_dispatcher
from prompt_app.engine.worker import Worker
from prompt_app.settings import Settings, load_settings
from prompt_app.storage import open_store
from prompt_app.storage.identity import this_worker
from prompt_app.workbench.capabilities import Capabilities
from prompt_app.workbench.permissions import store_of
from prompt_app.workbench.rubric_working import work_on_rubric_tests

if TYPE_CHECKING:
    from datetime import datetime

    from prompt_app.datamodel.dataset import (
        DatasetOptions,
        DatasetVersion,
        Example,
        RowProblem,
    )
    from prompt_app.datamodel.evaluation import (
        Evaluation,
        EvaluationSpec,
        Mode,
        Quote,
        Run,
        RunState,
    )
    from prompt_app.datamodel.project import Reach
    from prompt_app.datamodel.prompt import Message, PromptTemplate, PromptVersion
    from prompt_app.datamodel.score import MetricInfo, MetricSpec, MetricSummary
    from prompt_app.datasets import DatasetCheck
    from prompt_app.interfaces import Dispatcher, Page, RowFilter, Store, StoredSample
    from prompt_app.providers.catalogue import ModelCard
    from prompt_app.statistics.preference import PreferenceRanking
    from prompt_app.workbench.calibrating import Calibration
    from prompt_app.workbench.comparing import Margins, RunComparison
    from prompt_app.workbench.connections import Connection
    from prompt_app.workbench.exporting import ExportFormat
    from prompt_app.workbench.powering import PowerPlan
    from prompt_app.workbench.ranking import PositionBias
    from prompt_app.workbench.regrading import Regrading
    from prompt_app.workbench.resolving import ResolvedEvaluation
    from prompt_app.workbench.spending import Spending
    from prompt_app.workbench.variance import VarianceSplit

FIRST_ROWS = 20


def open_workbench(settings: Settings | None = None) -> Workbench:
    """Open the store that ``settings`` (the environment, when absent) names, migrating it first.

    Raises SettingsError or StoreError.
    """
    settings = settings or load_settings()
    return Workbench(settings, open_store(settings), make_dispatcher(settings))


class Workbench(Capabilities):
    """All methods are synchronous and safe to call from several threads."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        dispatcher: Dispatcher | None = None,
        actor: Person = LOCAL_PERSON,
    ) -> None:
        super().__init__(settings, store, actor, dispatcher or StoreDispatcher())

    def acting_as(
        self, person: Person, project: str | None = None, *, reach: Reach | None = None
    ) -> Workbench:
        """The same workbench in the hands of ``person``; see :func:`store_of`."""
        store = store_of(self.store, person, project, reach)
        return Workbench(self.settings, store, self.dispatcher, person)

    def connections(self) -> list[Connection]:
        """Which providers can be called with what is configured; may take seconds."""
        from prompt_app.workbench.connections import list_connections

        return list_connections(self.settings)

    def close(self) -> None:
        self.dispatcher.close()
        self.store.close()

    # datasets

    def import_dataset(
        self,
        source: str | Path,
        *,
        name: str | None = None,
        options: DatasetOptions | None = None,
        skip_bad_rows: bool = False,
        note: str = "",
    ) -> DatasetVersion:
        """Read a file or ``s3://`` address. Raises BadRowsError naming every malformed row,
        unless those are to be skipped."""
        from prompt_app.workbench.importing import import_dataset

        self.actor.require(Role.EDITOR, "add datasets")
        return import_dataset(
            self.store,
            self.settings,
            str(source),
            name=name,
            options=options,
            skip_bad_rows=skip_bad_rows,
            note=note,
        )

    def check_dataset(self, source: str | Path, options: DatasetOptions) -> DatasetCheck:
        """What a file holds and every malformed row of it; nothing is stored."""
        from prompt_app.datasets import check_dataset

        return check_dataset(source, options, self.settings)

    def read_rows(
        self, source: str | Path, options: DatasetOptions
    ) -> Iterator[Example | RowProblem]:
        """Every row of a file, one after another: an example, or what is wrong with it."""
        from prompt_app.datasets import read_rows

        return read_rows(source, options, self.settings)

    def first_fields(self, source: str | Path, options: DatasetOptions) -> list[dict[str, Any]]:
        """The first rows of a file as they stand in it, to choose its reference field from."""
        from prompt_app.datasets import read_fields

        return list(islice(read_fields(source, options, self.settings), FIRST_ROWS))

    def list_datasets(self) -> list[DatasetVersion]:
        return self.store.list_datasets()

    def dataset_versions(self, name: str) -> list[DatasetVersion]:
        return self.store.list_dataset_versions(name)

    def dataset(self, name: str, number: int | None = None) -> DatasetVersion:
        return self.store.get_dataset_version(name, number)

    def examples(
        self, version: DatasetVersion, *, after_position: int = -1, limit: int = 50
    ) -> list[Example]:
        return self.store.list_examples(version.id, after_position=after_position, limit=limit)

    def load_examples(self) -> None:
        """Put the shipped example into a store that has no dataset yet."""
        from prompt_app.workbench.files import EXAMPLE_FILE, load_evaluation

        if not self.store.list_datasets():
            example = load_evaluation(EXAMPLE_FILE)
            self.resolve(example, folder=EXAMPLE_FILE.parent, save_prompts=True)

    def example_evaluation(self) -> EvaluationSpec:
        """The shipped example, over the dataset that :meth:`load_examples` put into the store."""
        from prompt_app.workbench.files import EXAMPLE_FILE, load_evaluation
        from prompt_app.workbench.importing import dataset_name

        spec = load_evaluation(EXAMPLE_FILE)
        stored = {"path": None, "name": dataset_name(spec.dataset.path or "")}
        return spec.model_copy(update={"dataset": spec.dataset.model_copy(update=stored)})

    # prompts

    def save_prompt(self, name: str, template: PromptTemplate, note: str = "") -> PromptVersion:
        return self.prompt_library.save(name, template, note)

    def list_prompts(self) -> list[PromptVersion]:
        return self.store.list_prompts()

    def prompt_versions(self, name: str) -> list[PromptVersion]:
        return self.store.list_prompt_versions(name)

    def prompt(self, name: str, which: str | int | None = None) -> PromptVersion:
        return self.store.get_prompt_version(name, which)

    def label_prompt(self, name: str, label: str, number: int) -> None:
        self.actor.require(Role.EDITOR, "label prompts")
        self.prompt_library.move_label(name, label, number)

    def diff_prompts(self, name: str, first: str | int, second: str | int) -> str:
        """A unified diff of two versions of a prompt, by number or label."""
        from prompt_app.datamodel.rendering import diff_templates

        a, b = self.prompt(name, first), self.prompt(name, second)
        return diff_templates(a.template, b.template)

    # models and metrics

    def list_models(self) -> list[ModelCard]:
        return self.models.cards()

    def list_metrics(self) -> list[MetricInfo]:
        from prompt_app.metrics import list_metrics

        return list_metrics()

    # evaluations

    def quote(self, spec: EvaluationSpec, *, folder: Path = Path()) -> Quote:
        """What ``spec`` would take; finds the same mistakes as submitting it."""
        from prompt_app.workbench.quoting import quote_evaluation

        return quote_evaluation(self.store, self.resolve(spec, folder=folder))

    def resolve(
        self, spec: EvaluationSpec, *, folder: Path = Path(), save_prompts: bool = False
    ) -> ResolvedEvaluation:
        """Check ``spec`` and pin everything in it."""
        from prompt_app.workbench.permissions import check_servers
        from prompt_app.workbench.quotas import within_quotas
        from prompt_app.workbench.resolving import Resolver
        from prompt_app.workbench.submitting import parts_of

        check_servers(self.actor, spec, self.settings)
        store = self.store.beside(*parts_of(spec))
        resolver = Resolver(store, self.settings, folder=folder, probe=True)
        return within_quotas(resolver.resolve(spec, save_prompts=save_prompts), self.settings)

    def submit_evaluation(
        self, spec: EvaluationSpec, *, key: str | None = None, folder: Path = Path()
    ) -> Evaluation:
        """Check everything, save the evaluation and queue its runs.

        With a ``key`` the same submission twice is one evaluation, and another spec under the
        same key raises ConflictError. Without one, an equal evaluation that is still unfinished
        is given back instead of starting it twice. It belongs to the project of its parts.
        """
        from prompt_app.workbench.submitting import save_evaluation

        self.actor.require(Role.EDITOR, "start evaluations")
        resolved = self.resolve(spec, folder=folder, save_prompts=True)
        evaluation, is_new = save_evaluation(self.store, resolved, key)
        if is_new:
            self._dispatch(evaluation.run_ids, spec.mode)
        return evaluation

    def _dispatch(self, run_ids: Iterable[str], mode: Mode) -> None:
        for run_id in run_ids:
            self.dispatcher.dispatch(run_id)
        if mode == "batch":  # which lasts longer than a broker hides a message
            self.dispatcher.wake()

    def evaluation(self, evaluation_id: str) -> Evaluation:
        return self.store.get_evaluation(evaluation_id)

    def missed_thresholds(self, evaluation: Evaluation) -> list[str]:
        """One sentence for each threshold that a run of the evaluation does not meet."""
        from prompt_app.workbench.thresholds import missed_thresholds

        return missed_thresholds(evaluation.spec.thresholds, self.runs_of(evaluation.id))

    # runs

    def list_runs(
        self,
        *,
        states: Sequence[RunState] = (),
        text: str = "",
        since: datetime | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> Page[Run]:
        return self.store.list_runs(
            states=states, text=text, since=since, offset=offset, limit=limit
        )

    def spending(self, days: int = 7) -> Spending:
        """What the last days cost: runs and the gateway's calls."""
        from prompt_app.workbench.spending import spending

        return spending(self.settings, self.store, days)

    def runs_of(self, evaluation_id: str) -> list[Run]:
        """In the order of the evaluation's grid."""
        from prompt_app.workbench.submitting import runs_in_order

        return runs_in_order(self.store, evaluation_id)

    def run(self, run_id: str) -> Run:
        """By its id or any beginning of it that is unique."""
        return self.store.get_run(run_id)

    def summary(self, run: Run) -> tuple[MetricSummary, ...]:
        """The stored summary of a run that has ended; of an active one, the scores so far."""
        from prompt_app.engine.summary import current_summary

        return current_summary(self.store, run)

    def pause(self, run_id: str) -> Run:
        self.actor.require(Role.EDITOR, "pause runs")
        return self.store.request_run(self.run(run_id).id, "pause")

    def cancel(self, run_id: str) -> Run:
        self.actor.require(Role.EDITOR, "cancel runs")
        run = self.store.request_run(self.run(run_id).id, "cancel")
        if run.state == "queued":  # a worker is to cancel its batch jobs
            self._dispatch([run.id], run.spec.mode)
        return run

    def resume(self, run_id: str, *, retry_failed: bool = False) -> Run:
        """Queue a paused, cancelled or failed run again; with ``retry_failed`` also a finished
        one, whose failed samples and scores are tried anew."""
        self.actor.require(Role.EDITOR, "resume runs")
        run = self.store.requeue_run(self.run(run_id).id, retry_failed=retry_failed)
        self._dispatch([run.id], run.spec.mode)
        return run

    def rescore(self, run_id: str, metrics: Iterable[MetricSpec], *, only: bool = False) -> Run:
        """Add metrics to a finished run and score its stored replies; the model is not called.

        A metric that it has already is scored again, under the spec given here; the others keep
        their scores. ``only``: the others are dropped, and an unchanged metric keeps its scores.
        Raises EvaluationError.
        """
        from prompt_app.workbench.rescoring import checked_metrics

        self.actor.require(Role.EDITOR, "score runs again")
        chosen = checked_metrics(metrics)
        rescored = self.store.rescore_run(self.run(run_id).id, chosen, only=only)
        self.dispatcher.dispatch(rescored.id)
        return rescored

    def compare(
        self, run_ids: Sequence[str], *, margin: Margins = None, metrics: Sequence[str] = ()
    ) -> RunComparison:
        """Every run against the first, example by example; see :func:`compare_runs`."""
        from prompt_app.workbench.comparing import compare_runs

        runs = [self.run(run_id) for run_id in run_ids]
        return compare_runs(self.readable, runs, margin=margin, metrics=metrics)

    def plan_power(
        self, pilot: tuple[str, str], metric: str, difference: float, *, power: float = 0.8
    ) -> PowerPlan:
        """How many examples and repeats detect ``difference``, by two pilot runs' variance."""
        from prompt_app.workbench.powering import plan_power

        runs = self.run(pilot[0]), self.run(pilot[1])
        return plan_power(self.readable, runs, metric, difference, power)

    def split_variance(self, run_id: str, metric: str) -> VarianceSplit:
        """Where the spread of a metric's scores comes from, and what to buy more of."""
        from prompt_app.workbench.variance import split_variance

        return split_variance(self.readable, self.run(run_id), metric)

    def rank(self, run_ids: Sequence[str], metric: str) -> PreferenceRanking:
        """Runs by what the pairwise judge ``metric`` preferred."""
        from prompt_app.workbench.ranking import rank_runs

        return rank_runs(self.readable, [self.run(run_id) for run_id in run_ids], metric)

    def position_bias(self, run_ids: Sequence[str], metric: str) -> PositionBias:
        """How far the pairwise judge ``metric`` of these runs follows the order of the answers."""
        from prompt_app.workbench.ranking import position_bias

        return position_bias(self.readable, [self.run(run_id) for run_id in run_ids], metric)

    def calibrate(
        self,
        run_id: str,
        metric: str,
        labels: str = "",
        *,
        dataset: str | None = None,
        queue: str | None = None,
        suggest: int = 0,
    ) -> Calibration:
        """A judge's scores against the people's labels in field ``labels`` of the run's dataset,
        or of the stored one that ``dataset`` (name or name@number) names; or against those given
        in a label ``queue`` of this run."""
        from prompt_app.errors import EvaluationError
        from prompt_app.workbench.calibrating import calibrate_by, calibrate_judge

        run = self.run(run_id)
        if queue is not None:
            human = self.labelling.human_labels(queue, run, metric)
            return calibrate_by(self.store, run, metric, queue, human, suggest)
        name, _, number = (dataset or "").partition("@")
        if number and not number.isdecimal():
            raise EvaluationError(f"A dataset's version is a number: not {dataset!r}.")
        labelled = self.dataset(name, int(number) if number else None) if name else None
        return calibrate_judge(
            self.readable, run, metric, labels, labelled_dataset=labelled, suggest=suggest
        )

    def regrade(self, run_id: str, metric: str, *, rows: int = 20, seed: int = 0) -> Regrading:
        """Judge a few responses again, to see whether the judge has changed; calls it."""
        from prompt_app.workbench.regrading import regrade

        self.actor.require(Role.EDITOR, "call judges")
        run = self.run(run_id)
        return asyncio.run(regrade(self.readable, self.settings, run, metric, rows=rows, seed=seed))

    # rows

    def rows(
        self,
        run_id: str,
        row_filter: RowFilter | None = None,
        *,
        offset: int = 0,
        limit: int = 50,
        seconds: float | None = None,
    ) -> Page[StoredSample]:
        """``seconds``: about how long a search for text may take; ``Page.searched`` tells."""
        from prompt_app.interfaces import RowFilter

        run, wanted = self.run(run_id), row_filter or RowFilter()
        page = self.store.list_samples(run.id, wanted, offset=offset, limit=limit, seconds=seconds)
        if not page.items and self.store.archive_key(run.id) is not None:
            return self.archive.rows(run, wanted, offset=offset, limit=limit)
        return page

    def row(self, run_id: str, example_id: str, repeat: int = 0) -> StoredSample:
        from prompt_app.datamodel.evaluation import SampleKey

        run, key = self.run(run_id), SampleKey(example_id=example_id, repeat=repeat)
        if self.store.archive_key(run.id) is not None:
            return self.archive.row(run, key)
        return self.store.get_sample(run.id, key)

    def rendered_prompt(self, run: Run, example: Example) -> tuple[Message, ...]:
        """The messages as they were sent for ``example``."""
        from prompt_app.datamodel.rendering import render_messages

        return render_messages(run.spec.prompt, example.fields)

    def sent_request(self, run: Run, example: Example) -> dict[str, Any]:
        """The JSON that a call for ``example`` sends to the model's provider."""
        from prompt_app.engine.item import build_request
        from prompt_app.providers import request_body

        return request_body(build_request(run.spec, example), self.settings)

    def score_values(self, run_id: str, metric: str) -> list[float]:
        """The values of one metric (its key), in order of example; samples without one left out."""
        run = self.run(run_id)
        if self.store.archive_key(run.id) is not None:
            return self.archive.values(run, metric)
        outcomes = self.store.iterate_outcomes(run.id, metric)
        return [value for _, _, value in outcomes if value is not None]

    def error_counts(self, run_id: str) -> dict[str, int]:
        """Failed samples by error kind."""
        run = self.run(run_id)
        if self.store.archive_key(run.id) is not None:
            return self.archive.error_counts(run)
        return self.store.count_errors(run.id)

    def export(self, run_id: str, path: Path, export_format: ExportFormat) -> int:
        """Write all rows to ``path``; returns their number."""
        from prompt_app.interfaces.watching import told_of
        from prompt_app.workbench.exporting import export_rows

        run = self.run(run_id)
        archived = self.store.archive_key(run.id) is not None
        samples = self.archive.iterate(run) if archived else self.store.iterate_samples(run.id)
        rows = told_of(samples, "rows", run.progress.done)
        return export_rows(self.store, run, rows, path, export_format)

    # work

    async def work(
        self, stop: asyncio.Event, *, until_idle: bool = False, evaluation_id: str | None = None
    ) -> None:
        """Be a worker: advance queued runs and tests of rubrics until ``stop``, or until there are
        none."""
        from prompt_app.workbench.pipeline_models import connector

        identity = this_worker()
        worker = Worker(self.store, self.settings, identity, connector(self.store))
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.run(stop, until_idle=until_idle, evaluation_id=evaluation_id))
            if evaluation_id is None:
                group.create_task(
                    work_on_rubric_tests(
                        self.store, self.settings, identity, stop, until_idle=until_idle
                    )
                )
                if not until_idle:
                    from prompt_app.workbench.finetuning import follow_jobs

                    group.create_task(follow_jobs(self.store, self.settings, stop))
