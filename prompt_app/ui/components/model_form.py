"""Step 3: which models, with which parameters."""

from __future__ import annotations

from typing import Any

import streamlit as st

from prompt_app.datamodel.access import Role
from prompt_app.datamodel.evaluation import ModelSelection
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.ui.components.parameter_form import parameter_fields
from prompt_app.ui.state import person, workbench


def model_references() -> list[str]:
    return [card.reference for card in workbench().list_models()]


def model_form() -> list[ModelSelection]:
    """Every chosen model with every chosen preset. Raises InputError or
    pydantic.ValidationError for what is no model."""
    chosen = st.multiselect(
        "Models",
        [*model_references(), *workbench().pipelines.references()],
        key="model.references",
        persist_state="session",
        accept_new_options=True,
        placeholder="Choose, or type provider:name",
    )
    models = [ModelSpec.model_validate(reference) for reference in chosen]
    if person().may(Role.ADMIN) and (other := _other_server()) is not None:
        models.append(other)
    presets = _presets()
    return [
        ModelSelection(model=model, parameters=parameters)
        for model in models
        for parameters in presets
    ]


def _presets() -> list[InferenceParameters]:
    """One empty set where none is chosen: the parameters below hold alone."""
    presets = {each.name: each.parameters for each in workbench().models.presets()}
    if not presets:
        return [InferenceParameters()]
    names = st.multiselect(
        "Presets",
        list(presets),
        key="model.presets",
        persist_state="session",
        placeholder="None: the parameters below alone",
        help="Each model is run with each of them, over the parameters below.",
    )
    return [presets[name] for name in names] or [InferenceParameters()]


def _other_server() -> ModelSpec | None:
    box = st.expander("A model on another server", icon=":material/dns:")
    with box:
        st.caption("To use it again, by a name and with a price, add an endpoint under Models.")
        with st.container(horizontal=True):
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
    if not reference.strip():
        return None
    spec = ModelSpec.model_validate(reference.strip())
    return spec.model_copy(update={"base_url": base_url.strip() or None})


def parameter_form() -> dict[str, Any]:
    """Only what was set: nothing is sent for the rest. Raises InputError."""
    with st.expander("Parameters", icon=":material/tune:"):
        return parameter_fields("parameter")
