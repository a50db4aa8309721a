"""Changing a token, giving it a new secret, and revoking it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import partial

import streamlit as st

from prompt_app.datamodel.serving import AccessToken
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.removal import confirm_removal
from prompt_app.ui.components.token_fields import limit_fields, show_secret
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench
from prompt_app.workbench.access_tokens import TokenChanges

_SECRET = "token.rotated"


def token_edit(token: AccessToken) -> None:
    """A form, and two buttons."""
    st.subheader(plain(f"{token.name} ({token.id})"))
    if token.revoked_at is not None:
        st.caption(f"Revoked on {token.revoked_at:%Y-%m-%d}: it is refused, and stays so.")
        return
    with st.form(f"token.{token.id}"):
        name = st.text_input("Name", token.name, max_chars=100)
        end = st.date_input(
            "Last day on which it is valid", None if token.expires_at is None else token.expires_at,
            help="In UTC. Without a day it does not expire.",
        )  # fmt: skip
        models, limits = limit_fields(token.models, token.limits)
        if st.form_submit_button("Save the changes", type="primary"):
            expires = _end_of(end, token)
            with errors_shown():
                changes = TokenChanges(name, limits, models, expires)
                workbench().access_tokens.edit(token.id, changes)
                st.rerun()  # the table shows them
    with st.container(horizontal=True):
        rotates = st.button(
            "New secret", icon=":material/autorenew:", key=f"rotate.{token.id}",
            help="The old secret is refused from that moment; everything else stays.",
        )  # fmt: skip
        revokes = st.button("Revoke", icon=":material/block:", key=f"revoke.{token.id}")
    if revokes:
        confirm_removal(
            f"{token.name} ({token.id}) is refused from then on, and cannot be put back.",
            "Revoke",
            partial(_revoke, token.id),
        )
    if rotates:
        confirm_removal(
            f"The present secret of {token.name} ({token.id}) is refused from then on. Programs "
            "that use it fail until they have the new one. Everything else stays.",
            "Make a new secret",
            partial(_rotate, token.id),
        )
    if (made := st.session_state.pop(_SECRET, None)) and made.token.id == token.id:
        show_secret(made.secret)


def _end_of(day: date | None, token: AccessToken) -> datetime | None:
    """The end of ``day``; the token's own end where that is on this day."""
    if day is None:
        return None
    if token.expires_at is not None and token.expires_at.date() == day:
        return token.expires_at
    return datetime.combine(day, time(23, 59, 59), UTC)


def _rotate(token_id: str) -> None:
    st.session_state[_SECRET] = workbench().access_tokens.rotate(token_id)


def _revoke(token_id: str) -> None:
    workbench().access_tokens.revoke(token_id)
