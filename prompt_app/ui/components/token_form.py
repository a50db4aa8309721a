"""Making a token."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.access import Role
from prompt_app.datamodel.serving import Scope, TokenLimits
from prompt_app.errors import PromptAppError
from prompt_app.ui.state import may_edit, person, workbench


def token_form() -> None:
    """A form, and the secret once it is made."""
    if not may_edit():
        st.info("Viewers have no tokens of their own. An admin can make one for you.")
        return
    scopes = [Scope.READ, Scope.INVOKE]
    if person().may(Role.ADMIN):
        scopes.append(Scope.ADMIN)
    with st.expander("New token", icon=":material/add:"), st.form("token", border=False):
        name = st.text_input("Name", placeholder="What the token is for", max_chars=100)
        chosen = st.multiselect("May", scopes, default=scopes[:2], format_func=_described)
        models = st.text_input(
            "Models", placeholder="All", help="Names separated by commas; * stands for anything."
        )
        left, right = st.columns(2)
        days = left.number_input(
            "Days until it expires", min_value=1, value=None, placeholder="Never"
        )
        requests = right.number_input("Requests a minute", min_value=1, value=None)
        tokens = left.number_input("Tokens a minute", min_value=1, value=None)
        per_day = right.number_input("US dollars a day", min_value=0.01, value=None)
        per_month = left.number_input("US dollars a month", min_value=0.01, value=None)
        if st.form_submit_button("Make the token", type="primary"):
            limits = TokenLimits(
                requests_per_minute=requests,
                tokens_per_minute=tokens,
                usd_per_day=per_day,
                usd_per_month=per_month,
            )
            _make(name, chosen, [each.strip() for each in models.split(",") if each.strip()],
                  days, limits)  # fmt: skip


def _make(
    name: str, scopes: list[Scope], models: list[str], days: float | None, limits: TokenLimits
) -> None:
    try:
        made = workbench().access_tokens.create(
            name, scopes=scopes, models=models, days=days, limits=limits
        )
    except PromptAppError as error:
        st.error(str(error))
        return
    st.success("Copy the token now: it is not shown again.", icon=":material/key:")
    st.code(made.secret, language=None, wrap_lines=True)


def _described(scope: Scope) -> str:
    return {
        Scope.READ: "read: lists and stored replies",
        Scope.INVOKE: "invoke: call models, prompts and pipelines",
        Scope.ADMIN: "admin: the gateway's metrics",
    }[scope]
