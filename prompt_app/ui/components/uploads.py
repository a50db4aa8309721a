"""A dataset file from the browser: look at it, name its reference field, add it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.dataset import (
    DatasetOptions,
    DatasetVersion,
    field_paths,
    field_value,
    reference_values,
)
from prompt_app.datasets import FORMATS, DatasetCheck
from prompt_app.datasets.exchange import EXCHANGES
from prompt_app.datasets.guessing import guessed_reference
from prompt_app.errors import InputError, PromptAppError
from prompt_app.ui.components.errors import message_of, show_message
from prompt_app.ui.components.file_upload import file_upload
from prompt_app.ui.components.kept_file import KeptFile, forget_file
from prompt_app.ui.components.long_work import (
    Work,
    ended_work,
    is_at_work,
    start_work,
    worked_out,
)
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import shortened, written
from prompt_app.ui.state import workbench
from prompt_app.workbench.importing import dataset_name

ROWS_SHOWN = 5
Added = Callable[[DatasetVersion], None]
_BY_ENDING = "Plain rows, by the file's ending"
KEPT = "upload.kept"
OTHER_ENDINGS = ("ndjson", "pq", "yaml", "yml")
_ADDING = "upload.adding"


def upload_form(done: Added) -> None:
    """Shows what is in a file until it is a dataset in the store, of which ``done`` is told."""
    kept = file_upload("Dataset file", [*FORMATS, *OTHER_ENDINGS], key=KEPT)
    if kept is None:
        st.caption(
            r"One row for each example, with any field names. Reference answers are a list, or "
            r"text with \<OR\> between alternatives."
        )
        return
    way = _way_of_reading(kept.path.suffix)
    with st.spinner("Reading the file"):
        try:
            rows = workbench().first_fields(kept.path, way)
        except PromptAppError as error:
            show_message(_without_folder(message_of(error), kept))
            return
        if not rows:
            show_message("No row of this file can be read.")
            return
    name, options = _options(rows, kept.name, way)
    _table(rows, options.reference_field)
    _checked(kept, name, options, done)


def _options(
    rows: Sequence[dict[str, Any]], file_name: str, way: DatasetOptions
) -> tuple[str, DatasetOptions]:
    paths = list(dict.fromkeys(path for row in rows for path in field_paths(row)))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Dataset name", dataset_name(file_name), width=260)
        reference = st.selectbox(
            "Reference answers",
            paths,
            index=paths.index(_reference(paths, way)),
            width=260,
            help="The field that holds the right answer or answers.",
        )
        with st.popover("More fields", icon=":material/tune:"):
            identifier = st.selectbox("Unique id", paths, index=None, placeholder="None")
            split = st.selectbox("Split", paths, index=None, placeholder="None")
            cluster = st.selectbox(
                "Group of dependent rows",
                paths,
                index=None,
                placeholder="None",
                help="Rows that share a source document, say: intervals take it into account.",
            )
    return name, DatasetOptions(
        reference_field=reference,
        id_field=identifier,
        split_field=split,
        cluster_field=cluster,
        sheet=way.sheet,
        format=way.format,
    )


def _way_of_reading(ending: str) -> DatasetOptions:
    """The format and the sheet, as far as the file's ending leaves them open."""
    with st.container(horizontal=True):
        tools = ["promptfoo"] if ending in (".yaml", ".yml") else list(EXCHANGES)
        usual = [] if ending in (".yaml", ".yml") else [_BY_ENDING]
        chosen = st.selectbox(
            "File of",
            [*usual, *tools],
            format_func=lambda each: each if each == _BY_ENDING else EXCHANGES.load(each).title,
            width=340,
            help="Another tool's test cases, with their own layout, or plain rows.",
        )
        sheet = None
        if ending == ".xlsx":
            sheet = st.text_input("Sheet", placeholder="The first", width=260) or None
    given = None if chosen == _BY_ENDING else chosen
    return DatasetOptions.model_validate({"sheet": sheet, "format": given})


def _reference(paths: Sequence[str], way: DatasetOptions) -> str:
    own: str | None = EXCHANGES.load(way.format).reference_field if way.format else None
    return own if own is not None and own in paths else guessed_reference(paths)


def _table(rows: Sequence[dict[str, Any]], reference_field: str) -> None:
    shown = []
    for row in rows[:ROWS_SHOWN]:
        try:
            references = reference_values(field_value(row, reference_field))
        except KeyError:
            references = ()
        cells = {name: shortened(written(value)) for name, value in row.items()}
        shown.append({"→ reference answers": shortened(" | ".join(references)), **cells})
    data_table(pd.DataFrame(shown), "first-rows", alt="First rows of the file")


def _checked(kept: KeptFile, name: str, options: DatasetOptions, done: Added) -> None:
    try:
        check = worked_out(
            "upload.check",
            "Checking every row",
            (kept.file_id, options.content_id),
            partial(workbench().check_dataset, kept.path, options),
        )
    except PromptAppError as error:
        show_message(_without_folder(message_of(error), kept))
        return
    if check is None:
        return
    skip = False
    if check.problem_count:
        skip = _bad_rows(check)
    else:
        good = "all of them good" if check.rows != 1 else "and it is good"
        st.caption(f"{counted(check.rows, 'row')}, {good}.")
    if st.button(
        "Add dataset",
        type="primary",
        icon=":material/add:",
        disabled=(bool(check.problem_count) and not skip) or is_at_work(_ADDING),
    ):
        _add(kept, name, options, skip)
    if (work := ended_work(_ADDING)) is not None:
        _added(work, kept, done)


def _bad_rows(check: DatasetCheck) -> bool:
    """Lists them; returns whether the person chose to leave them out."""
    st.warning(
        f"{check.problem_count:,} of {counted(check.rows + check.problem_count, 'row')} "
        "cannot be used.",
        icon=":material/warning:",
    )
    problems = [{"Line": each.line, "Reason": each.reason} for each in check.problems]
    data_table(
        pd.DataFrame(problems),
        "bad-rows",
        most=6,
        column_config={"Line": st.column_config.NumberColumn(width=70)},
        alt="Rows that cannot be used, and why",
    )
    if check.problem_count > len(problems):
        st.caption(f"The first {len(problems):,} are listed.")
    if check.rows == 0:
        return False
    choice = st.segmented_control(
        "Bad rows", ["Stop, I will mend the file", "Skip them"], required=True, default=None
    )
    return choice == "Skip them"


def _add(kept: KeptFile, name: str, options: DatasetOptions, skip: bool) -> None:
    bench = workbench()

    def add() -> DatasetVersion:
        try:
            return bench.import_dataset(
                kept.path, name=name.strip() or None, options=options, skip_bad_rows=skip
            )
        except ValueError:
            raise InputError(
                f"{name!r} cannot be a dataset's name: use letters a to z, digits, '.', '_' and "
                "'-'."
            ) from None

    start_work(_ADDING, f"Adding {kept.name}", add)


def _added(work: Work[DatasetVersion], kept: KeptFile, done: Added) -> None:
    try:
        version = work.result()
    except PromptAppError as error:
        show_message(_without_folder(message_of(error), kept))
        return
    forget_file(KEPT)
    done(version)
    st.rerun()


def _without_folder(message: str, kept: KeptFile) -> str:
    """People know the file by its own name."""
    return message.replace(str(kept.path), kept.path.name)
