"""What a comparison says in words, and the numbers behind the words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import pandas as pd
import streamlit as st

from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.score import cautions
from prompt_app.statistics.verdict import PairedComparison, Verdict
from prompt_app.ui.components.compare_choice import run_labels, stamp_of
from prompt_app.ui.components.downloads import report_button
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.long_work import worked_out
from prompt_app.ui.components.made_file import file_made
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import LABEL, workbench
from prompt_app.workbench.comparing import RunComparison

Color = Literal["green", "red", "blue", "gray", "orange"]
LOOKS: dict[Verdict, tuple[Color, str]] = {
    "better": ("green", ":material/trending_up:"),
    "worse": ("red", ":material/trending_down:"),
    "higher": ("blue", ":material/arrow_upward:"),
    "lower": ("blue", ":material/arrow_downward:"),
    "equivalent": ("green", ":material/drag_handle:"),
    "no_detectable_difference": ("gray", ":material/drag_handle:"),
    "undecidable": ("orange", ":material/help:"),
}


def verdict_section(runs: Sequence[Run]) -> None:
    """A sentence for each metric of each candidate."""
    margin = st.number_input(
        "Difference that does not matter",
        min_value=0.0,
        max_value=1.0,
        value=None,
        step=0.01,
        key="margin",
        bind="query-params",
        width=260,
        placeholder="none",
        help="Asks whether the runs are equivalent, for metrics from 0 to 1: 0.02 is two points.",
    )
    with errors_shown():
        compared = comparison(runs, margin or None)
        if compared is None:
            st.stop()
        for warning in compared.warnings:
            st.warning(plain(warning), icon=":material/warning:")
        labels = run_labels(runs)
        for candidate in compared.candidates:
            own = [each for each in compared.results if each.candidate_name == candidate.id]
            _candidate(labels[candidate.id], labels[compared.baseline.id], own)
        _numbers(compared)
        ids = [run.id for run in runs]
        with st.container(horizontal=True, vertical_alignment="center"):
            place = f"file.{','.join(ids)}"
            make = partial(workbench().reports.comparison, ids, margin=margin or None)
            report_button(place, "comparison.html", make)
            if len(ids) == 2:
                st.page_link(
                    LABEL,
                    label="Label them side by side",
                    icon=":material/new_label:",
                    query_params={"runs": ",".join(ids)},
                )
        file_made(place)


def comparison(runs: Sequence[Run], margin: float | None) -> RunComparison | None:
    """Kept while nothing has been scored anew; None while it is worked out."""
    ids = [run.id for run in runs]
    return worked_out(
        "compare.verdicts",
        "Matching the examples",
        (stamp_of(runs), margin),
        partial(workbench().compare, ids, margin=margin),
    )


def _candidate(name: str, baseline: str, results: Sequence[PairedComparison]) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{plain(name)}** against {plain(baseline)}")
        for result in results:
            color, icon = LOOKS[result.verdict]
            badge, sentence = st.columns((2, 5))  # the longest verdict fits
            badge.badge(plain(result.verdict.replace("_", " ")), color=color, icon=icon)
            sentence.text(result.sentence)


def _numbers(compared: RunComparison) -> None:
    frame = comparison_frame(compared)
    for sentence in cautions(each.interval for each in compared.results):
        st.caption(plain(sentence))
    with st.expander(
        "The numbers", icon=":material/table:", key="numbers", on_change="rerun",
        bind="query-params",
    ):  # fmt: skip
        data_table(frame, "comparison", alt="The comparison in numbers")
        st.caption(
            "p is corrected by Holm's method over all metrics and runs of this comparison; "
            "intervals are not."
        )


def comparison_frame(compared: RunComparison) -> pd.DataFrame:
    """A row for each metric of each candidate."""
    names = {run.id: run.name for run in (compared.baseline, *compared.candidates)}
    return pd.DataFrame(
        [
            {
                "run": names[each.candidate_name],
                "run id": each.candidate_name,
                "metric": each.metric,
                "verdict": each.verdict.replace("_", " "),
                "baseline": each.baseline_mean,
                "this run": each.candidate_mean,
                "difference": each.difference,
                "lower": each.interval.lower if each.interval else None,
                "upper": each.interval.upper if each.interval else None,
                "p": each.p_adjusted,
                "test": each.test,
                "effect": each.effect_size,
                "effect size": each.effect_name,
                "pairs": each.pairs,
                "improved": each.improved,
                "worsened": each.worsened,
                "unchanged": each.unchanged,
                "detectable": each.detectable,
            }
            for each in compared.results
        ]
    )
