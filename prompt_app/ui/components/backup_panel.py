"""Take all data away as a file, or put such a file in place of it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from prompt_app.datamodel.access import Role
from prompt_app.errors import PromptAppError
from prompt_app.ui.backup_route import BACKUP_PATH
from prompt_app.ui.components.errors import message_of, show_message
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import person, workbench
from prompt_app.workbench.backups import ENDING

_RESULT = "restore.result"
SAID = "replace everything"
MOST_MEGABYTES = 200
"""This form holds the file in memory."""


def backup_section() -> None:
    """For admins; others are told so."""
    st.subheader("Backup")
    if not person().may(Role.ADMIN):
        st.caption("Admins can take all data away as one file, and restore it.")
        return
    st.caption(
        "One file with everything that is stored. Large stores take a while: there the command "
        "`prompt-app backup` is the better way."
    )
    st.link_button("Download a backup", BACKUP_PATH, icon=":material/download:")
    with st.expander("Restore a backup", icon=":material/restore:"):
        _restore_form()


def _restore_form() -> None:
    told = st.session_state.pop(_RESULT, None)
    if told:
        st.success(plain(told), icon=":material/check:")
    st.write(
        "What the file holds takes the place of everything here. A backup of what is replaced is "
        "kept in the data folder."
    )
    uploaded = st.file_uploader(
        "Backup file",
        type=[ENDING.lstrip(".")],
        max_upload_size=min(workbench().settings.max_upload_mb, MOST_MEGABYTES),
        help="Larger ones: prompt-app restore FILE --replace.",
        key="restore.file",
    )
    said = st.text_input(f"To confirm, type: {SAID}", key="restore.said", width=300)
    ready = uploaded is not None and said.strip().lower() == SAID
    pressed = st.button("Restore", type="primary", icon=":material/restore:", disabled=not ready)
    if pressed and uploaded is not None:
        _restore(uploaded)


def _restore(uploaded: UploadedFile) -> None:
    try:
        with (
            st.spinner("Restoring"),
            TemporaryDirectory(prefix="prompt-app-upload-") as folder,
        ):
            file = Path(folder) / f"uploaded{ENDING}"
            file.write_bytes(uploaded.getbuffer())
            contents = workbench().backups.restore(file, replace=True)
    except PromptAppError as error:
        show_message(message_of(error).replace(str(file), uploaded.name))
        return
    st.cache_data.clear()
    st.session_state[_RESULT] = (
        f"{contents.row_count:,} rows and {contents.files:,} files were restored."
    )
    st.rerun()
