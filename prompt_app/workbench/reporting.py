"""One self-contained HTML file that tells what came of a run, or of a comparison."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.dataset import field_value, reference_values
from prompt_app.datamodel.evaluation import Run
from prompt_app.engine.summary import current_summary
from prompt_app.interfaces import RowFilter, Store, StoredSample
from prompt_app.interfaces.pairing import PairFilter, SamplePair
from prompt_app.statistics.verdict import PairedComparison
from prompt_app.workbench import html
from prompt_app.workbench.comparing import Margins, RunComparison, compare_runs
from prompt_app.workbench.contrasting import Breakdown, Leaderboard, RunContrasts
from prompt_app.workbench.unpriced import judge_cost, model_cost

MOST_ROWS = 25
MOST_FIELDS = 3
BINS = 20


class Reports:
    """Reads what is stored; nothing is called or changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._contrasts = RunContrasts(store)

    def run(self, run_id: str) -> str:
        """A run's scores, errors, cost, lowest rows and all that it is made of."""
        run = self._store.get_run(run_id)
        spec = run.spec
        return html.page(
            run.name,
            f"{run.id} · {spec.dataset_name} · {spec.model.reference} · {run.state}"
            + (f" · {run.ended_at:%Y-%m-%d %H:%M} UTC" if run.ended_at else ""),
            [
                *([f"<p>{html.text(run.reason)}</p>"] if run.reason else []),
                "<h2>Scores</h2>",
                self._scores(run),
                "<h2>Samples</h2>",
                self._samples(run),
                *(self._distribution(run, metric.key) for metric in spec.metrics),
                *self._rows(run),
                "<h2>Everything that this run is made of</h2>",
                html.verbatim(spec.to_yaml()),
            ],
        )

    def comparison(self, run_ids: Sequence[str], *, margin: Margins = None) -> str:
        """Verdicts, numbers, a leaderboard for each metric, the groups of examples, and the
        examples that changed most.

        Raises EvaluationError as :func:`compare_runs`.
        """
        compared = compare_runs(
            self._store, [self._store.get_run(each) for each in run_ids], margin=margin
        )
        runs = [compared.baseline, *compared.candidates]
        shared = [
            spec.key
            for spec in compared.baseline.spec.metrics
            if all(spec.key in {each.key for each in run.spec.metrics} for run in runs)
        ]
        names = ", ".join(run.name for run in compared.candidates)
        return html.page(
            f"{names} against {compared.baseline.name}",
            "Baseline " + " · ".join(f"{run.id} {run.name}" for run in runs),
            [
                *(f"<p><b>Beware:</b> {html.text(each)}</p>" for each in compared.warnings),
                "<h2>Verdicts</h2>",
                *(self._verdicts(compared, run) for run in compared.candidates),
                "<h2>Numbers</h2>",
                _numbers(compared),
                *(self._leaderboard(runs, metric) for metric in shared),
                *(self._groups(runs, metric) for metric in shared[:1]),
                *(
                    self._changes(compared.baseline, run, metric)
                    for run in compared.candidates
                    for metric in shared[:1]
                ),
            ],
        )

    def _scores(self, run: Run) -> str:
        summaries = current_summary(self._store, run)
        rows = [
            [
                each.metric, each.mean, html.bounds(each.interval), each.unit, each.examples,
                each.scored, each.failed, each.skipped,
            ]
            for each in summaries
        ]  # fmt: skip
        header = ["metric", "mean", "95% interval", "unit", "examples", "scored", "failed",
                  "skipped"]  # fmt: skip
        return html.table(header, rows) + html.cautions(each.interval for each in summaries)

    def _samples(self, run: Run) -> str:
        progress, calls = run.progress, self._contrasts.calls(run.id)
        facts: list[tuple[str, object]] = [
            ("samples", f"{progress.done:,} of {progress.total:,}"),
            ("from the cache", progress.cached),
            ("left out as few-shot examples", progress.excluded),
            ("bad rows skipped", progress.skipped_rows),
            ("cost, model", html.money(model_cost(run))),
            ("cost, judges", html.money(judge_cost(run))),
            ("tokens in, out", f"{progress.usage.input:,}, {progress.usage.output:,}"),
            ("latency, median", _seconds(calls.latency_median)),
            ("latency, 95th percentile", _seconds(calls.latency_95th)),
            ("failed", progress.failed),
            *(
                (f"failed: {kind.replace('_', ' ')}", count)
                for kind, count in self._store.count_errors(run.id).items()
            ),
        ]
        return html.table(["", ""], facts)

    def _distribution(self, run: Run, metric: str) -> str:
        outcomes = self._store.iterate_outcomes(run.id, metric)
        values = [value for _, _, value in outcomes if value is not None]
        if not values:
            return ""
        distinct = sorted(set(values))
        if len(distinct) <= BINS:
            counts = [(html.number(each), values.count(each)) for each in distinct]
        else:
            found, edges = np.histogram(values, bins=BINS)
            labels = [html.number(float(edge)) for edge in edges[:-1]]
            counts = list(zip(labels, found.tolist(), strict=True))
        return f"<h3>{html.text(metric)}</h3>" + html.bars(f"Samples by {metric}", counts)

    def _rows(self, run: Run) -> list[str]:
        metric = run.spec.metrics[0].key
        lowest = self._store.list_samples(
            run.id, RowFilter(metric=metric, sort="score", state="scored"), limit=MOST_ROWS
        )
        failed = self._store.list_samples(run.id, RowFilter(state="failed"), limit=MOST_ROWS)
        parts = []
        for title, found in ((f"Lowest {metric}", lowest), ("Failed samples", failed)):
            if found.total:
                parts.append(f"<h2>{html.text(title)}</h2>")
                parts += [_row(run, sample) for sample in found.items]
                if found.total > len(found.items):
                    parts.append(f"<p>{found.total:,} in all; the export of the run has them.</p>")
        return parts

    def _verdicts(self, compared: RunComparison, run: Run) -> str:
        own = [each for each in compared.results if each.candidate_name == run.id]
        lines = "".join(f"<li>{html.text(each.sentence)}</li>" for each in own)
        return f"<h3>{html.text(run.name)} <small>{html.text(run.id)}</small></h3><ul>{lines}</ul>"

    def _leaderboard(self, runs: Sequence[Run], metric: str) -> str:
        board = self._contrasts.leaderboard([run.id for run in runs], metric)
        calls = {run.id: self._contrasts.calls(run.id) for run in runs}
        rows = []
        for each in board.standings:
            took = calls[each.run.id]
            cost = "unknown" if took.cost_usd is None else took.cost_usd * 1000
            rows.append(
                [_rank(board, each.rank), each.run.name, each.run.id, each.mean,
                 html.bounds(each.interval), cost, took.latency_median, took.latency_95th]
            )  # fmt: skip
        header = ["rank", "run", "id", metric, "95% interval", "$ for 1,000", "latency, s",
                  "95th, s"]  # fmt: skip
        by_cost = any(took.cost_usd for took in calls.values())
        axis = "US dollars for 1,000 samples" if by_cost else "median latency in seconds"
        given = [
            (each.run.name, x, each.mean, each.interval)
            for each in board.standings
            for took in [calls[each.run.id]]
            if (x := took.cost_usd and took.cost_usd * 1000 if by_cost else took.latency_median)
            is not None
        ]
        return (
            f"<h2>Leaderboard by {html.text(metric)}</h2>{html.table(header, rows)}"
            f"<p><small>Over {counted(board.examples, 'example')} that all runs scored. A rank is "
            "one more than the number of runs that are detectably better (Holm over all pairs); "
            "'=' marks runs that share a rank.</small></p>"
            + html.cautions(each.interval for each in board.standings)
            + html.points(f"{metric} against {axis}", (axis, metric), given)
        )

    def _groups(self, runs: Sequence[Run], metric: str) -> str:
        """By the dataset's cluster field, or the first fields whose values group its rows."""
        fields = self._contrasts.group_fields(runs[0].id)[:MOST_FIELDS]
        if runs[0].spec.cluster_field is not None:
            fields = fields[:1]
        return "".join(
            _group_table(self._contrasts.breakdown([run.id for run in runs], metric, field), runs)
            for field in fields
        )

    def _changes(self, baseline: Run, run: Run, metric: str) -> str:
        page = self._contrasts.pairs(
            baseline.id, run.id, PairFilter(metric, change="any"), limit=MOST_ROWS
        )
        parts = [
            f"<h2>Examples that changed: {html.text(run.name)}</h2>",
            f"<p>{counted(page.total, 'example')} changed by {html.text(metric)}; "
            "the widest first.</p>",
        ]
        return "".join([*parts, *(_pair((baseline, run), pair, metric) for pair in page.items)])


