"""Runs by one metric, ties marked, and what that quality costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.score import cautions
from prompt_app.interfaces.watching import told_of
from prompt_app.ui.components.compare_choice import run_labels, stamp_of
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.long_work import worked_out
from prompt_app.ui.components.tables import data_chart, data_table
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench
from prompt_app.workbench import Workbench
from prompt_app.workbench.contrasting import CallSummary, Leaderboard
from prompt_app.workbench.unpriced import unpriced_models

PRICES = {
    "Cost": ("US dollars for 1,000 samples", "$ / 1,000"),
    "Latency": ("seconds, median", "latency, s"),
    "Slow calls": ("seconds, 95th percentile", "95th, s"),
}


def leaderboard_section(runs: Sequence[Run], metric: str) -> None:
    st.subheader("Leaderboard")
    with errors_shown():
        found = worked_out(
            "compare.leaderboard",
            "Comparing every run with every other",
            (stamp_of(runs), metric),
            partial(_standings, workbench(), [run.id for run in runs], metric),
        )
        if found is None:
            return
        board, calls = found
        labels = run_labels(runs)
        frame = leaderboard_frame(board, calls, labels)
        data_table(
            frame,
            "leaderboard",
            column_config={
                "rank": st.column_config.TextColumn(width=70),
                "run": st.column_config.TextColumn(width=260),
                "run id": st.column_config.TextColumn(width=130),
            },
            alt=f"Runs by {metric}, the best first",
        )
        st.caption(plain(leaderboard_note(board)))
        if unpriced := unpriced_models(runs):
            st.caption(plain(f"No price is known for {', '.join(unpriced)}."))
        _picture(frame, metric)


def leaderboard_note(board: Leaderboard) -> str:
    """How ranks are to be read."""
    if board.direction == "neutral":
        return f"{board.metric} has no better direction, so there are no ranks."
    note = (
        f"Over {counted(board.examples, 'example')} that all runs scored. A rank is one more than "
        "the number of runs that are detectably better (Holm over all pairs); '=' marks runs that "
        "share a rank."
    )
    return " ".join([note, *cautions(each.interval for each in board.standings)])


def leaderboard_frame(
    board: Leaderboard, calls: Mapping[str, CallSummary], labels: Mapping[str, str]
) -> pd.DataFrame:
    ranks = [each.rank for each in board.standings]
    rows: list[dict[str, Any]] = []
    for each in board.standings:
        took = calls[each.run.id]
        shared = "=" if ranks.count(each.rank) > 1 else ""
        rows.append(
            {
                "rank": f"{each.rank}{shared}" if each.rank is not None else "–",
                "run": labels[each.run.id],
                board.metric: each.mean,
                "lower": each.interval.lower if each.interval else None,
                "upper": each.interval.upper if each.interval else None,
                PRICES["Cost"][1]: None if took.cost_usd is None else took.cost_usd * 1000,
                PRICES["Latency"][1]: took.latency_median,
                PRICES["Slow calls"][1]: took.latency_95th,
                "not told apart from": ", ".join(labels[other] for other in each.tied_with),
                "run id": each.run.id,
            }
        )
    return pd.DataFrame(rows)


def _picture(frame: pd.DataFrame, metric: str) -> None:
    is_free = not frame[PRICES["Cost"][1]].any()
    by = st.segmented_control(
        "Quality against",
        list(PRICES),
        default="Latency" if is_free else "Cost",
        required=True,
        key="against",
        bind="query-params",
    )
    axis, column = PRICES[by]
    data_chart(
        quality_chart(frame, metric, column, axis),
        frame[["run", "run id", metric, "lower", "upper", column]],
        f"{metric}-against-{by.lower().replace(' ', '-')}",
        height=340,
        key="compare.picture",
        alt=f"{metric} of each run against its {axis}",
    )


def quality_chart(frame: pd.DataFrame, metric: str, column: str, axis: str) -> dict[str, Any]:
    """A point for each run, with the interval of its mean as an upright line."""
    known = frame[frame[column].notna()]
    series: list[dict[str, Any]] = []
    for place, row in enumerate(known.to_dict("records")):
        x, color = float(row[column]), f"c{place}"
        series.append(
            {
                "type": "scatter", "name": row["run"], "id": color, "symbolSize": 14,
                "data": [[x, float(row[metric])]],
            }
        )  # fmt: skip
        if pd.notna(row["lower"]):
            series.append(
                {
                    "type": "line", "name": row["run"], "id": f"{color}.interval",
                    "symbol": "none", "tooltip": {"show": False}, "lineStyle": {"width": 2},
                    "data": [[x, float(row["lower"])], [x, float(row["upper"])]],
                }
            )  # fmt: skip
    return {
        "grid": {"left": 12, "right": 24, "top": 48, "bottom": 32, "containLabel": True},
        "legend": {"type": "scroll", "top": 0},
        "tooltip": {"trigger": "item"},
        "xAxis": {"type": "value", "name": axis, "nameLocation": "middle", "nameGap": 28},
        "yAxis": {"type": "value", "name": metric, "scale": True},
        "series": series,
    }


def _standings(
    bench: Workbench, ids: Sequence[str], metric: str
) -> tuple[Leaderboard, dict[str, CallSummary]]:
    board = bench.contrasts.leaderboard(ids, metric)
    each = told_of(ids, "calls read", len(ids), every=1)
    return board, {run_id: bench.contrasts.calls(run_id) for run_id in each}
