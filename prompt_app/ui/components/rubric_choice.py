"""Which test, lesson and view a page is about: those that its address names."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from prompt_app.datamodel.rubric_test import RubricTest
from prompt_app.errors import UnknownNameError
from prompt_app.rubrics.measures import ConceptMeasures, LessonMeasures, measure
from prompt_app.rubrics.results import LessonResult, View
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.state import RUBRIC_TEST, RUBRICS, named_in_address, workbench

VIEWS: dict[str, View] = {"Exact label": "exact", "Pass or fail": "pass_fail"}
ALL_CONCEPTS = "All key concepts"


@dataclass(frozen=True)
class ShownLesson:
    """A lesson's result in one view."""

    result: LessonResult
    view: View
    measures: LessonMeasures

    def measured(self, concept: str | None) -> ConceptMeasures:
        """Of one key concept, or of all of them."""
        found = [each for each in self.measures.concepts if each.name == concept]
        return found[0] if found else self.measures.overall

    @property
    def rubric_table(self) -> pd.DataFrame:
        rubric = self.result.experiment.rubric
        rows = [[c.name, c.instructions, *c.definitions] for c in rubric.concepts]
        return pd.DataFrame(rows, columns=["Key concept", "Instructions", *rubric.labels])


def chosen_test() -> RubricTest:
    """The test of ``?id=``. Without one the page says so and ends."""
    test_id = named_in_address("id", RUBRIC_TEST)
    if test_id:
        try:
            return workbench().rubrics.test(test_id)
        except UnknownNameError as error:
            show_message(str(error))
    else:
        st.info("This address names no test.", icon=":material/info:")
    if st.button("All rubrics", type="primary"):
        st.switch_page(RUBRICS)
    st.stop()


def chosen_lesson(test: RubricTest) -> ShownLesson:
    """The lesson of ``?lesson=`` in the view of ``?show=``. Before there is any the page ends."""
    if not test.lessons:
        if not test.is_active:
            st.info("This test has no result.", icon=":material/info:")
        st.stop()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        lesson = st.selectbox("Lesson", test.lessons, key="lesson", bind="query-params", width=320)
        show = st.segmented_control(
            "Compare", list(VIEWS), required=True, default="Exact label", key="show",
            bind="query-params",
        )  # fmt: skip
    result = _result(test.id, lesson)
    view = VIEWS[show or "Exact label"]
    return ShownLesson(result, view, measure(result, view))


@st.cache_data(show_spinner=False, ttl="1h", max_entries=20)
def _result(test_id: str, lesson: str) -> LessonResult:
    """A test's result never changes."""
    return workbench().rubrics.result(test_id, lesson)
