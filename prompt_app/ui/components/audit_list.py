"""Who changed what, for admins."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from prompt_app.datamodel.access import Role
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.state import person, workbench

CHANGES_A_PAGE = 50


def audit_list() -> None:
    """Newest first, a page at a time."""
    if not person().may(Role.ADMIN):
        return
    with st.expander("Who changed what", icon=":material/history:"):
        found = paged(
            lambda offset: workbench().audit.entries(offset=offset, limit=CHANGES_A_PAGE),
            CHANGES_A_PAGE,
            "changes",
            key="changes",
        )
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
        pager(found, CHANGES_A_PAGE, "change", key="changes")
