"""The experiments and datasets in the shared folder, and adding more."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from prompt_app.datamodel.counting import counted
from prompt_app.errors import RubricError
from prompt_app.rubrics.parameters import write_parameters
from prompt_app.rubrics.tables import read_table
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.verbatim import verbatim
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import may_edit, workbench

Add = Callable[[str, str, dict[str, bytes]], str]

_LABELLED = "rubric.labelled"


def experiment_section() -> None:
    rubrics = workbench().rubrics
    _add_form(
        "experiment",
        "params.json, system_prompt.txt and standard_rubric.csv; worked examples as 1.js with "
        "1.json or 1.tsv.",
        rubrics.add_experiment,
    )
    chosen = _chosen("experiments", "experiment")
    if chosen is None:
        return
    with errors_shown():
        experiment = rubrics.experiment(*chosen)
        for notice in experiment.notices:
            st.warning(plain(notice), icon=":material/info:")
        rubric = experiment.rubric
        rows = [[c.name, c.instructions, *c.definitions] for c in rubric.concepts]
        columns = ["Key concept", "Instructions", *rubric.labels]
        data_table(pd.DataFrame(rows, columns=columns), f"{chosen[0]}-rubric", alt="The rubric")
        st.caption("Parameters")
        st.code(write_parameters(experiment.parameters), language="json", wrap_lines=True)
        st.caption("System prompt")
        verbatim(experiment.system_prompt)
        for example in experiment.examples:
            with st.expander(plain(f"Worked example {example.name}"), icon=":material/school:"):
                verbatim(example.work)
                verbatim(example.reply)


def dataset_section() -> None:
    rubrics = workbench().rubrics
    _add_form("dataset", "One text file a work, and actual_labels.csv.", rubrics.add_dataset)
    chosen = _chosen("datasets", "dataset")
    if chosen is None:
        return
    with errors_shown():
        works, labels = rubrics.dataset_counts(*chosen)
        st.caption(f"{counted(works, 'work')}, {labels:,} labelled")
        _labels(*chosen)
        _add_labels(*chosen)
        file = st.selectbox(
            "Work", rubrics.works(*chosen), key="work", bind="query-params", width=320
        )
        verbatim(rubrics.work_text(*chosen, file))


def _labels(dataset: str, lesson: str) -> None:
    """As a table, and as it is written where it is none."""
    st.caption("People's labels")
    text = workbench().rubrics.labels_text(dataset, lesson)
    if not text.strip():
        st.info("Nobody has labelled these works: actual_labels.csv is missing or empty.")
        return
    try:
        header, *rows = read_table(text, "actual_labels.csv")
        frame = pd.DataFrame(rows, columns=header)
    except (RubricError, ValueError):
        verbatim(text)
        return
    data_table(frame, f"{dataset}-{lesson}-labels", alt="People's labels")


def _add_labels(dataset: str, lesson: str) -> None:
    """To works that are there. Other labels that stood in the file stay beside it."""
    if not may_edit():
        return
    if told := st.session_state.pop(_LABELLED, None):
        st.success(plain(told), icon=":material/check:")
    with st.expander("Add labels", icon=":material/new_label:", key="rubric.labels.form"):
        file = st.file_uploader(
            "A file as actual_labels.csv, with the column student and one for each key concept; "
            "named actual_labels.NAME.csv it is a further person's",
            key=f"rubric.labels.{dataset}.{lesson}",
        )
        st.caption(
            "A test with New labels makes a file to correct. Labels that are replaced are kept "
            "beside the new ones."
        )
        if file is not None and st.button("Add the labels", type="primary"):
            with errors_shown():
                path, kept = workbench().rubrics.add_labels(
                    dataset, lesson, file.name, file.getvalue()
                )
                before = f" Those of before are in {kept}." if kept else ""
                st.session_state[_LABELLED] = f"Written: {path}.{before}"
                st.rerun()


def _chosen(kind: str, one: str) -> tuple[str, str] | None:
    found = workbench().rubrics.lessons(kind)
    if not found:
        st.info(plain(f"No {one} is here yet."), icon=":material/info:")
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            plain(one.capitalize()), list(found), key=one, bind="query-params", width=260
        )
        lesson = st.selectbox(
            "Lesson", found[name], key=f"{one}-lesson", bind="query-params", width=320
        )
    return name, lesson


def _add_form(what: str, files: str, add: Add) -> None:
    if not may_edit():
        return
    added = st.session_state.pop(f"rubric.added.{what}", None)
    if added:
        st.success(plain(f"Added {added}."), icon=":material/check:")
    with st.expander(plain(f"Add an {what}" if what[0] in "ae" else f"Add a {what}"),
                     icon=":material/add:"):  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input(plain(f"Name of the {what}"), key=f"rubric.{what}.name", width=220)
            lesson = st.text_input("Lesson", key=f"rubric.{what}.lesson", width=220)
        uploaded = st.file_uploader(
            plain(f"Files. {files}"), accept_multiple_files=True, key=f"rubric.{what}.files"
        )
        ready = bool(name and lesson and uploaded)
        if not st.button("Add", key=f"rubric.{what}.add", type="primary", disabled=not ready):
            return
        with errors_shown():
            path = add(name.strip(), lesson.strip(), named(what, uploaded))
            st.session_state[f"rubric.added.{what}"] = path
            st.rerun()


def named(what: str, uploaded: list[UploadedFile]) -> dict[str, bytes]:
    """Their paths in the lesson's folder: worked examples of an experiment go into examples/."""
    own = {"params.json", "system_prompt.txt", "standard_rubric.csv", "code_rules.yaml"}
    return {
        each.name if what == "dataset" or each.name in own else f"examples/{each.name}":
        each.getvalue()
        for each in uploaded
    }  # fmt: skip