def _group_table(broken: Breakdown, runs: Sequence[Run]) -> str:
    names = {run.id: run.name for run in runs}
    header = [broken.field, "examples", runs[0].name, "run", broken.metric, "difference",
              "95% interval", "p (Holm)", "verdict"]  # fmt: skip
    rows = [
        [
            group.name, each.pairs, each.baseline_mean, names[each.candidate_name],
            each.candidate_mean, each.difference, html.bounds(each.interval), each.p_adjusted,
            each.verdict.replace("_", " "),
        ]
        for group in broken.groups
        for each in group.results
    ]  # fmt: skip
    left_out = ""
    if broken.left_out:
        left_out = f" Left out: {counted(broken.left_out, 'smaller group')}."
    return (
        f"<h2>{html.text(broken.metric)} by {html.text(broken.field)}</h2>"
        f"{html.table(header, rows)}"
        f"<p><small>p is corrected over all groups and runs of this table.{left_out}</small></p>"
    )


def _numbers(compared: RunComparison) -> str:
    header = ["run", "metric", "verdict", "baseline", "this run", "difference", "95% interval",
              "p (Holm)", "test", "pairs", "improved", "worsened"]  # fmt: skip
    return html.table(header, [_number_row(each) for each in compared.results]) + html.cautions(
        each.interval for each in compared.results
    )


