"""A run's judges: how far they agree with people's labels, and whether they have changed."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.evaluation import ACTIVE_STATES, Run
from prompt_app.datamodel.score import Interval
from prompt_app.statistics.estimate import Estimate
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.long_work import Work, ended_work, start_work
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import money, number, plain
from prompt_app.ui.state import may_edit, workbench
from prompt_app.workbench.calibrating import Calibration
from prompt_app.workbench.regrading import Regrading


def judge_section(run: Run) -> None:
    """Nothing for a run without a judge, or one that still runs."""
    judges = [metric.key for metric in run.spec.metrics if metric.panel]
    if not judges or run.state in ACTIVE_STATES:
        return
    box = st.expander(
        "May the judge be trusted?",
        icon=":material/balance:",
        key="judges",
        on_change="rerun",
        bind="query-params",
    )
    if not box.open:
        return
    with box:
        metric = st.selectbox("Judge", judges, key="judge", bind="query-params", width=320)
        _calibration(run, metric)
        if may_edit():
            _regrading(run, metric)


def _calibration(run: Run, metric: str) -> None:
    columns = workbench().store.get_dataset_version_by_id(run.spec.dataset_version).columns
    field = st.selectbox(
        "Field with people's labels",
        columns,
        index=None,
        placeholder="Choose a field of the dataset",
        key="labels",
        bind="query-params",
        width=320,
        help="Labels given on the page Label are compared there.",
    )
    if field is None:
        return
    with errors_shown():
        result = workbench().calibrate(run.id, metric, field)
        st.caption(f"Labelled by people, and judged: {counted(result.labelled, 'row')}.")
        rows = _rows(result)
        if rows:
            data_table(pd.DataFrame(rows), f"{metric}-agreement", alt="Agreement with people")
        if result.corrected is None:
            st.info(plain(f"Not corrected: {result.refusal}"), icon=":material/info:")
        else:
            st.markdown(
                plain(
                    f"The judge's own mean is {number(result.corrected.raw)}; people would have "
                    f"given {number(result.corrected.value)} "
                    f"(95% interval {_bounds(result.corrected.interval)})."
                )
            )


def _rows(result: Calibration) -> list[dict[str, str]]:
    named: list[tuple[str, Estimate | None]] = []
    if result.agreement is not None:
        named += [
            ("Accuracy", result.agreement.accuracy),
            ("Cohen's kappa", result.agreement.kappa),
        ]
    named += [
        ("Passes found (sensitivity)", result.sensitivity),
        ("Fails found (specificity)", result.specificity),
        ("Spearman's correlation", result.correlation),
    ]
    return [
        {
            "Agreement": name,
            "Value": "undefined" if each.value is None else f"{each.value:.3f}",
            "95% interval": _bounds(each.interval),
        }
        for name, each in named
        if each is not None
    ]


def _bounds(interval: Interval | None) -> str:
    if interval is None:
        return "undefined"
    return f"{number(interval.lower)} – {number(interval.upper)}"


def _regrading(run: Run, metric: str) -> None:
    """A few calls, made now: whether the same responses still get the same scores."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rows = st.number_input("Responses", 2, 50, 10, key="judge.rows", width=140)
        asked = st.button(
            "Judge them again", icon=":material/replay:", help="Calls the judge; stores nothing."
        )
    place = f"regrade.{run.id}.{metric}"
    if asked:
        again = partial(workbench().regrade, run.id, metric, rows=rows)
        start_work(place, "Asking the judge", again)
    if (work := ended_work(place)) is not None:
        _regraded(work)


def _regraded(work: Work[Regrading]) -> None:
    with errors_shown():
        again = work.result()
        told = f"{again.unchanged:,} of {counted(len(again.rows), 'score')} as before"
        st.markdown(plain(f"{told} ({money(again.cost_usd)}). {again.comparison.sentence}"))
