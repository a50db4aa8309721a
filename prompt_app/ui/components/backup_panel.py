"""Take all data away as a file, or put such a file in place of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pandas as pd
import streamlit as st

from prompt_app.datamodel.access import Role
from prompt_app.datamodel.counting import counted
from prompt_app.errors import PromptAppError
from prompt_app.interfaces.backup import BackupContents
from prompt_app.ui.components.errors import message_of, show_message
from prompt_app.ui.components.file_upload import file_upload
from prompt_app.ui.components.kept_file import KeptFile, forget_file
from prompt_app.ui.components.long_work import (
    Work,
    ended_work,
    forget_results,
    is_at_work,
    start_work,
)
from prompt_app.ui.components.made_file import file_made, make_file
from prompt_app.ui.components.stored import kind_of
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import person, workbench
from prompt_app.workbench.backups import ENDING, backup_name

FILE = "restore.file"
SAID = "replace everything"
_RESULT, _RESTORING, _BACKUP = "restore.result", "restore.work", "backup"


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
    st.caption("One file with all that is stored. The command prompt-app backup makes it, too.")
    if st.button("Download a backup", icon=":material/download:", disabled=is_at_work(_BACKUP)):
        make_file(_BACKUP, backup_name(), workbench().backups.write)
    file_made(_BACKUP)
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
                f"{done.name} was restored: {counted(done.contents.row_count, 'row')} and "
                f"{counted(done.contents.files, 'file')}."
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
        restore = partial(workbench().backups.restore, kept.path, replace=True)
        start_work(_RESTORING, "Restoring", restore)
    if (work := ended_work(_RESTORING)) is not None and kept is not None:
        _finish(work, kept)


def _finish(work: Work[BackupContents], kept: KeptFile) -> None:
    try:
        contents = work.result()
    except PromptAppError as error:
        show_message(message_of(error).replace(str(kept.path), kept.name))
        return
    folder = workbench().settings.data_dir / "backups"
    st.cache_data.clear()
    forget_results()
    st.session_state[_RESULT] = Restored(kept.name, contents, str(folder))
    forget_file(FILE)
    st.rerun()
