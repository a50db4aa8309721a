"""Where training examples come from."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.finetuning import TrainingSource
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import DATASETS, workbench

DATASET, RUNS = "Dataset", "Best rows of runs"
RUNS_LISTED = 200
USUAL_PROMPTS = ("prompt", "question", "input", "query", "text")
USUAL_RESPONSES = ("response", "answer", "answers", "output", "completion")


def training_form() -> TrainingSource | None:
    """None while something is still to be chosen."""
    kind = st.segmented_control(
        "Examples from",
        [DATASET, RUNS],
        required=True,
        default=DATASET,
        key="training.kind",
        persist_state="session",
        label_visibility="collapsed",
    )
    fields = _dataset_fields() if kind == DATASET else _run_fields()
    if fields is None:
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        most = st.number_input(
            "Examples at most",
            min_value=1,
            value=None,
            step=100,
            placeholder="All",
            key="training.most",
            persist_state="session",
            width=170,
        )
        unseen = st.multiselect(
            "Datasets that must stay unseen",
            [version.name for version in workbench().list_datasets()],
            key="training.evaluation",
            persist_state="session",
            placeholder="Besides all splits named test, dev, ...",
            width=380,
            help="Rows of these, and of every split named test, dev, validation, eval or holdout, "
            "must not be among the examples.",
        )
    system = st.text_area(
        "System prompt",
        key="training.system",
        persist_state="session",
        height=80,
        placeholder="Optional; in front of each example",
    )
    return TrainingSource.model_validate(
        {**fields, "most": most, "system": system.strip() or None, "evaluation": tuple(unseen)}
    )


def _dataset_fields() -> dict[str, object] | None:
    versions = {version.name: version for version in workbench().list_datasets()}
    if not versions:
        st.info("No dataset is stored yet.", icon=":material/info:")
        st.page_link(DATASETS, label="Add a dataset", icon=":material/add:")
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Dataset", list(versions), key="training.dataset", persist_state="session", width=240
        )
        version = versions[name]
        split = None
        if version.split_rows:
            chosen = st.selectbox(
                "Split", ["all", *version.split_rows], key=f"training.split.{name}", width=140
            )
            split = None if chosen == "all" else chosen
        prompt = st.text_input(
            "Prompt",
            _usual(version.columns, USUAL_PROMPTS),
            key=f"training.prompt.{name}",
            persist_state="session",
            width=240,
            help="A field's name, or a template such as Question: {question}",
        )
        response = st.text_input(
            "Response",
            _usual(version.columns, USUAL_RESPONSES),
            key=f"training.response.{name}",
            persist_state="session",
            width=200,
            help="A field's name, or a template. Of several answers the first is taken.",
        )
    st.caption(plain(f"{counted(version.rows, 'row')} · fields: {', '.join(version.columns)}"))
    if not prompt.strip() or not response.strip():
        st.caption("Name the fields of prompt and response.")
        return None
    dataset = f"{name}@{version.number}"
    return {"dataset": dataset, "split": split, "prompt": prompt, "response": response}


def _run_fields() -> dict[str, object] | None:
    runs = {run.id: run for run in workbench().list_runs(limit=RUNS_LISTED).items}
    chosen = st.multiselect(
        "Runs",
        list(runs),
        format_func=lambda run_id: _run_label(runs.get(run_id), run_id),
        key="training.runs",
        persist_state="session",
        placeholder="Choose runs",
    )
    if not chosen:
        st.caption("Of an example that several runs answered, the best reply is taken.")
        return None
    keys = [metric.key for metric in runs[chosen[0]].spec.metrics]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        metric = st.selectbox("Metric", keys, key="training.metric", width=240)
        at_least = st.number_input(
            "Score at least",
            value=1.0,
            step=0.1,
            key="training.at_least",
            persist_state="session",
            width=160,
        )
    return {"runs": tuple(chosen), "metric": metric, "at_least": at_least}


def _run_label(run: Run | None, run_id: str) -> str:
    return run_id if run is None else f"{run.name} · {run.spec.dataset_name} · {run_id}"


def _usual(columns: tuple[str, ...], names: tuple[str, ...]) -> str:
    by_case = {column.casefold(): column for column in columns}
    return next((by_case[name] for name in names if name in by_case), "")
