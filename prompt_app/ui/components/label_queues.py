"""The label queues, a new one, and which one the page's address names."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.labelling import LabelQueue, LabelRubric
from prompt_app.errors import UnknownNameError
from prompt_app.ui.components.compare_choice import RECENT, run_labels
from prompt_app.ui.components.errors import errors_shown, show_message
from prompt_app.ui.components.label_standing import row_count
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.wording import ago, plain
from prompt_app.ui.state import LABEL, may_edit, workbench

SCALES: dict[str, tuple[str, ...]] = {
    "Pass or fail": ("fail", "pass"),
    "Grades 1 to 5": ("1", "2", "3", "4", "5"),
    "My own labels": (),
}
NO_JUDGE = "none"
QUEUES_A_PAGE = 20


def chosen_queue() -> LabelQueue | None:
    """The queue of ``?queue=``, by name."""
    which = st.query_params.get("queue", "")
    if not which:
        return None
    try:
        return workbench().labelling.queue(which)
    except UnknownNameError as error:
        show_message(str(error))
        return None


def queue_list() -> None:
    page = paged(
        lambda offset: workbench().labelling.queues(offset=offset, limit=QUEUES_A_PAGE),
        QUEUES_A_PAGE,
        "queues",
    )
    for queue in page.items:
        _card(queue)
    if page.total:
        pager(page, QUEUES_A_PAGE, "queue")
    else:
        st.info(
            "No label queues yet. People's labels show how far a judge can be trusted.",
            icon=":material/info:",
        )
    if may_edit():
        with st.expander("New queue", icon=":material/add:", expanded=not page.total):
            _form()


def _card(queue: LabelQueue) -> None:
    standing = workbench().labelling.standing(queue.id, row_count(queue.id))
    with st.container(border=True, gap="xsmall"):
        st.page_link(LABEL, label=plain(queue.name), query_params={"queue": queue.name})
        kind = "which of two replies is better" if queue.is_pair else ", ".join(queue.rubric.labels)
        st.caption(
            plain(
                f"{kind} · {standing.labelled:,} of {counted(standing.rows, 'row')} labelled by "
                f"{_people(len(standing.labellers))} · {ago(queue.created_at)}"
            )
        )


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def _form() -> None:
    runs = {run.id: run for run in workbench().list_runs(limit=RECENT).items if run.progress.done}
    if not runs:
        st.info("A queue needs a run with replies. Start an evaluation first.")
        return
    names = run_labels(list(runs.values()))
    with errors_shown():
        named = [each for each in st.query_params.get("runs", "").split(",") if each in runs]
        chosen = st.multiselect(
            "Runs", list(runs), default=named[:2], format_func=lambda run_id: names[run_id],
            max_selections=2, key="queue.runs",
            help="One run: each reply by itself. Two runs: their replies side by side, unnamed.",
        )  # fmt: skip
        name = st.text_input(
            "Name of the queue", key="queue.name", placeholder="answers-check",
            persist_state="session",
        )  # fmt: skip
        rubric = _rubric_form(is_pair=len(chosen) == 2)
        judges = [NO_JUDGE]
        if len(chosen) == 1:
            judges += [spec.key for spec in runs[chosen[0]].spec.metrics]
        metric = st.selectbox(
            "Metric to hold the labels against", judges, key="queue.metric", width=300,
            help="Usually a judge. Its scores also tell which row is worth labelling next.",
        )  # fmt: skip
        people = st.number_input(
            "People for each row", min_value=1, max_value=20, value=1, key="queue.people",
            width=200, help="With two or more the page shows how far they agree.",
        )  # fmt: skip
        if not chosen or not name.strip():
            st.caption("Choose a run and give the queue a name.")
        if st.button("Create", type="primary", disabled=not chosen or not name.strip()):
            made = workbench().labelling.create(
                name.strip(), chosen, rubric(), people_per_row=people,
                metric="" if metric == NO_JUDGE else metric,
            )  # fmt: skip
            for key in [str(each) for each in st.session_state if str(each).startswith("queue.")]:
                del st.session_state[key]
            st.switch_page(LABEL, query_params={"queue": made.name})


def _rubric_form(*, is_pair: bool) -> Callable[[], LabelRubric]:
    """Fields of the rubric; gives what makes it of them."""
    asked = "Which reply is better?" if is_pair else "Is this reply right?"
    question = st.text_input(
        "Question", value=asked, key=f"queue.question.{is_pair}", persist_state="session"
    )
    instructions = st.text_area(
        "Rubric", key="queue.instructions", height=120,
        placeholder="What each label means, and how to decide", persist_state="session",
    )  # fmt: skip
    labels: tuple[str, ...] = LabelRubric().labels
    if not is_pair:
        scale = st.segmented_control(
            "Labels", list(SCALES), default="Pass or fail", required=True, key="queue.scale"
        )
        labels = SCALES[scale]
        if not labels:
            written = st.text_input(
                "Labels, worst first",
                key="queue.labels",
                placeholder="wrong, partly, right",
                persist_state="session",
            )
            labels = tuple(each.strip() for each in written.split(",") if each.strip())
    return lambda: LabelRubric(question=question, instructions=instructions, labels=labels)
