"""Where a rubric is not clear: people disagree, or the model's votes flip."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from prompt_app.datamodel.rubric_test import RubricTest
from prompt_app.rubrics.ambiguity import AmbiguousConcept, describe_ambiguity
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.rubric_choice import ShownLesson
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench


def ambiguity_section(test: RubricTest, shown: ShownLesson) -> None:
    box = st.expander(
        "What is unclear in the rubric", icon=":material/help:", key="unclear", on_change="rerun",
        bind="query-params",
    )  # fmt: skip
    if not box.open:
        return
    with box, errors_shown():
        for concept in workbench().rubrics.ambiguity(test.id, shown.result.lesson):
            st.markdown(plain(describe_ambiguity(concept)))
            if not concept.is_clear:
                _rows(concept)


def _rows(concept: AmbiguousConcept) -> None:
    rows = [
        {
            "Student": row.student,
            "People": ", ".join(f"{name}: {label}" for name, label in row.people.items()),
            "Votes": ", ".join(f"{label} {count}" for label, count in row.votes.items()),
        }
        for row in concept.rows
    ]
    data_table(
        pd.DataFrame(rows),
        f"unclear-{concept.name}",
        alt=f"Works that show it: {concept.name}",
    )
