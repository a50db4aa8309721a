"""Which project is looked at, in the sidebar of every page and in its address."""

from __future__ import annotations

import streamlit as st

from prompt_app.ui.state import PROJECT, everywhere


def project_picker() -> None:
    """Nothing where the visitor has no project."""
    names = [project.name for project in everywhere().projects.all()]
    if not names:
        return
    st.sidebar.selectbox(
        "Project",
        names,
        index=None,
        key=PROJECT,
        bind="query-params",
        placeholder="All projects",
        help="Shows what belongs to the project, and what is everyone's. What you make while it "
        "is chosen belongs to it.",
    )
