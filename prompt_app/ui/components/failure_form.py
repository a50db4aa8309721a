"""From the rows that a run did badly on to a dataset."""

from __future__ import annotations

from functools import partial

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.evaluation import Run
from prompt_app.errors import PromptAppError
from prompt_app.ui.components.errors import message_of, show_message
from prompt_app.ui.components.long_work import ended_work, start_work
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import DATASET, may_edit, workbench
from prompt_app.workbench.failures import CollectedRows, Failures


def failure_form(run: Run) -> None:
    """A button that opens the form; nothing for those who may only look."""
    if not may_edit():
        return
    with st.popover(
        "Failures as dataset",
        icon=":material/dataset:",
        disabled=run.progress.done == 0,
        help="Collect the rows that went badly, to look into them or to measure on them again",
    ):
        _form(run)


def _form(run: Run) -> None:
    keys = [metric.key for metric in run.spec.metrics]
    failed = st.checkbox("Rows whose call failed", value=True, key="failures.failed")
    unscored = st.checkbox("Rows that the metric failed on", key="failures.unscored")
    metric = st.selectbox("Metric", keys, key="failures.metric")
    at_most = st.number_input(
        "And rows with a score of at most",
        value=None,
        placeholder="Any score",
        key="failures.at_most",
    )
    source = run.spec.dataset_name.partition("@")[0]
    name = st.text_input("Dataset", f"{source}-failures", key="failures.name", max_chars=100)
    st.caption("A dataset of this name keeps its rows and gets those that it lacks.")
    wanted = Failures(failed=failed, unscored=unscored, metric=metric, at_most=at_most)
    place = f"failures.{run.id}"
    if st.button("Collect the rows", type="primary", key="failures.collect"):
        collect = partial(workbench().curation.collect_failures, run, wanted, name)
        start_work(place, "Collecting the rows", collect)
    if (work := ended_work(place)) is None:
        return
    try:
        found: CollectedRows = work.result()
    except PromptAppError as error:
        show_message(message_of(error))
        return
    if found.added == 0:
        there = counted(found.already_there, "row")
        st.info(plain(f"Nothing is added: {found.version.name} has the {there} already."))
        return
    st.toast(plain(f"{counted(found.added, 'row')} added to {found.version.name}."))
    st.switch_page(DATASET, query_params={"name": found.version.name})
