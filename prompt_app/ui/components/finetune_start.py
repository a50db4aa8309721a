"""Starts a fine-tuning job."""

from __future__ import annotations

from typing import Any

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.finetuning import FinetuneRequest, TrainingCheck, TrainingSource
from prompt_app.ui.components.wording import money, plain
from prompt_app.ui.state import workbench

PROVIDERS = {"OpenAI": "openai", "Bedrock": "bedrock"}
USUAL_EPOCHS = 3


def start_section(source: TrainingSource | None, check: TrainingCheck | None) -> None:
    """Raises pydantic.ValidationError or InputError for what cannot be started."""
    if source is None or check is None:
        st.caption("Choose examples first.")
        return
    request = _fields(source)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        request["epochs"] = st.number_input(
            "Epochs",
            min_value=1,
            max_value=50,
            value=None,
            placeholder="Default",
            key="tuning.epochs",
            width=130,
        )
        price = st.number_input(
            "Price of training",
            min_value=0.0,
            value=None,
            step=0.5,
            placeholder="Dollars per million tokens",
            key="tuning.price",
            persist_state="session",
            width=260,
            help="As the provider's price list has it for the base model.",
        )
    epochs = request["epochs"] or USUAL_EPOCHS
    tokens = check.tokens * epochs
    cost = "" if price is None else f", about {money(tokens * price / 1e6)}"
    st.caption(plain(f"{counted(epochs, 'epoch')}: about {tokens:,} tokens{cost}"))
    if check.leaks:
        request["allow_leaks"] = st.checkbox(
            "Start although examples stand in evaluation splits", key="tuning.leaks"
        )
    is_ready = bool(request["base_model"] and request["name"])
    if not is_ready:
        st.caption("Write the base model's name, and a name for the new one.")
    blocked = bool(check.errors) or (bool(check.leaks) and not request.get("allow_leaks"))
    if st.button(
        "Start", type="primary", icon=":material/play_arrow:", disabled=blocked or not is_ready
    ):
        job = workbench().finetuning.start(FinetuneRequest.model_validate(request))
        st.toast(plain(f"{job.id} is queued."))


def _fields(source: TrainingSource) -> dict[str, Any]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        provider = PROVIDERS[
            st.selectbox("Provider", list(PROVIDERS), key="tuning.provider", width=130)
        ]
        base_model = _text(
            "Base model",
            "base",
            "gpt-4o-mini-2024-07-18" if provider == "openai" else "amazon.nova-micro-v1:0:128k",
        )
        name = _text("Name", "name", "support-2")
    request: dict[str, Any] = {
        "provider": provider,
        "base_model": base_model,
        "name": name,
        "source": source,
    }
    if provider == "bedrock":
        with st.container(horizontal=True, vertical_alignment="bottom"):
            ours = workbench().settings
            role, place = ours.tuning_role_arn, ours.tuning_url
            request["role_arn"] = _text("Role", "role", role or "arn:aws:iam::...:role/...") or None
            request["bucket"] = _text("Bucket", "bucket", place or "s3://bucket/prefix") or None
    return request


def _text(label: str, key: str, placeholder: str) -> str:
    found = st.text_input(
        label, key=f"tuning.{key}", persist_state="session", placeholder=placeholder, width=260
    )
    return (found or "").strip()
