"""Models on servers of one's own: what there is, and an admin's form."""

from __future__ import annotations

from typing import Any

import streamlit as st

from prompt_app.datamodel.access import Role
from prompt_app.datamodel.catalogue import Endpoint
from prompt_app.datamodel.model import ModelSpec
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.wording import ago, money, plain
from prompt_app.ui.state import person, workbench

PROVIDERS = ["openai", "bedrock", "sagemaker"]


def endpoint_section() -> None:
    may_change = person().may(Role.ADMIN)
    endpoints = workbench().models.endpoints()
    st.caption(
        "An endpoint is a model on a server of your own (Ollama, vLLM, Azure, a gateway) or a "
        "SageMaker endpoint. Evaluations name it as endpoint:NAME."
    )
    if not endpoints:
        st.info("No endpoints yet.", icon=":material/info:")
    for endpoint in endpoints:
        _card(endpoint, may_change=may_change)
    if may_change:
        if st.button("Add endpoint", type="primary", icon=":material/add:"):
            _form(None)
    else:
        st.caption("Only admins add and change endpoints.")


def _card(endpoint: Endpoint, *, may_change: bool) -> None:
    model = endpoint.model
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{plain(endpoint.reference)}**")
        facts = [model.reference, model.base_url or "", model.region or "", endpoint.note]
        if model.price is not None:
            facts.append(f"{money(model.price.input)} in, {money(model.price.output)} out")
        facts += [endpoint.author, ago(endpoint.changed_at)]
        st.caption(plain(" · ".join(fact for fact in facts if fact)))
        with st.container(horizontal=True):
            st.button(
                "Open",
                key=f"open.{endpoint.name}",
                type="tertiary",
                on_click=_open,
                args=(endpoint.reference,),
            )
            if may_change and st.button("Change", key=f"change.{endpoint.name}", type="tertiary"):
                _form(endpoint)
            if may_change and st.button("Remove", key=f"drop.{endpoint.name}", type="tertiary"):
                _confirm_removal(endpoint.name)


def _open(reference: str) -> None:
    st.session_state["models"] = "Catalogue"
    st.query_params["model"] = reference


@st.dialog("Endpoint", width="medium")
def _form(given: Endpoint | None) -> None:
    name = st.text_input("Name", given.name if given else "", disabled=given is not None)
    written = _model_fields(given.model if given else None)
    note = st.text_input("Note", given.note if given else "")
    if st.button("Save", type="primary", icon=":material/save:"):
        with errors_shown():
            model = ModelSpec.model_validate(written)
            workbench().models.save_endpoint(
                name.strip(), model, note, replace=given is not None, based_on=given
            )
            st.rerun()


def _model_fields(model: ModelSpec | None) -> dict[str, Any]:
    """What a ModelSpec is made of; what the form does not show stays as it is in ``model``."""
    kept = model.model_dump() if model else {"options": {}}
    with st.container(horizontal=True):
        provider = st.selectbox(
            "Protocol",
            PROVIDERS,
            PROVIDERS.index(model.provider) if model and model.provider in PROVIDERS else 0,
            width=150,
        )
        name = st.text_input(
            "Model",
            kept.get("name", ""),
            placeholder="llama3.2",
            help="The server's own name of it: model, deployment or endpoint.",
            width=240,
        )
    address = st.text_input(
        "Server address", kept.get("base_url") or "", placeholder="https://models.example.org/v1"
    )
    options = _openai_options(kept["options"]) if provider == "openai" else kept["options"]
    return {
        **kept,
        "provider": provider,
        "name": name.strip(),
        "base_url": address.strip() or None,
        "options": options,
        "price": _price(model),
    }


def _openai_options(given: dict[str, Any]) -> dict[str, Any]:
    secret = st.text_input(
        "Name of the key",
        str(given.get("api_key_secret", "")),
        help="A secret in AWS Secrets Manager. A key set for this host in PROMPT_APP_API_KEYS "
        "needs no name here. The key itself is never entered.",
    )
    azure = st.toggle("Azure OpenAI", bool(given.get("azure")))
    found = {**given, "api_key_secret": secret.strip() or None, "azure": azure or None}
    return {name: value for name, value in found.items() if value is not None}


def _price(model: ModelSpec | None) -> dict[str, Any] | None:
    """None where either is left empty: the price is unknown then."""
    given = model.price if model else None
    with st.container(horizontal=True):
        prices = [
            st.number_input(
                f"{label} $ per million",
                min_value=0.0,
                value=getattr(given, field) if given else None,
                placeholder="Unknown",
                width=180,
            )
            for label, field in (("Input", "input"), ("Output", "output"))
        ]
    if None in prices:
        return None
    kept = given.model_dump() if given else {}
    return {**kept, "input": prices[0], "output": prices[1]}


@st.dialog("Remove an endpoint")
def _confirm_removal(name: str) -> None:
    st.warning(
        plain(f"Evaluations that name endpoint:{name} can no longer start. Runs stay as they are."),
        icon=":material/warning:",
    )
    if st.button("Remove", type="primary"):
        with errors_shown():
            workbench().models.delete_endpoint(name)
            st.rerun()
