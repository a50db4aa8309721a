"""Asking the providers what the app's credentials reach."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st

from prompt_app.providers.catalogue import ModelCard
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import may_edit, workbench
from prompt_app.workbench.account_access import Reach

_REACHES = "models.reaches"


def check_button() -> None:
    """Asks every source in turn; what they answer stays for the session."""
    pressed = st.button(
        "Check access",
        icon=":material/network_check:",
        disabled=not may_edit(),
        help="Asks OpenAI, Bedrock, SageMaker and your endpoints which models your credentials "
        "reach. It costs nothing.",
    )
    if not pressed:
        return
    found: dict[str, Reach] = {}
    sources = workbench().account_access.sources()
    with errors_shown():
        bar = st.progress(0.0, text=plain(f"Asking {sources[0]}"))
        for place, reach in enumerate(workbench().account_access.check(sources), start=1):
            found[reach.source] = reach
            following = f"Asking {sources[place]}" if place < len(sources) else "Done"
            bar.progress(place / len(sources), text=plain(following))
        bar.empty()
    st.session_state[_REACHES] = found


def reaches() -> dict[str, Reach]:
    """By source, what was answered in this session."""
    found: dict[str, Reach] = st.session_state.get(_REACHES, {})
    return found


def unlisted_cards(known: Collection[str]) -> list[ModelCard]:
    """Models that the account reaches and the catalogue, whose references are ``known``, lacks."""
    return [
        ModelCard(
            reference=f"{reach.source}:{name}",
            provider=reach.source,
            title="Not in the catalogue",
            kind="hosted",
        )
        for reach in reaches().values()
        if ":" not in reach.source
        for name in sorted(reach.names)
        if f"{reach.source}:{name}" not in known
    ]


def reach_notes() -> None:
    for reach in reaches().values():
        if reach.problem:
            st.caption(f":material/key_off: {plain(reach.source)}: {plain(reach.problem)}")
        else:
            count = len(reach.names)
            st.caption(
                f":material/check: {plain(reach.source)} lists {count:,} "
                f"model{'s' if count != 1 else ''} for these credentials."
            )
