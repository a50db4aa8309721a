"""Step 4: which metrics, and who judges."""

from __future__ import annotations

from typing import Any

import streamlit as st
import yaml

from prompt_app.datamodel.model import ModelSpec
from prompt_app.datamodel.score import MetricSpec
from prompt_app.errors import InputError
from prompt_app.ui.components.model_form import model_references
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench

USUAL = ["squad_f1", "exact_match"]
EMBEDDING_MODELS = [
    "openai:text-embedding-3-small",
    "openai:text-embedding-3-large",
    "bedrock:amazon.titan-embed-text-v2:0",
    "bedrock:cohere.embed-multilingual-v3",
    "offline:hashing",
]


def metric_form() -> list[MetricSpec]:
    """Raises InputError or pydantic.ValidationError."""
    infos = {info.name: info for info in workbench().list_metrics()}
    st.session_state.setdefault("metric.names", USUAL)
    names = st.multiselect("Metrics", list(infos), key="metric.names", persist_state="session")
    for name in names:
        st.caption(f"{plain(name)}: {plain(infos[name].description)}")
    asked = {infos[name].judge_kind for name in names if infos[name].needs_judge}
    judges = {kind: _judge(kind) for kind in ("chat", "embeddings") if kind in asked}
    if judges.get("chat", "") is None:
        raise InputError("Choose the model that judges.")
    if judges.get("embeddings", "") is None:
        raise InputError("Choose the model that embeds texts.")
    options = _options()
    unknown = sorted(options.keys() - set(names))
    if unknown:
        raise InputError(f"Metric options name {unknown[0]!r}, which is not among the metrics.")
    return [
        MetricSpec(
            name=name,
            key=name,
            options=options.get(name) or {},
            judge=(
                ModelSpec.model_validate(judges[infos[name].judge_kind])
                if infos[name].needs_judge
                else None
            ),
        )
        for name in names
    ]


def _judge(kind: str) -> str | None:
    embeds = kind == "embeddings"
    chosen: str | None = st.selectbox(
        "Embedding model" if embeds else "Judge model",
        EMBEDDING_MODELS if embeds else model_references(),
        index=None,
        key="metric.embedder" if embeds else "metric.judge",
        persist_state="session",
        accept_new_options=True,
        placeholder="Choose, or type provider:name",
        width=320,
    )
    return chosen


def _options() -> dict[str, Any]:
    with st.expander("Metric options", icon=":material/tune:"):
        text = st.text_area(
            "Options by metric",
            key="metric.options",
            persist_state="session",
            placeholder="numeric_match:\n  tolerance: 0.01",
            help="YAML or JSON. The documentation lists every metric's options.",
        )
    try:
        options = yaml.safe_load(text) or {}
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        line = str(error).splitlines()[0]
        raise InputError(f"Metric options: not valid YAML: {line}.") from None
    if not isinstance(options, dict) or not all(
        isinstance(each, dict | None) for each in options.values()
    ):
        raise InputError("Metric options: write a metric's name, and its options below it.")
    return {str(name): each for name, each in options.items()}
