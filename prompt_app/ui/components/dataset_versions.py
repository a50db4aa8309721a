"""The versions of a dataset, and what changed between two of them, row by row."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from prompt_app.datamodel.dataset import DatasetVersion, Example
from prompt_app.interfaces import Page
from prompt_app.ui.components.long_work import worked_out
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.verbatim import verbatim
from prompt_app.ui.components.word_marks import words_beside
from prompt_app.ui.components.wording import ago, plain, shortened, written
from prompt_app.ui.state import workbench
from prompt_app.workbench.dataset_difference import VersionDifference, field_changes

ROWS_A_PAGE = 10


def version_section(version: DatasetVersion, versions: list[DatasetVersion]) -> None:
    _table(versions)
    if len(versions) == 1:
        st.caption("There is one version. Edited rows, or a changed file, make the next one.")
        return
    earlier = _earlier(version, versions)
    found = worked_out(
        "versions.difference",
        "Comparing every row",
        (earlier.id, version.id),
        partial(workbench().curation.difference, earlier, version),
    )
    if found is None:
        return
    st.subheader(f"From version {earlier.number} to version {version.number}")
    with st.grid("auto", min_column_width=120):
        st.metric("Added", f"{len(found.added):,}")
        st.metric("Removed", f"{len(found.removed):,}")
        st.metric("Changed", f"{len(found.changed):,}")
        st.metric("The same", f"{found.same:,}")
    counts = {"changed": found.changed, "added": found.added, "removed": found.removed}
    kinds = [kind for kind, rows in counts.items() if rows]
    if not kinds:
        st.info("The rows are the same; the options differ.", icon=":material/info:")
        return
    kind = st.segmented_control(
        "Rows", kinds, required=True, default=kinds[0], key="rows", bind="query-params"
    )
    _rows(found, kind or kinds[0], earlier, version)


def _table(versions: list[DatasetVersion]) -> None:
    rows = [
        {
            "Version": each.number,
            "Rows": each.rows,
            "Saved": ago(each.created_at),
            "From": each.source,
            "Note": shortened(each.note),
        }
        for each in versions
    ]
    data_table(
        pd.DataFrame(rows),
        f"{versions[0].name}-versions",
        most=6,
        column_config={
            "Version": st.column_config.NumberColumn(width=80),
            "Rows": st.column_config.NumberColumn(width=90),
        },
        alt="Versions of the dataset",
    )


def _earlier(version: DatasetVersion, versions: list[DatasetVersion]) -> DatasetVersion:
    others = {each.number: each for each in versions if each.number != version.number}
    usual = version.number - 1 if version.number > 1 else next(iter(others))
    number = st.selectbox(
        "Compare with version",
        list(others),
        index=list(others).index(usual),
        key="from",
        bind="query-params",
        width=180,
    )
    return others[number]


def _rows(
    found: VersionDifference, kind: str, before: DatasetVersion, after: DatasetVersion
) -> None:
    places = {"changed": found.changed, "added": found.added, "removed": found.removed}[kind]
    page = paged(
        lambda offset: Page(tuple(places[offset : offset + ROWS_A_PAGE]), len(places), offset),
        ROWS_A_PAGE,
        f"changes of {after.name}",
        of=(before.id, after.id, kind),
    )
    shown = slice(page.offset, page.offset + ROWS_A_PAGE)
    if kind == "changed":
        _changed(found.changed[shown], before, after)
    else:
        version = after if kind == "added" else before
        rows = found.added if kind == "added" else found.removed
        for example in workbench().curation.rows_at(version, rows[shown]):
            _whole(example)
    pager(page, ROWS_A_PAGE, "row")


def _changed(
    pairs: tuple[tuple[int, int], ...], before: DatasetVersion, after: DatasetVersion
) -> None:
    curation = workbench().curation
    olds = {row.position: row for row in curation.rows_at(before, [old for old, _ in pairs])}
    news = {row.position: row for row in curation.rows_at(after, [new for _, new in pairs])}
    for old, new in pairs:
        with st.container(border=True):
            moved = f", before row {old + 1:,}" if old != new else ""
            st.caption(plain(f"Row {new + 1:,}{moved}"))
            for change in field_changes(olds[old], news[new]):
                st.markdown(f"**{plain(change.name)}**")
                titles = f"Version {before.number}", f"Version {after.number}"
                words_beside(change.before, change.after, titles, "No such field.")


def _whole(example: Example) -> None:
    with st.container(border=True):
        st.caption(f"Row {example.position + 1:,}")
        for name, value in example.fields.items():
            st.caption(plain(name))
            verbatim(written(value))
