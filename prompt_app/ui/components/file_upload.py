"""A file from the browser, streamed to disk with progress; it can be stopped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from prompt_app.ui.components.kept_file import KeptFile, forget_file, ticket_key
from prompt_app.ui.state import person, workbench
from prompt_app.ui.upload_route import UPLOAD_PATH, desk
from prompt_app.workbench.importing import dataset_name

_upload = st.components.v2.component(
    "prompt-app.file-upload",
    html="""
<div class="box">
  <label for="file"></label>
  <input id="file" type="file" aria-describedby="hint">
  <progress max="1" hidden aria-label="Sent so far"></progress>
  <span class="status" role="status"></span>
  <button type="button" hidden></button>
  <span id="hint" class="hint"></span>
</div>
""",
    css="file_upload.css",
    js="file_upload.js",
)


def file_upload(label: str, accepted: Sequence[str], *, key: str) -> KeptFile | None:
    """The file that was sent, until it is removed or another one comes. ``accepted`` are endings
    without the dot. It is kept in the session under ``key``."""
    kept: KeptFile | None = st.session_state.get(key)
    if ticket_key(key) not in st.session_state:
        st.session_state[ticket_key(key)] = desk.ticket(person().id)
    megabytes = workbench().settings.max_upload_mb
    _upload(
        key=f"{key}.component",
        data={
            "label": label,
            "accepted": list(accepted),
            "most": megabytes * 1_000_000,
            "address": UPLOAD_PATH,
            "ticket": st.session_state[ticket_key(key)],
            "kept": kept.name if kept else "",
            "hint": f"{', '.join(accepted)}; at most {megabytes:,} MB. Or drop it here.",
        },
        on_sent_change=lambda: _keep(key),
        on_stopped_change=lambda: forget_file(key),
    )
    return kept


def _keep(key: str) -> None:
    sent = st.session_state[f"{key}.component"].sent
    ticket = str(sent["ticket"])
    folder = desk.take(ticket)
    st.session_state.pop(ticket_key(key), None)
    if folder is None:
        return
    name = str(sent["name"])
    ending = name.rpartition(".")[2].lower()
    path = Path(folder.name) / f"{dataset_name(name)}.{dataset_name(ending)}"
    (Path(folder.name) / "content").rename(path)
    st.session_state[key] = KeptFile(ticket, name, path, folder)
