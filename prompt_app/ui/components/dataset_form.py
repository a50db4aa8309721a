"""Step 1: which rows."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.dataset import DatasetVersion, Example, field_paths
from prompt_app.datamodel.evaluation import DatasetSelection, SeededSample
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.uploads import upload_form
from prompt_app.ui.components.wording import plain, shortened, written
from prompt_app.ui.state import workbench

ROWS_SHOWN = 5
STORED, UPLOAD = "Stored dataset", "Upload a file"
_ADDED = "added.dataset"


@dataclass(frozen=True)
class ChosenDataset:
    """A stored dataset, and what a prompt may name."""

    selection: DatasetSelection
    version: DatasetVersion
    first: Example
    paths: tuple[str, ...]


def dataset_form() -> ChosenDataset | None:
    """None until a dataset is in the store and chosen."""
    if (added := st.session_state.pop(_ADDED, None)) is not None:
        st.session_state["dataset.source"] = STORED
        st.session_state["dataset.name"] = added
        st.session_state.pop("dataset.version", None)
    names = [version.name for version in workbench().list_datasets()]
    st.session_state.setdefault("dataset.source", STORED if names else UPLOAD)
    source = st.segmented_control(
        "Dataset from",
        [STORED, UPLOAD],
        required=True,
        key="dataset.source",
        persist_state="session",
        label_visibility="collapsed",
    )
    if source == UPLOAD:
        upload_form(_choose)
        return None
    if not names:
        st.info("No dataset is stored yet. Upload a file.", icon=":material/info:")
        return None
    return _stored(names)


def _choose(version: DatasetVersion) -> None:
    st.session_state[_ADDED] = version.name


def _stored(names: list[str]) -> ChosenDataset | None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Dataset", names, key="dataset.name", persist_state="session", width=260
        )
        version = _version(name)
        split = None
        if version.split_rows:
            chosen = st.selectbox(
                "Split",
                ["all", *version.split_rows],
                key="dataset.split",
                persist_state="session",
                width=160,
            )
            split = None if chosen == "all" else chosen
        sample = _sample()
    examples = workbench().examples(version, limit=50)
    facts = [
        counted(version.rows, "row"),
        f"reference answers in {version.options.reference_field}",
    ]
    if version.skipped_rows:
        facts.append(f"{counted(version.skipped_rows, 'bad row')} skipped")
    st.caption(plain(" · ".join(facts)))
    with st.expander("First rows", icon=":material/table_rows:"):
        cells = [
            {column: shortened(written(value)) for column, value in example.fields.items()}
            for example in examples[:ROWS_SHOWN]
        ]
        data_table(pd.DataFrame(cells), f"{name}-first-rows", alt="First rows of the dataset")
    paths = dict.fromkeys(version.columns)
    paths.update(dict.fromkeys(path for each in examples for path in field_paths(each.fields)))
    return ChosenDataset(
        DatasetSelection(
            name=name,
            number=version.number,
            split=split,
            sample=sample,
        ),
        version,
        examples[0],
        tuple(paths),
    )


def _sample() -> SeededSample | None:
    size = st.number_input(
        "Sample size",
        min_value=1,
        value=None,
        placeholder="All rows",
        key="dataset.sample",
        persist_state="session",
        width=160,
        help="So many rows, drawn by the seed: the same ones every time.",
    )
    if size is None:
        return None
    seed = st.number_input(
        "Sample seed", value=0, step=1, key="dataset.seed", persist_state="session", width=120
    )
    return SeededSample(size=size, seed=seed)


def _version(name: str) -> DatasetVersion:
    versions = sorted(workbench().dataset_versions(name), key=lambda each: -each.number)
    if len(versions) == 1:
        return versions[0]
    number = st.selectbox(
        "Version",
        [version.number for version in versions],
        key="dataset.version",
        persist_state="session",
        width=110,
    )
    return next(version for version in versions if version.number == number)
