"""A run's scores: every number with its interval and its denominators."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import pandas as pd
import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.evaluation import ACTIVE_STATES, Run
from prompt_app.datamodel.score import MetricInfo, MetricSummary, cautions
from prompt_app.ui.components.compare_choice import run_labels
from prompt_app.ui.components.distribution import distribution_chart
from prompt_app.ui.components.downloads import table_downloads
from prompt_app.ui.components.run_list import score_text
from prompt_app.ui.components.tables import data_table, opened_row
from prompt_app.ui.components.wording import number, plain, quantity
from prompt_app.ui.state import open_comparison, open_run, workbench

LOOK_SECONDS = 3.0
STEPS = 50
MOST_VALUES_UNASKED = 20_000
"""Reading more values than this takes too long for a chart that nobody asked for."""


def score_section(run: Run) -> None:
    is_active = run.state in ACTIVE_STATES
    st.subheader("Scores so far" if is_active else "Scores")
    st.fragment(_cards, run_every=LOOK_SECONDS if is_active else None)(run.id)
    with st.container():  # what is below keeps its place
        if run.progress.scored and not is_active:
            table_downloads(
                summary_frame(workbench().summary(run)), f"{run.id}-scores", key="scores"
            )
    if run.progress.scored:
        _distribution(run)


def summary_frame(summaries: Sequence[MetricSummary]) -> pd.DataFrame:
    """A row for each metric."""
    return pd.DataFrame(
        [
            {
                "metric": each.metric,
                "mean": each.mean,
                "lower": each.interval.lower if each.interval else None,
                "upper": each.interval.upper if each.interval else None,
                "method": each.interval.method if each.interval else None,
                "unit": each.unit,
                "examples": each.examples,
                "scored": each.scored,
                "failed": each.failed,
                "skipped": each.skipped,
            }
            for each in summaries
        ]
    )


def _cards(run_id: str) -> None:
    run = workbench().run(run_id)
    if run.progress.scored == 0:
        st.info("No sample has been scored yet.", icon=":material/info:")
        return
    infos = metric_infos(run)
    with st.grid("auto", min_column_width=190):
        summaries = _summary(run)
        for summary in summaries:
            _card(summary, infos.get(summary.metric))
    for sentence in cautions(each.interval for each in summaries):
        st.caption(plain(sentence))


def _summary(run: Run) -> tuple[MetricSummary, ...]:
    if run.state not in ACTIVE_STATES:
        return workbench().summary(run)
    return _summary_so_far(run.id)


@st.cache_data(show_spinner=False, ttl=LOOK_SECONDS, max_entries=100)
def _summary_so_far(run_id: str) -> tuple[MetricSummary, ...]:
    """The same for all who look on: of a fast run a fiftieth more is scored at each look."""
    scored = max(1, workbench().run(run_id).progress.scored)
    return _summary_at(run_id, int(log(scored) * STEPS))


@st.cache_data(show_spinner=False, ttl="1m", max_entries=100)
def _summary_at(run_id: str, reached: int) -> tuple[MetricSummary, ...]:
    """Reckoned anew when a fiftieth more is scored."""
    return workbench().summary(workbench().run(run_id))


def _card(summary: MetricSummary, info: MetricInfo | None) -> None:
    with st.container(border=True, gap="xsmall", height="stretch"):
        value = "no score" if summary.mean is None else quantity(summary.mean, summary.unit)
        st.metric(
            plain(summary.metric),
            plain(value),
            help=plain(_about(summary, info)),
        )
        st.caption(plain(_interval_text(summary)))
        st.caption(plain(_denominators(summary)))


def _interval_text(summary: MetricSummary) -> str:
    if summary.interval is None:
        return "No interval below two examples."
    interval = summary.interval
    return f"{interval.level:.0%} interval {number(interval.lower)} – {number(interval.upper)}"


def _denominators(summary: MetricSummary) -> str:
    counts = f"{summary.scored:,} scored, {summary.failed:,} failed, {summary.skipped:,} skipped"
    if summary.examples != summary.scored:
        counts += f", over {counted(summary.examples, 'example')}"
    return counts


def _about(summary: MetricSummary, info: MetricInfo | None) -> str:
    direction = {"higher": "Higher is better.", "lower": "Lower is better.", "neutral": ""}
    parts = [info.description if info else "", direction[summary.direction]]
    if summary.interval is not None:
        parts.append(f"Interval: {summary.interval.method}.")
    if summary.skipped:
        parts.append("Skipped samples have no reply to score.")
    return " ".join(part for part in parts if part)


def metric_infos(run: Run) -> dict[str, MetricInfo]:
    """What each metric key of the run stands for."""
    known = _infos()
    return {spec.key: known[spec.name] for spec in run.spec.metrics if spec.name in known}


@st.cache_resource(show_spinner=False, ttl="1m")
def _infos() -> dict[str, MetricInfo]:
    """Every table asks for them at each turn; a metric of one's own may come at any time."""
    return {info.name: info for info in workbench().list_metrics()}


