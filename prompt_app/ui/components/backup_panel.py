"""Take all data away as a file, or put such a file in place of it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from prompt_app.datamodel.access import Role
from prompt_app.errors import PromptAppError
from prompt_app.interfaces.backup import BackupContents
from prompt_app.ui.backup_route import BACKUP_PATH
from prompt_app.ui.components.errors import message_of, show_message
from prompt_app.ui.components.file_upload import file_upload
from prompt_app.ui.components.kept_file import KeptFile, forget_file
from prompt_app.ui.components.stored import kind_of
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import person, workbench
from prompt_app.workbench.backups import ENDING

FILE = "restore.file"
SAID = "replace everything"
_RESULT = "restore.result"


@dataclass(frozen=True)
class Restored:
    """A restore that was done."""

    name: str
    contents: BackupContents
    kept_in: str


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
    _restored()
    with st.expander("Restore a backup", icon=":material/restore:"):
        _restore_form()


def _restored() -> None:
    """What the last restore of this session put here, until it is dismissed."""
    done: Restored | None = st.session_state.get(_RESULT)
    if done is None:
        return
    with st.container(border=True):
        st.success(
            plain(
                f"{done.name} was restored: {done.contents.row_count:,} rows and "
                f"{done.contents.files:,} files."
            ),
            icon=":material/check:",
        )
        table = _by_kind(done.contents)
        data_table(table, "restored", alt="What was restored: kinds and rows", width="content")
        st.caption(plain(f"A backup of what was here before is in {done.kept_in}."))
        if st.button("Dismiss", type="tertiary"):
            del st.session_state[_RESULT]
            st.rerun()


def _by_kind(contents: BackupContents) -> pd.DataFrame:
    rows = [{"Kind": kind_of(name), "Rows": rows} for name, rows in contents.rows.items() if rows]
    frame = pd.DataFrame(rows, columns=["Kind", "Rows"])
    return frame.groupby("Kind", as_index=False, sort=False).sum()


def _restore_form() -> None:
    st.write(
        "What the file holds takes the place of everything here. A backup of what is replaced is "
        "kept in the data folder."
    )
    kept = file_upload("Backup file", [ENDING.lstrip(".")], key=FILE)
    said = st.text_input(f"To confirm, type: {SAID}", key="restore.said", width=300)
    ready = kept is not None and said.strip().lower() == SAID
    pressed = st.button("Restore", type="primary", icon=":material/restore:", disabled=not ready)
    if pressed and kept is not None:
        _restore(kept)


def _restore(kept: KeptFile) -> None:
    told = st.empty()

    def tell(what: str, done: int) -> None:
        told.caption(plain(f"{what.replace('_', ' ')}: {done:,}"))

    try:
        with st.spinner("Restoring", show_time=True):
            contents = workbench().backups.restore(kept.path, replace=True, progress=tell)
    except PromptAppError as error:
        show_message(message_of(error).replace(str(kept.path), kept.name))
        return
    folder = workbench().settings.data_dir / "backups"
    st.cache_data.clear()
    st.session_state[_RESULT] = Restored(kept.name, contents, str(folder))
    forget_file(FILE)
    st.rerun()
