"""Rubric test: its progress, and for each lesson how well the labels agree with people's."""

import streamlit as st

from prompt_app.rubrics.parameters import write_parameters
from prompt_app.ui.components.project_move import project_section
from prompt_app.ui.components.rubric_agreement import agreement_section, confusion_section
from prompt_app.ui.components.rubric_ambiguity import ambiguity_section
from prompt_app.ui.components.rubric_choice import chosen_lesson, chosen_test
from prompt_app.ui.components.rubric_downloads import report_downloads
from prompt_app.ui.components.rubric_progress import rubric_progress
from prompt_app.ui.components.rubric_releases import new_release
from prompt_app.ui.components.rubric_works import error_section, open_addressed_work, work_section
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import plain

test = chosen_test()
st.title(plain(f"{test.options.experiment} on {test.options.dataset}"))
project_section("rubric test", test.id)
rubric_progress(test)
shown = chosen_lesson(test)
report_downloads(test, shown)
agreement_section(shown)
confusion_section(shown)
work_section(shown)
open_addressed_work(shown)
error_section(shown)
ambiguity_section(test, shown)
new_release(test)
with st.expander(
    "Parameters, prompt and rubric", icon=":material/settings:", key="made_of", on_change="rerun",
    bind="query-params",
):  # fmt: skip
    parameters = write_parameters(shown.result.experiment.parameters)
    st.code(parameters, language="json", wrap_lines=True)
    st.code(shown.result.experiment.system_prompt, language=None, wrap_lines=True)
    data_table(shown.rubric_table, f"{shown.result.lesson}-rubric", alt="The rubric")
