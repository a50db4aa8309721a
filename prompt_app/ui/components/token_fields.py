"""What the forms of a token have in common."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.serving import TokenLimits


def limit_fields(
    models: tuple[str, ...] = (), limits: TokenLimits | None = None
) -> tuple[tuple[str, ...], TokenLimits]:
    """Fields for the models that may be called and for the limits, filled with those given."""
    given = limits or TokenLimits()
    named = st.text_input(
        "Models", ", ".join(models), placeholder="All",
        help="Names separated by commas; * stands for anything.",
    )  # fmt: skip
    left, right = st.columns(2)
    requests = left.number_input(
        "Requests a minute", min_value=1, value=given.requests_per_minute, placeholder="No limit"
    )
    tokens = right.number_input(
        "Tokens a minute", min_value=1, value=given.tokens_per_minute, placeholder="No limit"
    )
    per_day = left.number_input(
        "US dollars a day", min_value=0.01, value=given.usd_per_day, placeholder="No limit"
    )
    per_month = right.number_input(
        "US dollars a month", min_value=0.01, value=given.usd_per_month, placeholder="No limit"
    )
    chosen = TokenLimits(
        requests_per_minute=requests,
        tokens_per_minute=tokens,
        usd_per_day=per_day,
        usd_per_month=per_month,
    )
    return tuple(each.strip() for each in named.split(",") if each.strip()), chosen


def show_secret(secret: str) -> None:
    """The only time that it is shown."""
    st.success("Copy the token now: it is not shown again.", icon=":material/key:")
    st.code(secret, language=None, wrap_lines=True)
