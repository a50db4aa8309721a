"""Alerts at what the gateway's calls cost: those that were raised, and setting them."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.access import Role
from prompt_app.datamodel.alerts import AlertPeriod, AlertScope, SpendAlert
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import person, workbench

SCOPES: dict[str, AlertScope] = {
    "The whole gateway": "gateway", "Each person": "person", "Each token": "token",
}  # fmt: skip
PERIODS: dict[str, AlertPeriod] = {"Day": "day", "Month": "month"}


def raised_alerts() -> None:
    """Those of this day and this month; nothing where there is none."""
    for raised in workbench().spend_alerts.raised():
        st.warning(plain(raised.text), icon=":material/notifications:")


def alert_settings() -> None:
    """For admins: the alerts that there are, and one more."""
    if not person().may(Role.ADMIN):
        return
    st.subheader("Alerts")
    alerts = workbench().spend_alerts.all()
    st.caption(
        "An alert is shown here and on Home when the gateway's calls have cost so much. Runs of "
        "evaluations do not count: they have caps of their own."
    )
    for alert in alerts:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(described(alert))
            if st.button("Remove", key=f"alert.{alert.id}", icon=":material/delete:"):
                with errors_shown():
                    workbench().spend_alerts.delete(alert.id)
                    st.rerun()
    with st.form("alert"):
        columns = st.columns(3)
        scope = columns[0].selectbox("Whose calls", list(SCOPES))
        usd = columns[1].number_input("US dollars", min_value=0.01, value=10.0)
        period = columns[2].selectbox("In a", list(PERIODS))
        subject = st.text_input(
            "Only this person or token", placeholder="Each of them",
            help="The id of a person or a token, as the tables show it.",
        )  # fmt: skip
        if st.form_submit_button("Add the alert"):
            with errors_shown():
                workbench().spend_alerts.add(SCOPES[scope], PERIODS[period], usd, subject)
                st.rerun()


def described(alert: SpendAlert) -> str:
    """In words."""
    who = {"gateway": "the whole gateway", "person": "each person", "token": "each token"}
    of = f"{alert.scope} {alert.subject}" if alert.subject else who[alert.scope]
    return f"${alert.usd:,.2f} a {alert.period}, {of}"
