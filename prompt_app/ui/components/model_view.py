"""One model: price, context, what it takes, whether it can be used, and a test call."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from prompt_app.datamodel.model import InferenceParameters, ModelSpec, Price
from prompt_app.providers.catalogue import ModelCard
from prompt_app.providers.prices import price_of
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.model_table import access_problem
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.verbatim import verbatim
from prompt_app.ui.components.wording import money, plain
from prompt_app.ui.state import EVALUATE, may_edit, workbench
from prompt_app.workbench.models import TEST_MESSAGE, TEST_TOKENS, ConnectionTest


def model_view(reference: str) -> None:
    """Raises InputError for what names no model."""
    if st.button("All models", type="tertiary", icon=":material/arrow_back:"):
        del st.query_params["model"]
        st.rerun()
    st.subheader(plain(reference))
    model = workbench().models.spec(reference)
    card = next((each for each in workbench().models.cards() if each.reference == reference), None)
    if card is None:
        st.info("The catalogue does not list this model; it may exist.", icon=":material/info:")
    elif card.title != reference:
        st.caption(plain(card.title))
    _figures(card, price_of(model))
    with st.spinner("Looking for keys and credentials"):
        problem = access_problem(model)
    if problem:
        st.warning(plain(problem), icon=":material/key_off:")
    _test(reference, model)
    _parameters(card, model)
    if st.button("Evaluate with it", icon=":material/play_circle:"):
        st.session_state["model.references"] = [reference]
        st.switch_page(EVALUATE)


def _figures(card: ModelCard | None, price: Price | None) -> None:
    context = card.context if card else None
    figures = {
        "Context, tokens": f"{context:,}" if context else "unknown",
        "Input, per million": money(price.input) if price else "unknown",
        "Output, per million": money(price.output) if price else "unknown",
    }
    if price and price.cached_input is not None:
        figures["Cached input"] = money(price.cached_input)
    if price and price.per_request:
        figures["Each call"] = money(price.per_request)
    with st.grid("auto", min_column_width=150):
        for label, value in figures.items():
            st.metric(label, plain(value))
    for tier in price.tiers if price else ():
        st.caption(
            plain(
                f"Prompts above {tier.above:,} tokens: {money(tier.input)} in, "
                f"{money(tier.output)} out."
            )
        )


def _test(reference: str, model: ModelSpec) -> None:
    price = price_of(model)
    most = f"at most {TEST_TOKENS} tokens back"
    if price is not None and price.output:
        most += f", {money(price.per_request + TEST_TOKENS * price.output / 1e6)}"
    with st.container(horizontal=True, vertical_alignment="center"):
        wanted = st.button("Test the connection", icon=":material/network_check:",
                           disabled=not may_edit())  # fmt: skip
        st.caption(plain(f'One call, "{TEST_MESSAGE}": {most}.'))
    key = f"tested.{reference}"
    if wanted:
        with st.spinner("Calling"):
            st.session_state[key] = workbench().models.test(model)
    found: ConnectionTest | None = st.session_state.get(key)
    if found is None:
        return
    if found.error:
        show_message(f"After {found.seconds:.2f} s: {found.error}")
        return
    st.success(
        plain(
            f"Answered in {found.seconds:.2f} s: {found.usage.input:,} tokens in, "
            f"{found.usage.output:,} out, {money(found.cost_usd)}."
        ),
        icon=":material/check:",
    )
    verbatim(found.text)


def _parameters(card: ModelCard | None, model: ModelSpec) -> None:
    learned = workbench().models.unsupported(model)
    refused = set(card.refuses or ()) if card else set()
    rows = [
        {
            "Parameter": name,
            "Taken": "no" if name in learned or name in refused else "as far as is known",
            "Why": learned.get(name, "the model's documentation" if name in refused else ""),
        }
        for name in InferenceParameters.model_fields
        if name not in ("extra", "num_responses")
    ]
    with st.expander("Parameters it takes", icon=":material/tune:"):
        data_table(pd.DataFrame(rows), "parameters", alt="Parameters the model takes")
