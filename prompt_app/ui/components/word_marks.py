"""Texts side by side with the words marked that differ. Nothing of them is taken for markup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from prompt_app.ui.components.verbatim import verbatim
from prompt_app.ui.components.wording import literal, plain
from prompt_app.workbench.word_diff import Piece, word_diff

Mark = Literal["red", "green"]
MOST_CHARACTERS = 8_000
"""Longer texts are shown without marks."""


def words_beside(
    first: str | None, second: str | None, titles: tuple[str, str], missing: str = "No reply."
) -> None:
    """Two texts in two columns: words that only the first has are red, those of the second
    green. None is a text that is not there."""
    left, right = st.columns(2)
    if first is None or second is None or max(len(first), len(second)) > MOST_CHARACTERS:
        for column, text, title in ((left, first, titles[0]), (right, second, titles[1])):
            with column:
                st.caption(literal(title))
                if text is None:
                    st.caption(plain(missing))
                else:
                    verbatim(text)
        if first is not None and second is not None:
            st.caption(
                f"Over {MOST_CHARACTERS:,} characters, the words that differ are not marked."
            )
        return
    ours, theirs = word_diff(first, second)
    for column, pieces, title, mark in (
        (left, ours, titles[0], "red"),
        (right, theirs, titles[1], "green"),
    ):
        with column:
            st.caption(literal(title))
            marked_words(pieces, mark)  # type: ignore[arg-type]


def marked_words(pieces: Sequence[Piece], mark: Mark) -> None:
    """The text of ``pieces``, the changed ones on a coloured ground."""
    with st.container(border=True):
        st.markdown("".join(_marked(piece, mark) for piece in pieces) or "(empty)")


def _marked(piece: Piece, mark: Mark) -> str:
    if not piece.changed:
        return literal(piece.text)
    # A mark ends with its line: markdown has none that go over several.
    lines = piece.text.split("\n")
    return "  \n".join(
        f":{mark}-background[{literal(line)}]" if line.strip() else literal(line) for line in lines
    )
