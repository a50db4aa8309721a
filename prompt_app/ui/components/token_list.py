"""The tokens that there are, and the one that the address names."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from prompt_app.datamodel.access import Role
from prompt_app.datamodel.serving import AccessToken
from prompt_app.errors import PromptAppError
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.tables import data_table, opened_row
from prompt_app.ui.components.token_edit import token_edit
from prompt_app.ui.state import may_edit, person, workbench

TOKENS_A_PAGE = 25
CHOSEN = "token"


def token_list() -> None:
    """One's own; for admins everybody's."""
    everyone = person().may(Role.ADMIN)
    found = paged(
        lambda offset: workbench().access_tokens.page(
            everyone=everyone, offset=offset, limit=TOKENS_A_PAGE
        ),
        TOKENS_A_PAGE,
        "tokens",
    )
    if not found.total:
        if may_edit():
            st.info(
                "No token yet. A program needs one to call models, prompts and pipelines here: "
                "make it above.",
                icon=":material/info:",
            )
        return
    _table(found.items)
    pager(found, TOKENS_A_PAGE, "token", order="newest first")
    if chosen := st.query_params.get(CHOSEN):
        _open(chosen)
    else:
        st.caption("Open a token to change it, give it a new secret, or revoke it.")


def _table(tokens: tuple[AccessToken, ...]) -> None:
    data_table(
        pd.DataFrame([_row(token) for token in tokens]),
        "tokens",
        most=TOKENS_A_PAGE,
        buttons=["Open"],
        column_config={
            "Open": st.column_config.ButtonColumn(
                "", key="tokens.open", type="tertiary", pinned=True, width=60
            ),
            "Created": st.column_config.DateColumn(),
            "Expires": st.column_config.DateColumn(),
        },
        alt="Tokens",
    )
    names = [f"{token.name} ({token.id})" for token in tokens]
    row = opened_row("tokens.open", "Open a token", names)
    if row is not None and tokens[row].id != st.query_params.get(CHOSEN):
        st.query_params[CHOSEN] = tokens[row].id
        st.rerun()


def _open(token_id: str) -> None:
    try:
        token = workbench().access_tokens.get(token_id)
    except PromptAppError as error:
        show_message(str(error))
    else:
        token_edit(token)
    if st.button("Close", icon=":material/close:", key="tokens.close"):
        del st.query_params[CHOSEN]
        st.rerun()


def _row(token: AccessToken) -> dict[str, object]:
    limits = token.limits.model_dump(exclude_none=True)
    return {
        "Open": "Open",
        "Name": token.name,
        "State": _state(token),
        "Token": token.id,
        "Owner": token.owner_name or token.owner,
        "May": ", ".join(token.scopes),
        "Models": ", ".join(token.models) or "all",
        "Limits": ", ".join(f"{k.replace('_', ' ')}: {v:g}" for k, v in limits.items()) or "none",
        "Created": token.created_at,
        "Expires": token.expires_at,
    }


def _state(token: AccessToken) -> str:
    if token.revoked_at is not None:
        return "revoked"
    is_over = token.expires_at is not None and token.expires_at <= datetime.now(UTC)
    return "expired" if is_over else "valid"
