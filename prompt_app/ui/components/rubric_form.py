"""Start a test of a rubric: what, by which model, and what it will take."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.rubric_test import RubricTestOptions
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.model_form import model_references
from prompt_app.ui.components.wording import duration, money, plain, span
from prompt_app.ui.state import RUBRIC_TEST, may_edit, workbench


def rubric_form() -> None:
    """Ends on the new test's page; before that it tells price and time."""
    if not may_edit():
        return
    rubrics = workbench().rubrics
    experiments, datasets = rubrics.lessons("experiments"), rubrics.lessons("datasets")
    if not experiments or not datasets:
        _nothing()
        return
    is_first = rubrics.tests(limit=1).total == 0
    with (
        st.expander("New test", icon=":material/add:", expanded=is_first, key="rubric.new"),
        errors_shown(),
    ):
        options = _options(experiments, datasets)
        if _quoted(options) and st.button(
            "Start the test", type="primary", icon=":material/play_arrow:"
        ):
            test = rubrics.start(options)
            st.switch_page(RUBRIC_TEST, query_params={"id": test.id})


def _nothing() -> None:
    st.write(
        "Measure how well a model's assessments by a rubric agree with people's labels, and "
        "release what is good enough."
    )
    st.info("No experiment with a dataset is here yet.", icon=":material/info:")
    if st.button("Load the example", type="primary", icon=":material/download:"):
        with errors_shown():
            workbench().rubrics.load_example()
            st.rerun()


def _options(
    experiments: dict[str, list[str]], datasets: dict[str, list[str]]
) -> RubricTestOptions:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        experiment = st.selectbox(
            "Experiment", list(experiments), key="rubric.experiment", persist_state="session",
            width=220,
        )  # fmt: skip
        dataset = st.selectbox(
            "Dataset", list(datasets), key="rubric.dataset", persist_state="session", width=220
        )
        lessons = st.multiselect(
            "Lessons",
            [each for each in experiments[experiment] if each in datasets[dataset]],
            placeholder="All of the experiment's",
            key="rubric.lessons",
            width=360,
        )
    use_cached = st.toggle(
        "Use stored replies", value=True, key="rubric.cached", help="Calls only for what failed "
        "or changed.",
    )  # fmt: skip
    new_labels = st.toggle(
        "New labels", key="rubric.new_labels", help="Also assesses works that nobody has labelled. "
        "The report then has the labels as a file for a person to correct.",
    )  # fmt: skip
    with st.expander("Other than the experiment says", icon=":material/tune:"):
        changes = _changes()
    return RubricTestOptions.model_validate(
        {
            "dataset": dataset, "experiment": experiment, "lessons": lessons,
            "use_cached": use_cached, "needs_labels": not new_labels, **changes,
        }
    )  # fmt: skip


def _changes() -> dict[str, object]:
    changes: dict[str, object] = {}
    with st.grid("auto", min_column_width=200):
        changes["model"] = st.selectbox(
            "Model", model_references(), index=None, accept_new_options=True,
            placeholder="As the experiment says", key="rubric.model",
        )  # fmt: skip
        changes["num_responses"] = _number("Replies that vote", "num_responses", 1, 100)
        changes["temperature"] = st.number_input(
            "Temperature", 0.0, 2.0, None, 0.1, placeholder="As the experiment says",
            key="rubric.temperature",
        )  # fmt: skip
        changes["passing"] = _number("Labels that pass", "passing", 1, 20)
        changes["max_students"] = _number("Only the first works", "max_students", 1, 100_000)
        changes["workers"] = _number("Calls at a time", "workers", 1, 1000) or 8
        changes["requests_per_minute"] = _number("Calls a minute", "requests_per_minute", 1, None)
        changes["tokens_per_minute"] = _number("Tokens a minute", "tokens_per_minute", 1, None)
        changes["max_cost_usd"] = st.number_input(
            "Spend cap, US dollars", 0.001, None, None, 0.1, format="%.3f", placeholder="None",
            key="rubric.max_cost_usd",
            help="No call is made that could overshoot it. It needs the longest reply.",
        )  # fmt: skip
        changes["max_tokens"] = _number("Longest reply, tokens", "max_tokens", 1, None)
        changes["remove_comments"] = st.toggle("Remove comments", key="rubric.remove_comments")
    return changes


def _number(label: str, name: str, least: int, most: int | None) -> int | None:
    given: int | None = st.number_input(
        label, least, most, None, 1, placeholder="Not set", key=f"rubric.{name}"
    )
    return given


def _quoted(options: RubricTestOptions) -> bool:
    """Whether the test can be started."""
    with errors_shown():
        quote = workbench().rubrics.quote(options)
        price = "unknown price"
        if quote.cost_usd_low is not None:
            price = span(money(quote.cost_usd_low), money(quote.cost_usd_high))
        time = span(duration(quote.seconds_low), duration(quote.seconds_high))
        st.caption(
            plain(
                f"{counted(quote.works, 'work')}: {counted(quote.calls, 'call')}, "
                f"{quote.cached:,} from stored replies, {quote.without_model:,} without a model "
                f"· {price} · {time}"
            )
        )
        return quote.works > 0
    return False
