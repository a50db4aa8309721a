"""Step 3: which models, with which parameters."""

from __future__ import annotations

import json
from typing import Any, get_args

import streamlit as st

from prompt_app.datamodel.evaluation import ModelSelection
from prompt_app.datamodel.model import ModelSpec, ReasoningEffort
from prompt_app.errors import InputError
from prompt_app.ui.state import workbench


@st.cache_data(show_spinner=False, ttl="10m")
def model_references() -> list[str]:
    return [card.reference for card in workbench().list_models()]


def model_form() -> list[ModelSelection]:
    """Raises InputError or pydantic.ValidationError for what is no model."""
    chosen = st.multiselect(
        "Models",
        model_references(),
        key="model.references",
        persist_state="session",
        accept_new_options=True,
        placeholder="Choose, or type provider:name",
    )
    models = [ModelSelection(model=ModelSpec.model_validate(reference)) for reference in chosen]
    box = st.expander("A model on another server", icon=":material/dns:")
    with box, st.container(horizontal=True):
        reference = st.text_input(
            "Model",
            key="model.other",
            persist_state="session",
            placeholder="openai:llama3.2",
            width=260,
        )
        base_url = st.text_input(
            "Server address",
            key="model.base_url",
            persist_state="session",
            placeholder="http://localhost:11434/v1",
            help="Any server of the provider's protocol: Ollama, vLLM, Azure, a gateway.",
            width=320,
        )
    if reference.strip():
        spec = ModelSpec.model_validate(reference.strip())
        models.append(
            ModelSelection(model=spec.model_copy(update={"base_url": base_url.strip() or None}))
        )
    return models


def parameter_form() -> dict[str, Any]:
    """Only what was set: nothing is sent for the rest. Raises InputError."""
    with st.expander("Parameters", icon=":material/tune:"):
        with st.grid("auto", min_column_width=150):
            given: dict[str, Any] = {
                "temperature": _number("Temperature", 0.0, 2.0, 0.1),
                "max_tokens": _number("Max tokens", 1, None, 1),
                "top_p": _number("Top p", 0.0, 1.0, 0.05),
                "top_k": _number("Top k", 1, None, 1),
                "seed": _number("Seed", None, None, 1),
                "num_responses": _number("Responses a call", 1, 100, 1),
                "reasoning_effort": st.selectbox(
                    "Reasoning effort",
                    get_args(ReasoningEffort),
                    index=None,
                    placeholder="Default",
                    key="parameter.reasoning",
                    persist_state="session",
                ),
            }
        stop = st.text_input(
            "Stop sequences",
            key="parameter.stop",
            persist_state="session",
            placeholder='As JSON, e.g. ["\\n", "###"]',
        )
        extra = st.text_input(
            "Provider extras",
            key="parameter.extra",
            persist_state="session",
            placeholder="As JSON, sent as it is",
        )
    given["stop"] = _json("Stop sequences", stop)
    given["extra"] = _json("Provider extras", extra)
    return {name: value for name, value in given.items() if value is not None}


def _number(label: str, least: float | None, most: float | None, step: float) -> float | int | None:
    found: float | int | None = st.number_input(
        label,
        min_value=least,
        max_value=most,
        value=None,
        step=step,
        placeholder="Default",
        key=f"parameter.{label}",
        persist_state="session",
    )
    return found


def _json(label: str, text: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{label}: not valid JSON: {error}.") from None
