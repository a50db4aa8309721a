"""Who changed what, for admins."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from prompt_app.datamodel.access import Role
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.state import person, workbench

LATEST = 100


def audit_list() -> None:
    """The latest changes, newest first."""
    if not person().may(Role.ADMIN):
        return
    with st.expander("Who changed what", icon=":material/history:"):
        found = workbench().audit.entries(limit=LATEST)
        if not found.total:
            st.caption("Nothing was changed yet.")
            return
        rows = [
            {
                "At": entry.at,
                "Person": entry.person_name or entry.person,
                "What": entry.action,
                "Of": entry.target,
                "Details": entry.details,
            }
            for entry in found.items
        ]
        data_table(pd.DataFrame(rows), "changes", alt="Changes, newest first")
        if found.total > LATEST:
            st.caption(f"The latest {LATEST} of {found.total}.")