@st.fragment
def _distribution(run: Run) -> None:
    keys = [metric.key for metric in run.spec.metrics]
    box = st.expander(
        "Distribution of the scores",
        expanded=run.progress.total <= MOST_VALUES_UNASKED,
        icon=":material/bar_chart:",
        key="distribution",
        on_change="rerun",
        bind="query-params",
    )
    if not box.open:
        return
    with box:
        key = st.selectbox(
            "Metric", keys, key="distribution.metric", bind="query-params", width=260
        )
        values = _values(run.id, key, run.progress.scored, run.progress.failed)
        distribution_chart(key, values, metric_infos(run).get(key))


@st.cache_data(show_spinner=False, ttl="10m", max_entries=50)
def _values(run_id: str, key: str, scored: int, failed: int) -> list[float]:
    """The counts are part of the cache's key: more samples, another answer."""
    return workbench().score_values(run_id, key)


def sibling_section(run: Run) -> None:
    """The other runs of the same evaluation, side by side; nothing when there are none."""
    runs = workbench().runs_of(run.evaluation_id)
    if len(runs) < 2:
        return
    st.subheader("Runs of this evaluation")
    if st.button("Compare them", icon=":material/compare_arrows:"):
        open_comparison([run.id, *(each.id for each in runs if each.id != run.id)])
    is_active = any(each.state in ACTIVE_STATES for each in runs)
    st.fragment(_siblings, run_every=LOOK_SECONDS if is_active else None)(
        run.evaluation_id, is_active
    )


def _siblings(evaluation_id: str, was_active: bool) -> None:
    runs = workbench().runs_of(evaluation_id)
    is_active = any(run.state in ACTIVE_STATES for run in runs)
    if was_active and not is_active:
        st.rerun()  # there is no more to look for
    frame = _side_by_side(runs)
    frame.insert(0, "Open", "Open")
    data_table(
        frame,
        f"{evaluation_id}-runs",
        key="siblings.table",
        buttons=["Open"],
        column_config={
            "Open": st.column_config.ButtonColumn(
                "", key="siblings.open", type="tertiary", pinned=True, width=60
            ),
            "Run": st.column_config.TextColumn(width=250),
        },
        alt="Scores of the runs of this evaluation",
    )
    row = opened_row("siblings.open", "Open a run", list(run_labels(runs).values()))
    if row is not None:
        open_run(runs[row].id)
    if is_active:
        return
    for missed in workbench().missed_thresholds(workbench().evaluation(evaluation_id)):
        st.warning(plain(f"Threshold missed: {missed}."), icon=":material/flag:")


def _side_by_side(runs: Sequence[Run]) -> pd.DataFrame:
    rows = []
    for run in runs:
        row: dict[str, str] = {
            "Run": run.name,
            "State": run.state,
            "Samples": f"{run.progress.done:,} / {run.progress.total:,}",
        }
        for summary in run.summary:
            row[summary.metric] = score_text(summary).removeprefix(f"{summary.metric} ")
        rows.append(row)
    return pd.DataFrame(rows)
