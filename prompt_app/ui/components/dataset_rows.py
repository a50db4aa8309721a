"""A dataset's rows: searched and paged in the database, edited in place into a next version."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from prompt_app.datamodel.dataset import DatasetVersion, Example
from prompt_app.errors import ConflictError, PromptAppError
from prompt_app.interfaces import Page
from prompt_app.ui.components.dataset_choice import go_to_version
from prompt_app.ui.components.downloads import file_menu
from prompt_app.ui.components.draft import Draft, Sheet
from prompt_app.ui.components.draft_keeper import keep_draft
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.long_work import ended_work, is_at_work, start_work
from prompt_app.ui.components.made_file import file_made
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.search_field import search_field
from prompt_app.ui.components.tables import table_height
from prompt_app.ui.components.wording import plain, shortened
from prompt_app.ui.state import may_edit, workbench
from prompt_app.workbench import Workbench
from prompt_app.workbench.dataset_exports import OWN_FORMATS

ROWS_A_PAGE = 25
ROW, SPLIT = "\u2060row", "\u2060split"
"""Columns of the table itself: no field is called so."""
SHORT = 20
"""Characters that a narrow column shows."""
_REFUSED, _MOVED = "rows.refused", "rows.moved"


@st.fragment
def row_section(version: DatasetVersion, newest: DatasetVersion) -> None:
    """A fragment: what is above the rows stays as it is while one searches and turns pages."""
    if st.session_state.pop(_MOVED, False):
        st.rerun()
    _finish_saving(version)
    text, split = _filters(version)
    page = paged(
        lambda offset: workbench().curation.page(
            version, text=text, split=split, offset=offset, limit=ROWS_A_PAGE
        ),
        ROWS_A_PAGE,
        f"rows of {version.name}",
        of=(version.id, text, split),
    )
    draft = _draft(version.name)
    can_edit = may_edit() and version.number == (draft.number if draft else newest.number)
    can_edit = can_edit and not is_at_work(_saving(version))
    if page.total == 0 and not (can_edit and draft):
        st.info("No row fits. Clear the search.", icon=":material/filter_alt_off:")
        return
    above = st.container()  # what is to be saved is in sight where one begins to edit
    if can_edit:
        _editor(version, page, f"{version.id}.{text}.{split}.{page.offset}")
    else:
        _reader(version, page)
    pager(page, ROWS_A_PAGE, "row")
    place, name = f"file.{version.id}", f"{version.name}-{version.number}"
    file_menu(place, name, partial(_export, workbench(), version), OWN_FORMATS)
    file_made(place)
    with above:
        if can_edit:
            _save_bar(version, newest)
        elif draft:
            _kept_elsewhere(draft, newest)
        elif version.number != newest.number:
            st.caption("This is an older version. The newest one can be edited.")
    _keep_draft(version.name)


def _filters(version: DatasetVersion) -> tuple[str, str | None]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = search_field("Part of any field", label="Search rows", width=260)
        split = None
        if version.split_rows:
            split = st.selectbox(
                "Split",
                list(version.split_rows),
                index=None,
                placeholder="All",
                key="split",
                bind="query-params",
                width=160,
            )
    return text, split


def _reader(version: DatasetVersion, page: Page[Example]) -> None:
    draft = Draft(version.number)
    sheet = draft.sheet(version.columns, page.items)
    st.dataframe(
        _frame(version, page, sheet),
        hide_index=True,
        column_config=_columns(version, sheet),
        height=table_height(len(sheet.keys), ROWS_A_PAGE),
        alt="Rows of the dataset",
    )


def _editor(version: DatasetVersion, page: Page[Example], place: str) -> None:
    """The table keeps what is typed itself; each edit also goes into the draft, which is what the
    table is made of when another page or filter comes."""
    key = st.session_state.get("rows.key", "")
    if st.session_state.get("rows.place") != place or key not in st.session_state:
        number = st.session_state.get("rows.count", 0) + 1
        key = f"rows.table.{number}"
        base = _draft(version.name) or Draft(version.number)
        st.session_state["rows.count"] = number
        st.session_state["rows.key"] = key
        st.session_state["rows.place"] = place
        st.session_state["rows.base"] = base
        st.session_state["rows.sheet"] = base.sheet(version.columns, page.items)
    sheet: Sheet = st.session_state["rows.sheet"]
    config = _columns(version, sheet)
    st.data_editor(
        _frame(version, page, sheet),
        key=key,
        num_rows="dynamic",
        hide_index=True,
        column_config=config,
        disabled=[name for name, kind in sheet.kinds.items() if kind == "long"] + [ROW, SPLIT],
        height=table_height(len(sheet.keys), len(sheet.keys), extra=1),
        on_change=_keep,
        args=(version.name, key),
        alt="Rows of the dataset",
    )
    if "long" in sheet.kinds.values():
        st.caption("Columns with very long texts are cut here and cannot be edited.")


def _keep(name: str, key: str) -> None:
    base: Draft = st.session_state["rows.base"]
    sheet: Sheet = st.session_state["rows.sheet"]
    st.session_state[_key(name)] = base.with_answer(sheet, st.session_state[key], key)


def _frame(version: DatasetVersion, page: Page[Example], sheet: Sheet) -> pd.DataFrame:
    examples = {example.id: example for example in page.items}
    cells = []
    for row_key, row in zip(sheet.keys, sheet.cells, strict=True):
        example = examples.get(row_key)
        own: dict[str, Any] = {ROW: str(example.position + 1) if example else "new"}
        if version.split_rows:
            own[SPLIT] = example.split if example else None
        cells.append(own | row)
    own_columns = [ROW, SPLIT] if version.split_rows else [ROW]
    return pd.DataFrame(cells, columns=[*own_columns, *version.columns])


def _columns(version: DatasetVersion, sheet: Sheet) -> dict[str, Any]:
    configs: dict[str, Any] = {
        ROW: st.column_config.TextColumn("Row", width=60, pinned=True),
        SPLIT: st.column_config.TextColumn("Split", width=80),
    }
    for name, kind in sheet.kinds.items():
        label = f"{name} (JSON)" if kind == "json" else name
        longest = max((len(str(row[name] or "")) for row in sheet.cells), default=0)
        if kind == "truth":
            configs[name] = st.column_config.CheckboxColumn(label)
        elif kind == "number":
            configs[name] = st.column_config.NumberColumn(label)
        else:
            narrow = longest <= SHORT and len(label) <= SHORT
            configs[name] = st.column_config.TextColumn(label, width=150 if narrow else "medium")
    return configs


def _export(bench: Workbench, version: DatasetVersion, ending: str, path: Path) -> None:
    bench.curation.export(version, path, ending)


def _save_bar(version: DatasetVersion, newest: DatasetVersion) -> None:
    draft = _draft(version.name)
    if not draft:
        st.caption("Edit a cell, add a row at the end, or select rows to delete them.")
        return
    refusal = st.session_state.get(_REFUSED)
    if refusal:
        show_message(refusal)
    with st.container(border=True):
        st.markdown(f"**{plain(f'Not saved yet: {draft.described()}')}**")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input("Note", key="rows.note", placeholder="What changed, and why", width=300)
            st.button(
                f"Save as version {newest.number + 1}",
                type="primary",
                icon=":material/save:",
                on_click=_save,
                args=(version,),
            )
            _apply_button(draft, newest)
            st.button("Discard", icon=":material/undo:", on_click=_forget, args=(version.name,))


def _kept_elsewhere(draft: Draft, newest: DatasetVersion) -> None:
    refusal = st.session_state.get(_REFUSED)
    if refusal:
        show_message(refusal)
    st.info(
        plain(f"Your edits of version {draft.number} are kept: {draft.described()}."),
        icon=":material/edit_note:",
    )
    with st.container(horizontal=True):
        _apply_button(draft, newest)
        st.button(f"Back to version {draft.number}", on_click=_show_version, args=(draft.number,))


def _apply_button(draft: Draft, newest: DatasetVersion) -> None:
    if draft.number != newest.number:
        st.button(
            f"Apply them to version {newest.number}",
            icon=":material/merge:",
            on_click=_move_to,
            args=(newest.name, newest.number),
            help="Your edits of rows that are still there go onto the newest version.",
        )


def _save(version: DatasetVersion) -> None:
    note = st.session_state.get("rows.note", "")  # as it is now, not when the button was drawn
    draft = _draft(version.name)
    if not draft:
        return
    try:
        edits = draft.edits()
    except PromptAppError as error:
        st.session_state[_REFUSED] = shortened(str(error), 500)
        return
    save = partial(workbench().curation.save_edits, version, edits, note.strip())
    start_work(_saving(version), "Saving the rows", save)


def _finish_saving(version: DatasetVersion) -> None:
    """Nothing of the draft is dropped until all of it is stored."""
    if (work := ended_work(_saving(version))) is None:
        return
    try:
        saved: DatasetVersion = work.result()
    except ConflictError as error:
        st.session_state[_REFUSED] = f"{error} Your edits are kept."
        st.rerun()  # there is a newer version than the page knows
    except PromptAppError as error:
        st.session_state[_REFUSED] = shortened(str(error), 500)
        return
    _forget(version.name)
    st.session_state.pop("rows.note", None)
    is_new = saved.number > version.number
    st.toast(f"Saved as version {saved.number}." if is_new else "Nothing differs: no new version.")
    go_to_version(saved.number)


def _saving(version: DatasetVersion) -> str:
    return f"saving.{version.id}"


def _move_to(name: str, number: int) -> None:
    draft = _draft(name)
    if draft:
        draft.number = number
        st.session_state.pop(_REFUSED, None)
        st.session_state.pop("rows.place", None)
        _show_version(number)


def _keep_draft(name: str) -> None:
    """Unsaved edits outlive a reload of the page."""
    draft = _draft(name)

    def take_back(kept: dict[str, Any]) -> None:
        _forget(name)
        st.session_state[_key(name)] = Draft.from_json(kept)

    keep_draft(f"rows of {name}", draft.as_json() if draft else None, take_back)


def _forget(name: str) -> None:
    for key in (_key(name), _REFUSED, "rows.place"):
        st.session_state.pop(key, None)


def _show_version(number: int) -> None:
    st.session_state["version"] = number
    st.session_state[_MOVED] = True


def _draft(name: str) -> Draft | None:
    draft: Draft | None = st.session_state.get(_key(name))
    return draft or None


def _key(name: str) -> str:
    return f"rows.draft.{name}"
