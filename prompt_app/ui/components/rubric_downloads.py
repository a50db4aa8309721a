"""A test's reports and labels as files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from prompt_app.datamodel.rubric_test import RubricTest
from prompt_app.ui.components.rubric_choice import ShownLesson
from prompt_app.ui.state import workbench


def report_downloads(test: RubricTest, shown: ShownLesson) -> None:
    """Each file is made when it is asked for."""
    lesson, rubrics = shown.result.lesson, workbench().rubrics
    files: dict[str, tuple[str, Callable[[], str], str]] = {
        "Report, exact label": (
            f"{lesson}-exact-match.html", partial(rubrics.report, test.id, lesson, "exact"),
            "text/html",
        ),
        "Report, pass or fail": (
            f"{lesson}-pass-fail.html", partial(rubrics.report, test.id, lesson, "pass_fail"),
            "text/html",
        ),
        "Result as JSON": (f"{lesson}.json", shown.result.model_dump_json, "application/json"),
        "Predicted labels to correct": (
            "new_labels.csv", partial(rubrics.new_labels, test.id, lesson), "text/csv"
        ),
    }  # fmt: skip
    with st.popover("Download the report", icon=":material/download:"):
        for label, (name, content, mime) in files.items():
            st.download_button(
                label, content, file_name=name, mime=mime, on_click="ignore", width="stretch"
            )
