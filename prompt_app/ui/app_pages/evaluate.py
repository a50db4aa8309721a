"""Evaluate: dataset, prompts, models, metrics; what it will take; start."""

from typing import Any

import streamlit as st

from prompt_app.datamodel.access import Role
from prompt_app.ui.components.dataset_form import dataset_form
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.evaluation_draft import keep_evaluation
from prompt_app.ui.components.evaluation_form import whole_evaluation
from prompt_app.ui.components.limit_form import limit_form
from prompt_app.ui.components.metric_form import metric_form
from prompt_app.ui.components.model_form import model_form, parameter_form
from prompt_app.ui.components.power_section import power_section
from prompt_app.ui.components.prompt_form import prompt_form
from prompt_app.ui.components.quote_section import quote_section
from prompt_app.ui.components.step import step
from prompt_app.ui.state import may_edit, open_run, person, submission_key, workbench

st.title("New evaluation")
with errors_shown():
    person().require(Role.EDITOR, "start evaluations")
if not may_edit():
    st.stop()
dataset, prompts, models, metrics = None, [], [], []
settings: dict[str, Any] = {}

with step("Dataset"), errors_shown():
    dataset = dataset_form()
with step("Prompts"), errors_shown():
    prompts = prompt_form(dataset)
with step("Models"), errors_shown():
    models = model_form()
    settings["parameters"] = parameter_form()
with step("Metrics"), errors_shown():
    metrics = metric_form()
with step("Limits"), errors_shown():
    settings |= limit_form()
with step("Quote"), errors_shown():
    spec = whole_evaluation(dataset, prompts, models, metrics, settings)
    if isinstance(spec, str):
        st.info(f"{spec} Then this says what the evaluation will take.", icon=":material/info:")
    elif quote_section(spec):
        power_section(spec)
        if st.button("Start", type="primary", icon=":material/play_arrow:"):
            evaluation = workbench().submit_evaluation(spec, key=submission_key(spec.content_id))
            open_run(evaluation.run_ids[0])
keep_evaluation()
