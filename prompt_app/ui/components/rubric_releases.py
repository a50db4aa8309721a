"""Releases: make one of a test, compare two, choose the one that is used."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.rubric_test import RubricTest
from prompt_app.rubrics.releases import Release
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import may_edit, workbench


def new_release(test: RubricTest) -> None:
    """Freeze what a finished test measured."""
    if test.state != "finished" or not may_edit():
        return
    with st.expander("Release", icon=":material/verified:"):
        st.caption(
            "A folder with prompt, rubric, examples, hashes, intervals, calibration and the "
            "command that measures it again. It never changes."
        )
        name = st.text_input("Name of the release", key="release.name", width=260)
        point = st.toggle(
            "Confidence from the accuracy as measured", key="release.point",
            help="Without it: from the lower end of its interval.",
        )  # fmt: skip
        if st.button("Make the release", type="primary", disabled=not name.strip()):
            with errors_shown():
                paths = workbench().rubrics.release(test.id, name.strip(), point_estimate=point)
                st.success(plain(f"Written: {', '.join(paths)}."), icon=":material/check:")


def release_section() -> None:
    with errors_shown():
        releases = workbench().rubrics.releases()
        if not releases:
            st.info("No release yet. A finished test makes one.", icon=":material/info:")
            return
        table = _table(releases)
        data_table(
            table,
            "releases",
            column_config={
                "Exact": st.column_config.ProgressColumn(format="percent"),
                "Pass or fail": st.column_config.ProgressColumn(format="percent"),
            },
            alt="Releases",
        )
        lesson = st.selectbox(
            "Lesson", list(dict.fromkeys(each.lesson for each in releases)), key="release-lesson",
            bind="query-params", width=320,
        )  # fmt: skip
        names = [each.name for each in releases if each.lesson == lesson]
        _promotion(lesson, names)
        _comparison(lesson, names)


def _table(releases: list[Release]) -> pd.DataFrame:
    used = workbench().rubrics.promoted()
    return pd.DataFrame(
        [
            {
                "Lesson": each.lesson,
                "Release": each.name,
                "In use": "in use" if used.get(each.lesson) == each.name else "",
                "Model": each.model,
                "Dataset": each.dataset,
                "Works": each.works,
                "Exact": each.accuracy["exact"]["overall"]["accuracy"],
                "Exact, 95% interval": _bounds(each, "exact"),
                "Pass or fail": each.accuracy["pass_fail"]["overall"]["accuracy"],
                "Pass or fail, 95% interval": _bounds(each, "pass_fail"),
                "Measured by": each.command,
            }
            for each in releases
        ]
    )


def _bounds(release: Release, view: str) -> str:
    ends = release.accuracy[view]["overall"]["interval"]
    return "undefined" if ends is None else f"{ends[0]:.1%} to {ends[1]:.1%}"


def _promotion(lesson: str, names: list[str]) -> None:
    used = workbench().rubrics.promoted().get(lesson)
    st.caption(plain(f"In use for {lesson}: {used or 'none'}"))
    others = [name for name in names if name != used]
    if not may_edit() or not others:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Release to use", others, key="release.promote", width=260)
        if st.button("Promote", icon=":material/verified:"):
            workbench().rubrics.promote(name, lesson)
            st.rerun()


def _comparison(lesson: str, names: list[str]) -> None:
    st.subheader("Compare two releases")
    if len(names) < 2:
        st.caption("This lesson has one release.")
        return
    with st.container(horizontal=True):
        first = st.selectbox("Baseline", names, key="baseline", bind="query-params", width=260)
        rest = [name for name in names if name != first]
        second = st.selectbox("Candidate", rest, key="candidate", bind="query-params", width=260)
    compared = workbench().rubrics.compare(first, second, lesson)
    st.markdown(plain(compared.exact.sentence))
    st.caption(plain(f"Changed: {', '.join(compared.changed) or 'nothing'}."))
    for clause, moved in compared.clauses.items():
        st.caption(plain(f"The changed clause of {clause!r} moved {counted(moved, 'label')}."))
    if not compared.moved:
        st.caption("No label moved.")
        return
    rows = [
        {
            "Student": each.student,
            "Key concept": each.concept,
            first: each.before or "none",
            second: each.after or "none",
            "People": each.actual,
        }
        for each in compared.moved
    ]
    data_table(pd.DataFrame(rows), f"{first}-{second}-{lesson}", alt="Labels that moved")
