"""Files that are made when somebody asks for them: with progress and a way to cancel, and handed
to the browser from disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import streamlit as st

from prompt_app.errors import PromptAppError
from prompt_app.ui.components.errors import message_of, show_message
from prompt_app.ui.components.long_work import ended_work, start_work
from prompt_app.ui.components.wording import plain
from prompt_app.ui.download_route import desk
from prompt_app.ui.state import person


@dataclass(frozen=True)
class MadeFile:
    """A file that waits to be taken; ``report`` is what its maker gave back."""

    name: str
    size: int
    address: str
    report: Any


def make_file(place: str, name: str, make: Callable[[Path], Any]) -> None:
    """Begin to make the file ``name`` in ``place``, where :func:`file_made` offers it. ``make``
    writes it to the path that it is given, and must not use the session."""
    st.session_state.pop(_ready(place), None)
    owner = person().id

    def work() -> MadeFile:
        folder = TemporaryDirectory(prefix="prompt-app-made-")
        try:
            path = Path(folder.name) / name
            report = make(path)
            return MadeFile(name, path.stat().st_size, desk.offer(owner, path, folder), report)
        except BaseException:
            folder.cleanup()
            raise

    start_work(place, f"Writing {name}", work)


def file_made(place: str) -> MadeFile | None:
    """Progress while the file of ``place`` is made, then its download, which starts by itself."""
    if (work := ended_work(place)) is not None:
        try:
            st.session_state[_ready(place)] = work.result()
        except PromptAppError as error:
            show_message(message_of(error))
            return None
    made: MadeFile | None = st.session_state.get(_ready(place))
    if made is not None:
        _download()(
            key=f"{place}.download", data={"address": made.address, "name": made.name}, height=0
        )
        st.link_button(
            plain(f"{made.name}, {size_text(made.size)}"), made.address,
            icon=":material/download:", type="tertiary",
            help="The download starts by itself; this starts it again.",
        )  # fmt: skip
    return made


def size_text(size: int) -> str:
    """In kB or MB."""
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3)):,} kB"


@cache
def _download() -> Callable[..., Any]:
    return st.components.v2.component(
        "prompt-app.file-ready", html="<span hidden></span>", js="file_ready.js"
    )


def _ready(place: str) -> str:
    return f"{place}.ready"
