"""Dataset: its rows, fields, versions, splits and files."""

import streamlit as st

from prompt_app.ui.components.dataset_actions import dataset_actions
from prompt_app.ui.components.dataset_choice import chosen_version, chosen_versions, version_facts
from prompt_app.ui.components.dataset_export import export_section
from prompt_app.ui.components.dataset_rows import row_section
from prompt_app.ui.components.dataset_schema import schema_section
from prompt_app.ui.components.dataset_splits import split_section
from prompt_app.ui.components.dataset_versions import version_section
from prompt_app.ui.components.project_move import project_section
from prompt_app.ui.components.wording import plain

versions = chosen_versions()
st.title(plain(versions[0].name))
version = chosen_version(versions)
version_facts(version)
dataset_actions(version)
project_section("dataset", version.name, has_runs=True)
rows, schema, history, splits, export = st.tabs(
    ["Rows", "Schema", "Versions", "Splits", "Export"],
    key="view",
    bind="query-params",
    on_change="rerun",
)
if rows.open:
    with rows:
        row_section(version, versions[0])
if schema.open:
    with schema:
        schema_section(version)
if history.open:
    with history:
        version_section(version, versions)
if splits.open:
    with splits:
        split_section(version, is_newest=version == versions[0])
if export.open:
    with export:
        export_section(version)
