"""Aliases: a name, the models behind it with their weights, and what answers when they fail."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.serving import ModelRoute, RouteTarget
from prompt_app.errors import InputError
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.project_move import project_section
from prompt_app.ui.state import may_edit, workbench

NEW = "New alias"
HELP = (
    "One on each line: a model, or prompt/NAME@label and the model that answers it. A number at "
    "the end is its weight, e.g. 'prompt/support@production openai:gpt-5-mini 3'."
)


def aliases() -> None:
    """What there are, and a form for one."""
    st.subheader("Aliases")
    st.caption("A name that callers use as a model, so that what answers can change behind it.")
    known = {each.name: each for each in workbench().serving_names.aliases()}
    if not may_edit():
        for name, each in known.items():
            st.text(f"{name}: {', '.join(_line(target) for target in each.targets)}")
        return
    chosen = st.selectbox("Alias", [NEW, *known], key="alias", bind="query-params")
    present = known.get(chosen or NEW)
    with st.form(f"alias-{chosen}"):
        name = st.text_input("Name", present.name if present else "")
        targets = st.text_area("Answered by", _lines(present.targets if present else ()), help=HELP)
        fallbacks = st.text_area(
            "When that fails, in order", _lines(present.fallbacks if present else ()), help=HELP
        )
        left, right = st.columns(2)
        attempts = left.number_input("Attempts", 1, 10, present.attempts if present else 2)
        seconds = right.number_input(
            "Seconds for an answer", 1.0, 3600.0, present.timeout_seconds if present else 120.0
        )
        if st.form_submit_button("Save", type="primary"):
            _save(name, targets, fallbacks, int(attempts), float(seconds))
    if present is not None:
        project_section("alias", present.name)
    if present is not None and st.button(f"Delete {present.name}", icon=":material/delete:"):
        workbench().serving_names.delete_alias(present.name)
        st.toast(f"{present.name} is deleted.")
        st.rerun()


def _save(name: str, targets: str, fallbacks: str, attempts: int, seconds: float) -> None:
    with errors_shown():
        route = ModelRoute(
            name=name, targets=_read(targets), fallbacks=_read(fallbacks), attempts=attempts,
            timeout_seconds=seconds,
        )  # fmt: skip
        workbench().serving_names.save_alias(route)
        st.success(f"Saved. Callers use {name} as a model.")


def _read(text: str) -> tuple[RouteTarget, ...]:
    targets = []
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        weight = 1.0
        if len(words) > 1 and words[-1].replace(".", "", 1).isdecimal():
            weight = float(words.pop())
        if len(words) > 2:
            raise InputError(f"This line cannot be read: {line.strip()!r}. {HELP}")
        model = words[1] if len(words) == 2 else None
        targets.append(RouteTarget(model=words[0], prompt_model=model, weight=weight))
    return tuple(targets)


def _line(target: RouteTarget) -> str:
    words = [target.model, target.prompt_model or ""]
    if target.weight != 1:
        words.append(f"{target.weight:g}")
    return " ".join(word for word in words if word)


def _lines(targets: tuple[RouteTarget, ...]) -> str:
    return "\n".join(_line(target) for target in targets)
