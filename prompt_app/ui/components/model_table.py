"""The catalogue: which models there are, what they cost, what the account can use."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.model import ModelSpec
from prompt_app.providers.catalogue import ModelCard
from prompt_app.ui.components.access_check import (
    check_button,
    reach_notes,
    reaches,
    unlisted_cards,
)
from prompt_app.ui.components.errors import message_of
from prompt_app.ui.components.search_field import search_field
from prompt_app.ui.components.tables import data_table, opened_row
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench
from prompt_app.workbench.account_access import is_reached

PROVIDERS = ["offline", "openai", "bedrock", "sagemaker", "endpoint"]
NOT_LISTED = "not listed"


@st.cache_data(show_spinner=False, ttl="1m")
def access_problem(model: ModelSpec) -> str:
    """Asked once a minute for all models that share what is asked for."""
    return workbench().models.access_problem(model)


def model_catalogue() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = search_field("Name of a model")
        providers = st.pills(
            "Provider",
            PROVIDERS,
            selection_mode="multi",
            key="provider",
            wrap=True,
            bind="query-params",
        )
        usable = st.toggle("Only what can be used now", key="usable", bind="query-params")
        check_button()
    problems: dict[str, str] = {}
    with st.spinner("Looking for keys and credentials"):
        known = workbench().models.cards()
        known += unlisted_cards({card.reference for card in known})
        cards = [
            (card, problem)
            for card in known
            if text.casefold() in f"{card.reference} {card.title}".casefold()
            and (not providers or card.provider in providers)
            and not ((problem := _problem(card, problems)) and usable)
        ]
    if not cards:
        st.info("No model fits.", icon=":material/info:")
    else:
        _table(cards)
        st.caption(f"{counted(len(cards), 'model')}. Prices are US dollars per million tokens.")
    reach_notes()
    for provider, problem in problems.items():
        if problem and provider not in reaches():
            st.caption(f":material/key_off: {plain(provider)}: {plain(problem)}")


def _problem(card: ModelCard, known: dict[str, str]) -> str:
    """Why it cannot be called; empty where it can, as far as is known. Without its provider's own
    list the answer is the same for all of a provider's models, and each endpoint's own."""
    reached = is_reached(card.reference, reaches())
    if reached is not None:
        return "" if reached else NOT_LISTED
    key = card.reference if card.provider == "endpoint" else card.provider
    if key not in known:
        try:
            known[key] = access_problem(workbench().models.spec(card.reference))
        except Exception as error:
            known[key] = message_of(error)
    return known[key]


def _table(cards: list[tuple[ModelCard, str]]) -> None:
    data_table(
        pd.DataFrame([_row(card, problem) for card, problem in cards]),
        "models",
        key="models.table",
        buttons=["Open"],
        column_config={
            "Open": st.column_config.ButtonColumn(
                "", key="models.open", type="tertiary", pinned=True, width=60
            ),
            "Model": st.column_config.TextColumn(width="medium", pinned=True),
            "Can be used": st.column_config.TextColumn(width=95),
            "Context": st.column_config.NumberColumn(format="localized", width=95),
            "Input $": st.column_config.NumberColumn(format="%.4g", width=80),
            "Output $": st.column_config.NumberColumn(format="%.4g", width=80),
            "Does not take": st.column_config.TextColumn(width="medium"),
        },
        alt="Models with their prices",
    )
    row = opened_row("models.open", "Open a model", [card.reference for card, _ in cards])
    if row is not None:
        st.query_params["model"] = cards[row][0].reference
        st.rerun()


def _row(card: ModelCard, problem: str) -> dict[str, Any]:
    return {
        "Open": "Open",
        "Model": card.reference,
        "Can be used": NOT_LISTED if problem == NOT_LISTED else "no" if problem else "yes",
        "Context": card.context,
        "Input $": card.price.input if card.price else None,
        "Output $": card.price.output if card.price else None,
        "Does not take": ", ".join(card.refuses or ()),
        "Title": card.title,
    }
