"""How often the labels of a lesson agree with people's, and which are taken for which."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from prompt_app.rubrics.measures import ConceptMeasures
from prompt_app.rubrics.report import bounds, percent
from prompt_app.ui.components.rubric_choice import ALL_CONCEPTS, ShownLesson
from prompt_app.ui.components.tables import data_chart, data_table
from prompt_app.ui.components.wording import plain


def agreement_section(shown: ShownLesson) -> None:
    measures = shown.measures
    overall = measures.overall.accuracy
    figures = {
        "Labels that agree": percent(overall),
        "95% interval": bounds(overall.interval, ".0%").replace(" to ", " – "),
        "Labels compared": f"{overall.scored:,}",
        "Without prediction": f"{overall.unscored:,}",
        "Works compared": f"{measures.students:,}",
        "Works left out": f"{measures.left_out:,}",
    }
    with st.grid("auto", min_column_width=150):
        for label, value in figures.items():
            st.metric(label, plain(value))
    method = overall.interval.method if overall.interval else "none"
    st.caption(
        plain(
            f"Intervals: Wilson's for a key concept, {method} over all. Left out: works for "
            "tuning, worked examples, and those that nobody has labelled."
        )
    )
    table = _table(shown)
    data_table(
        table,
        f"{shown.result.lesson}-{shown.view}",
        column_config={
            "Accuracy": st.column_config.ProgressColumn(format="percent"),
            "Kappa": st.column_config.NumberColumn(format="%.2f"),
            "Weighted kappa": st.column_config.NumberColumn(format="%.2f"),
        },
        alt="Agreement by key concept",
    )


def _table(shown: ShownLesson) -> pd.DataFrame:
    everything = (shown.measures.overall, *shown.measures.concepts)
    return pd.DataFrame([_row(each, each is everything[0]) for each in everything])


def _row(each: ConceptMeasures, is_overall: bool) -> dict[str, object]:
    return {
        "Key concept": ALL_CONCEPTS if is_overall else each.name,
        "Accuracy": each.accuracy.value,
        "95% interval": bounds(each.accuracy.interval),
        "Compared": each.accuracy.scored,
        "No prediction": each.accuracy.unscored,
        "Kappa": each.kappa,
        "Kappa's 95% interval": bounds(each.kappa_interval, ".2f"),
        "Weighted kappa": each.weighted_kappa,
        "Weighted kappa's 95% interval": bounds(each.weighted_kappa_interval, ".2f"),
    }


def confusion_section(shown: ShownLesson) -> None:
    st.subheader("Confusion")
    names = [ALL_CONCEPTS, *(each.name for each in shown.measures.concepts)]
    concept = st.selectbox("Key concept", names, key="concept", bind="query-params", width=420)
    counts = shown.measured(concept).confusion
    labels = list(shown.measures.labels)
    columns = [f"predicted: {label}" for label in labels]
    table = pd.DataFrame(counts, columns=columns)
    table.insert(0, "People said", labels)
    name = f"{shown.result.lesson}-{shown.view}-confusion"
    alt = f"Confusion of {concept}"
    st.caption("What people said downwards, what was predicted across; how many labels.")
    data_chart(_heatmap(counts, labels), table, name, height=320, alt=alt, key="confusion.chart")
    data_table(table, name, alt=f"{alt} as a table", key="confusion")


def _heatmap(counts: tuple[tuple[int, ...], ...], labels: list[str]) -> dict[str, object]:
    """People's labels downwards, predicted ones across; the best stands first in both."""
    cells = [
        [column, row, count] for row, line in enumerate(counts) for column, count in enumerate(line)
    ]
    most = max((count for *_, count in cells), default=0)
    label = {"interval": 0, "width": 60, "overflow": "break", "fontSize": 11}  # fits a phone
    axis = {"type": "category", "data": labels, "axisLabel": label}
    return {
        "grid": {"left": 8, "right": 16, "top": 28, "bottom": 8, "containLabel": True},
        "tooltip": {},
        "xAxis": {**axis, "position": "top"},
        "yAxis": {**axis, "inverse": True, "axisLabel": {**label, "width": 90}},
        "visualMap": {"show": False, "min": 0, "max": max(most, 1),
                      "inRange": {"color": ["#eef3fb", "#7aa7e6"]}},
        "series": [
            {"type": "heatmap", "name": "labels", "data": cells,
             "label": {"show": True, "color": "#111111", "fontSize": 14}}
        ],
    }  # fmt: skip
