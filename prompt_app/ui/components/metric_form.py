"""Step 4: which metrics, and who judges."""

from __future__ import annotations

from typing import Any

import streamlit as st
import yaml

from prompt_app.datamodel.score import MetricSpec
from prompt_app.datamodel.yaml_reading import describe_yaml_problem, read_yaml
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
    judges, votes = _judges() if "chat" in asked else ([], 1)
    embedder = _embedder() if "embeddings" in asked else None
    options = _options()
    unknown = sorted(options.keys() - set(names))
    if unknown:
        raise InputError(f"Metric options name {unknown[0]!r}, which is not among the metrics.")
    asks: dict[str, dict[str, Any]] = {
        "chat": {
            # One is written as 'judge', so that equal evaluations stay equal.
            **({"judges": judges} if len(judges) > 1 else {"judge": next(iter(judges), None)}),
            "judge_parameters": {"num_responses": votes},
        },
        "embeddings": {"judge": embedder},
    }
    return [
        MetricSpec.model_validate(
            {
                "name": name,
                "options": options.get(name) or {},
                **(asks[infos[name].judge_kind] if infos[name].needs_judge else {}),
            }
        )
        for name in names
    ]


def _judges() -> tuple[list[str], int]:
    """The models that judge, and how often each is asked. Raises InputError."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        judges = st.multiselect(
            "Judge models",
            model_references(),
            key="metric.judges",
            persist_state="session",
            accept_new_options=True,
            placeholder="Choose, or type provider:name",
            help="Several make a panel: each judges, and a strict majority decides.",
            width=420,
        )
        votes = st.number_input(
            "Votes of each",
            1,
            25,
            1,
            key="metric.votes",
            persist_state="session",
            help="Replies asked of each judge; a strict majority of them is its verdict.",
            width=140,
        )
    if not judges:
        raise InputError("Choose the model that judges.")
    return judges, int(votes)


def _embedder() -> str:
    """Raises InputError."""
    chosen: str | None = st.selectbox(
        "Embedding model",
        EMBEDDING_MODELS,
        index=None,
        key="metric.embedder",
        persist_state="session",
        accept_new_options=True,
        placeholder="Choose, or type provider:name",
        width=320,
    )
    if chosen is None:
        raise InputError("Choose the model that embeds texts.")
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
        options = read_yaml(text) or {}
    except yaml.YAMLError as error:
        raise InputError(f"Metric options, {describe_yaml_problem(error)}.") from None
    if not isinstance(options, dict) or not all(
        isinstance(each, dict | None) for each in options.values()
    ):
        raise InputError("Metric options: write a metric's name, and its options below it.")
    return {str(name): each for name, each in options.items()}