def _number_row(each: PairedComparison) -> list[object]:
    return [
        each.candidate_name, each.metric, each.verdict.replace("_", " "), each.baseline_mean,
        each.candidate_mean, each.difference, html.bounds(each.interval), each.p_adjusted,
        each.test, each.pairs, each.improved, each.worsened,
    ]  # fmt: skip


def _rank(board: Leaderboard, rank: int | None) -> str:
    if rank is None:
        return "none"
    shared = [each.rank for each in board.standings].count(rank) > 1
    return f"{rank}=" if shared else str(rank)


def _seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:.3g} s"


def _row(run: Run, sample: StoredSample) -> str:
    values = ", ".join(f"{each.metric} {html.number(each.value)}" for each in sample.scores)
    told = values or sample.error_kind or sample.state
    parts = [f"<summary>{html.text(sample.example.id)}: {html.text(told)}</summary>"]
    if sample.error_message:
        parts.append(f"<p>{html.text(sample.error_message)}</p>")
    if sample.reply:
        parts.append("<p>Reply</p>" + html.verbatim(sample.reply.text))
    reasons = [(each.metric, each.reason) for each in sample.scores if each.reason]
    reasons += [(each.metric, each.message) for each in sample.failures]
    parts += [f"<p><small>{html.text(key)}: {html.text(why)}</small></p>" for key, why in reasons]
    for name, value in sample.example.fields.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        is_reference = " (reference)" if name == run.spec.reference_field else ""
        title = f"<p><small>{html.text(name)}{is_reference}</small></p>"
        parts.append(title + html.verbatim(shown))
    return f"<details>{''.join(parts)}</details>"


def _pair(runs: tuple[Run, Run], pair: SamplePair, metric: str) -> str:
    texts = [sample.reply.text if sample.reply else "" for sample in (pair.first, pair.second)]
    sides = html.marked(texts[0], texts[1])
    beside = "".join(
        f"<div><small>{html.text(run.name)}</small>{side}</div>"
        for run, side in zip(runs, sides, strict=True)
    )
    try:
        found = reference_values(
            field_value(pair.first.example.fields, runs[0].spec.reference_field)
        )
    except KeyError:
        found = ()
    reference = f"<p><small>Reference: {html.text(' | '.join(found))}</small></p>" if found else ""
    return (
        f"<details open><summary>{html.text(pair.first.example.id)}: {html.text(metric)} "
        f"{html.number(pair.before)} → {html.number(pair.after)}</summary>{reference}"
        f'<div class="beside">{beside}</div></details>'
    )
