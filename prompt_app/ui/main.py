"""What every page has in common: title, icon, navigation."""

from pathlib import Path

import streamlit as st

from prompt_app.errors import PermissionDeniedError
from prompt_app.ui.components.login_page import login_page
from prompt_app.ui.components.project_picker import project_picker
from prompt_app.ui.state import (
    ASSISTANTS,
    COMPARE,
    DATASET,
    DATASETS,
    EVALUATE,
    FINETUNING,
    FUNCTIONS,
    HOME,
    LABEL,
    MODELS,
    PIPELINE,
    PIPELINES,
    PLAYGROUND,
    PROMPT,
    PROMPTS,
    RUBRIC_TEST,
    RUBRICS,
    RUN,
    RUNS,
    SETTINGS,
    TOKENS,
    USAGE,
    forget_submission,
    person,
)

st.set_page_config(
    page_title="Prompt studio",
    page_icon=str(Path(__file__).with_name("static") / "icon.png"),
    layout="wide",
)
refusal: PermissionDeniedError | None = None
try:
    person()
except PermissionDeniedError as error:
    refusal = error
page = st.navigation(
    {
        "": [
            st.Page(
                HOME,
                title="Home",
                icon=":material/home:",
                default=True,
                help="What runs now and what finished lately.",
            ),
            st.Page(
                SETTINGS,
                title="Settings",
                icon=":material/settings:",
                url_path="settings",
                help="Who you are, what is connected, and what is stored.",
            ),
        ],
        "Build": [
            st.Page(
                DATASETS,
                title="Datasets",
                icon=":material/table:",
                url_path="datasets",
                help="Rows to measure on: add, look through, edit, split.",
            ),
            st.Page(
                DATASET,
                title="Dataset",
                icon=":material/table_rows:",
                url_path="dataset",
                visibility="hidden",
                help="One dataset: its rows, fields, versions and splits.",
            ),
            st.Page(
                PROMPTS,
                title="Prompts",
                icon=":material/edit_note:",
                url_path="prompts",
                help="Write prompts, keep their versions, and see where each was used.",
            ),
            st.Page(
                PROMPT,
                title="Prompt",
                icon=":material/edit_note:",
                url_path="prompt",
                visibility="hidden",
                help="One prompt: editor, versions, differences, scores.",
            ),
            st.Page(
                MODELS,
                title="Models",
                icon=":material/neurology:",
                url_path="models",
                help="Which models there are, what they cost, and whether they answer.",
            ),
            st.Page(
                PLAYGROUND,
                title="Playground",
                icon=":material/science:",
                url_path="playground",
                help="One input against several prompts and models at once.",
            ),
        ],
        "Measure": [
            st.Page(
                EVALUATE,
                title="Evaluate",
                icon=":material/play_circle:",
                url_path="evaluate",
                help="Choose a dataset, prompts, models and metrics, see what it takes, and start.",
            ),
            st.Page(
                RUNS,
                title="Runs",
                icon=":material/list_alt:",
                url_path="runs",
                help="All runs, newest first, with their progress and scores.",
            ),
            st.Page(
                COMPARE,
                title="Compare",
                icon=":material/compare_arrows:",
                url_path="compare",
                help="Runs matched row by row: which is better, by how much, and where.",
            ),
            st.Page(
                LABEL,
                title="Label",
                icon=":material/new_label:",
                url_path="label",
                help="People say what replies are worth, so that judges can be trusted.",
            ),
            st.Page(
                RUBRICS,
                title="Rubrics",
                icon=":material/grading:",
                url_path="rubrics",
                help="How well assessments by a rubric agree with people: tests and releases.",
            ),
            st.Page(
                RUBRIC_TEST,
                title="Rubric test",
                icon=":material/grading:",
                url_path="rubric-test",
                visibility="hidden",
                help="One test of a rubric: accuracy, confusion and every work.",
            ),
            st.Page(
                RUN,
                title="Run",
                icon=":material/analytics:",
                url_path="run",
                visibility="hidden",
                help="One run: progress, scores and every row.",
            ),
        ],
        "Serve": [
            st.Page(
                PIPELINES,
                title="Pipelines",
                icon=":material/account_tree:",
                url_path="pipelines",
                help="Nested calls of prompts and functions: write, check and call them.",
            ),
            st.Page(
                PIPELINE,
                title="Pipeline",
                icon=":material/account_tree:",
                url_path="pipeline",
                visibility="hidden",
                help="One pipeline: its text, its graph, its calls.",
            ),
            st.Page(
                FUNCTIONS,
                title="Functions",
                icon=":material/function:",
                url_path="functions",
                help="What a pipeline can call, and functions of your own.",
            ),
            st.Page(
                ASSISTANTS,
                title="Assistants",
                icon=":material/support_agent:",
                url_path="assistants",
                help="Contexts with sample questions, and names that callers use as models.",
            ),
            st.Page(
                TOKENS,
                title="Tokens",
                icon=":material/key:",
                url_path="tokens",
                help="Who may call the gateway, how often and for how much.",
            ),
            st.Page(
                USAGE,
                title="Usage",
                icon=":material/monitoring:",
                url_path="usage",
                help="What the gateway was called for, what it cost and what failed.",
            ),
            st.Page(
                FINETUNING,
                title="Fine-tuning",
                icon=":material/model_training:",
                url_path="fine-tuning",
                help="Training files from datasets and from the best rows, jobs, new models.",
            ),
        ],
    },
    position="hidden" if refusal else "sidebar",
)
if page.url_path != "evaluate":
    forget_submission()
if refusal:
    login_page(refusal)
else:
    project_picker()
    page.run()
