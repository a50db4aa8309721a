"""How a queue stands: progress, agreement between people, agreement with the judge."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.labelling import LabelQueue
from prompt_app.errors import PromptAppError
from prompt_app.statistics.estimate import Estimate
from prompt_app.ui.components.made_file import file_made, make_file
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import number, plain
from prompt_app.ui.state import LABEL, workbench
from prompt_app.workbench.label_standing import LabelStanding

MOST_SPLITS = 10
ANSWERS_A_PAGE = 50
MOST_ROWS_UNASKED = 20_000
"""Of a larger queue the judge's scores are read when somebody asks."""


def standing_section(queue: LabelQueue) -> None:
    st.subheader("How it stands")
    labelling = workbench().labelling
    rows = row_count(queue.id)
    standing = labelling.standing(queue.id, rows)
    share = standing.labelled / standing.rows if standing.rows else 0.0
    st.progress(share, text=f"{standing.labelled:,} of {counted(standing.rows, 'row')} labelled")
    if not standing.labellers:
        return
    _people(queue, standing)
    if queue.metric:
        box = st.expander(
            plain(f"Agreement with {queue.metric} so far"),
            expanded=rows <= MOST_ROWS_UNASKED,
            key="agreement",
            on_change="rerun",
            bind="query-params",
        )
        if box.open:
            with box:
                _judge(queue)
    _answers(queue)


def estimate_text(estimate: Estimate | None) -> str:
    """``0.81 (95% interval 0.70 – 0.90, n 20)``."""
    if estimate is None or estimate.value is None:
        return "undefined"
    text = number(round(estimate.value, 3))
    if estimate.interval is not None:
        low, high = (number(round(each, 3)) for each in
                     (estimate.interval.lower, estimate.interval.upper))  # fmt: skip
        text += f" ({estimate.interval.level:.0%} interval {low} – {high}, n {estimate.n:,})"
    return text


def _people(queue: LabelQueue, standing: LabelStanding) -> None:
    with st.grid("auto", min_column_width=260):
        with st.container(border=True, height="stretch"):
            st.markdown("**Who labelled**")
            for each in standing.labellers:
                st.text(f"{each.name}: {each.labelled:,} labelled, {each.skipped:,} skipped")
        with st.container(border=True, height="stretch"):
            st.markdown("**Labels**")
            for label, count in standing.labels.items():
                st.text(f"{_named(queue, label)}: {count:,}")
            if standing.preferred is not None:
                st.text(f"Second run preferred: {estimate_text(standing.preferred)}")
        with st.container(border=True, height="stretch"):
            st.markdown("**Between people**")
            if standing.agreeing is None:
                st.caption("No row has labels of two people yet.")
            else:
                st.text(f"Same label: {estimate_text(standing.agreeing)}")
                st.text(f"Krippendorff's alpha: {estimate_text(standing.alpha)}")
    if standing.splits:
        with st.expander(f"{counted(len(standing.splits), 'row')} on which people differ"):
            for split in standing.splits[:MOST_SPLITS]:
                said = ", ".join(f"{name}: {label}" for name, label in split.labels.items())
                st.page_link(
                    LABEL,
                    label=plain(f"{split.example_id} – {said}"),
                    query_params={"queue": queue.name, "row": split.example_id},
                )


def _named(queue: LabelQueue, label: str) -> str:
    if not queue.is_pair:
        return label
    names = [workbench().run(run_id).name for run_id in queue.run_ids]
    return {"first": names[0], "second": names[1], "equal": "equal"}[label]


def _judge(queue: LabelQueue) -> None:
    try:
        found = workbench().labelling.judge_agreement(queue.id)
    except PromptAppError as error:
        st.caption(plain(str(error)))
        return
    if found.agreement is not None:
        st.text(f"Same verdict: {estimate_text(found.agreement.accuracy)}")
        st.text(f"Cohen's kappa: {estimate_text(found.agreement.kappa)}")
    if found.correlation is not None:
        st.text(f"Spearman's correlation: {estimate_text(found.correlation)}")
    if found.stratified is not None:
        mean, interval = found.stratified.value, found.stratified.interval
        st.text(
            f"People's mean over all rows: {mean:.3f} ({interval.level:.0%} interval "
            f"{interval.lower:.3f} – {interval.upper:.3f}); the judge's own is "
            f"{found.stratified.raw:.3f}"
        )
    else:
        st.caption("People's mean over all rows needs two labels for each kind of score.")
    for each in found.disagreements[:MOST_SPLITS]:
        st.page_link(
            LABEL,
            label=plain(f"{each.example_id} – people {each.human:g}, judge {each.judge:g}"),
            query_params={"queue": queue.name, "row": each.example_id},
        )


@st.cache_data(show_spinner=False, ttl="10m", max_entries=100)
def row_count(queue_id: str) -> int:
    """Counting reads every id, and a queue's runs have usually ended."""
    return workbench().labelling.row_count(queue_id)


def _answers(queue: LabelQueue) -> None:
    box = st.expander(
        "Who said what", icon=":material/table:", key="answers", on_change="rerun",
        bind="query-params",
    )  # fmt: skip
    if not box.open:
        return
    with box:
        page = paged(
            lambda offset: workbench().labelling.latest_answers(
                queue.id, offset=offset, limit=ANSWERS_A_PAGE
            ),
            ANSWERS_A_PAGE,
            f"answers of {queue.id}",
        )
        frame = pd.DataFrame(
            [
                {
                    "example": each.example_id,
                    "label": each.label or "(skipped)",
                    "by": each.labeller_name,
                    "comment": each.comment,
                    "rubric": each.rubric_number,
                    "at": each.at,
                }
                for each in page.items
            ]
        )
        data_table(frame, f"labels-{queue.name}", alt="Answers, newest first")
        pager(page, ANSWERS_A_PAGE, "answer")
        place, export = f"answers.{queue.id}", workbench().labelling.export
        if st.button("All answers as CSV", icon=":material/download:", type="tertiary"):
            make_file(place, f"labels-{queue.name}.csv", partial(export, queue.id))
        file_made(place)
