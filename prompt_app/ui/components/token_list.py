"""The tokens that there are."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from prompt_app.datamodel.access import Role
from prompt_app.datamodel.serving import AccessToken
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.token_edit import token_edit
from prompt_app.ui.state import person, workbench


def token_list() -> None:
    """One's own; for admins everybody's."""
    tokens = workbench().access_tokens.all(everyone=person().may(Role.ADMIN))
    if not tokens:
        st.info("There is no token yet.")
        return
    frame = pd.DataFrame([_row(token) for token in tokens])
    chosen = data_table(
        frame, "tokens", alt="Tokens", on_select="rerun", selection_mode="single-row", key="tokens",
        column_config={
            "Created": st.column_config.DateColumn(),
            "Expires": st.column_config.DateColumn(),
        },
    )  # fmt: skip
    rows = chosen.selection.rows
    if rows and rows[0] < len(tokens) and tokens[rows[0]].revoked_at is None:
        token_edit(tokens[rows[0]])
    else:
        st.caption("Choose a row to change its token, give it a new secret, or revoke it.")


def _row(token: AccessToken) -> dict[str, object]:
    limits = token.limits.model_dump(exclude_none=True)
    return {
        "Name": token.name,
        "Token": token.id,
        "Owner": token.owner_name or token.owner,
        "May": ", ".join(token.scopes),
        "Models": ", ".join(token.models) or "all",
        "Limits": ", ".join(f"{k.replace('_', ' ')}: {v:g}" for k, v in limits.items()) or "none",
        "Created": token.created_at,
        "Expires": token.expires_at,
        "State": "revoked" if token.revoked_at else "",
    }
