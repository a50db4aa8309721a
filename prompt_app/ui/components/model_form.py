"""Step 3: which models, with which parameters."""

from __future__ import annotations

from typing import Any

import streamlit as st

from prompt_app.datamodel.evaluation import ModelSelection
from prompt_app.datamodel.model import ModelSpec
from prompt_app.ui.components.parameter_form import parameter_fields
from prompt_app.ui.state import workbench


def model_references() -> list[str]:
    return [card.reference for card in workbench().list_models()]


def model_form() -> list[ModelSelection]:
    """Raises InputError or pydantic.ValidationError for what is no model."""
    chosen = st.multiselect(
        "Models",
        [*model_references(), *workbench().pipelines.references()],
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
        return parameter_fields("parameter")
