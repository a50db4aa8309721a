"""Inference parameters: only what is set is sent."""

from __future__ import annotations

import json
from typing import Any, get_args

import streamlit as st

from prompt_app.datamodel.model import ReasoningEffort
from prompt_app.errors import InputError


def parameter_fields(prefix: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
    """Only what was set: nothing is sent for the rest. ``given`` is what the fields start with;
    their keys start with ``prefix``. Raises InputError."""
    given = given or {}
    with st.grid("auto", min_column_width=150):
        found: dict[str, Any] = {
            "temperature": _number(
                prefix, "Temperature", given.get("temperature"), (0.0, 2.0, 0.1)
            ),
            "max_tokens": _number(prefix, "Max tokens", given.get("max_tokens"), (1, None, 1)),
            "top_p": _number(prefix, "Top p", given.get("top_p"), (0.0, 1.0, 0.05)),
            "top_k": _number(prefix, "Top k", given.get("top_k"), (1, None, 1)),
            "seed": _number(prefix, "Seed", given.get("seed"), (None, None, 1)),
            "num_responses": _number(
                prefix, "Responses a call", given.get("num_responses"), (1, 100, 1)
            ),
            "reasoning_effort": _effort(prefix, given.get("reasoning_effort")),
        }
    stop = st.text_input(
        "Stop sequences",
        json.dumps(given["stop"], ensure_ascii=False) if "stop" in given else "",
        key=f"{prefix}.stop",
        persist_state="session",
        placeholder='As JSON, e.g. ["\\n", "###"]',
    )
    extra = st.text_input(
        "Provider extras",
        json.dumps(given["extra"], ensure_ascii=False) if "extra" in given else "",
        key=f"{prefix}.extra",
        persist_state="session",
        placeholder="As JSON, sent as it is",
    )
    found["stop"] = _json("Stop sequences", stop)
    found["extra"] = _json("Provider extras", extra)
    return {name: value for name, value in found.items() if value is not None}


def _effort(prefix: str, given: str | None) -> str | None:
    levels = get_args(ReasoningEffort)
    found: str | None = st.selectbox(
        "Reasoning effort",
        levels,
        index=levels.index(given) if given in levels else None,
        placeholder="Default",
        key=f"{prefix}.reasoning",
        persist_state="session",
    )
    return found


def _number(
    prefix: str,
    label: str,
    given: float | None,
    bounds: tuple[float | None, float | None, float],
) -> float | int | None:
    least, most, step = bounds
    found: float | int | None = st.number_input(
        label,
        min_value=least,
        max_value=most,
        value=given,
        step=step,
        placeholder="Default",
        key=f"{prefix}.{label}",
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
