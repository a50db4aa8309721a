"""The editor of a prompt: messages at the left, what a model gets for a row at the right."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.prompt import PromptVersion, Role
from prompt_app.datamodel.rendering import Notation
from prompt_app.errors import ConflictError, PromptAppError
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.few_shot_form import few_shot_form
from prompt_app.ui.components.prompt_choice import show_difference, show_version
from prompt_app.ui.components.prompt_draft import (
    Draft,
    draft_of,
    drop_draft,
    keep_drafts,
    other_drafts,
)
from prompt_app.ui.components.prompt_list import label_badges
from prompt_app.ui.components.prompt_preview import ChosenRow, preview, row_choice
from prompt_app.ui.components.template_editor import template_editor
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import (
    EVALUATE,
    EVALUATION,
    FOR,
    PLAYGROUND,
    may_edit,
    open_prompt,
    workbench,
)

ROLES: list[Role] = ["system", "user", "assistant"]
NOTATIONS: dict[Notation, str] = {"single": "{field}", "double": "{{field}}"}
_SAVED = "prompt.saved"


def prompt_editor(version: PromptVersion | None) -> None:
    """Over ``version``, or over nothing for a new prompt."""
    draft = draft_of(version)
    heading = st.container()
    left, right = st.columns(2, gap="medium")
    with right:
        st.subheader("On a row")
        row = row_choice()
        shown = st.container()
    with left:
        st.subheader("Messages")
        unsaved = version is not None and draft.is_changed(version.template)
        message_fields(draft, row, unsaved=unsaved)
        few_shot_form(draft)
        _saving(version, draft)
    with heading:
        _heading(version, draft)
    with shown:
        preview(draft, row)
    keep_drafts()


def _heading(version: PromptVersion | None, draft: Draft) -> None:
    if notice := st.session_state.pop(_SAVED, ""):
        st.success(plain(notice), icon=":material/check:")
    if version is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        newest = _newest(version)
        of = f" of {newest}" if newest != version.number else ""
        st.badge(plain(f"version {version.number}{of}"), color="gray")
        label_badges(version)
        if draft.is_changed(version.template):
            st.badge("not saved", color="orange", icon=":material/edit:")
            st.button(
                "Discard changes",
                type="tertiary",
                icon=":material/undo:",
                on_click=drop_draft,
                args=(version,),
            )
        else:
            _uses(version)
        for number in other_drafts(version):
            st.button(
                f"Unsaved changes over version {number}",
                key=f"draft.{number}",
                type="tertiary",
                icon=":material/edit_note:",
                on_click=show_version,
                args=(number,),
            )


def _uses(version: PromptVersion) -> None:
    """What to do with a version as it is saved."""
    ref = f"{version.name}@{version.number}"
    st.page_link(
        PLAYGROUND,
        label="Try in the playground",
        icon=":material/science:",
        query_params={"prompts": ref},
    )
    is_awaited = st.query_params.get(FOR) == EVALUATION
    if may_edit() and st.button(
        "Use it in the evaluation" if is_awaited else "Evaluate",
        type="primary" if is_awaited else "tertiary",
        icon=":material/play_circle:",
        key=f"evaluate.{ref}",
    ):
        before = st.session_state.get("prompt.refs", []) if is_awaited else []
        st.session_state["prompt.refs"] = list(dict.fromkeys([*before, ref]))
        st.switch_page(EVALUATE)


def message_fields(draft: Draft, row: ChosenRow | None, *, unsaved: bool = False) -> None:
    """Changes ``draft``; placeholders are completed from the fields of ``row``."""
    draft.notation = st.segmented_control(
        "Placeholders are written",
        list(NOTATIONS),
        default=draft.notation,
        required=True,
        format_func=NOTATIONS.__getitem__,
        key=f"notation.{draft.token}",
    )
    for index in range(len(draft.messages)):
        with st.container(border=True, gap="xsmall"):
            _message(draft, index, row, unsaved)
    st.button(
        "Add message",
        icon=":material/add:",
        on_click=_add,
        args=(draft,),
    )


def _message(draft: Draft, index: int, row: ChosenRow | None, unsaved: bool) -> None:
    message = draft.messages[index]
    last = len(draft.messages) - 1
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        message.role = st.selectbox(
            f"Role of message {index + 1}",
            ROLES,
            ROLES.index(message.role),
            key=f"role.{message.token}",
            label_visibility="collapsed",
            width=150,
        )
        possible = {"Move up": index > 0, "Move down": index < last, "Remove": last > 0}
        key = f"change.{message.token}"
        st.menu_button(
            "Change",
            [name for name, can in possible.items() if can] or [""],
            key=key,
            type="tertiary",
            disabled=last == 0,
            on_click=_change,
            args=(draft, index, key),
        )
    message.content = template_editor(
        f"Text of message {index + 1}",
        message.content,
        key=f"text.{message.token}",
        fields=row.fields if row else (),
        unsaved=unsaved,
        notation=draft.notation,
        placeholder="Optional" if message.role == "system" else "Question: {question}\nAnswer:",
    )


def _change(draft: Draft, index: int, key: str) -> None:
    wanted = st.session_state[key]
    if wanted == "Remove":
        del draft.messages[index]
    elif wanted:
        draft.move(index, -1 if wanted == "Move up" else 1)


def _add(draft: Draft) -> None:
    """After a user message the assistant speaks, and the other way round."""
    draft.add("assistant" if draft.messages[-1].role == "user" else "user")


def _saving(version: PromptVersion | None, draft: Draft) -> None:
    if not may_edit():
        st.caption("Viewers can try things here; saving takes an editor.")
        return
    name = version.name if version else ""
    if version is None:
        name = st.text_input("Name", key=f"name.{draft.token}", placeholder="e.g. answer-briefly")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        draft.note = st.text_input(
            "What changed",
            draft.note,
            key=f"note.{draft.token}",
            placeholder="Optional",
        )
        wanted = st.button("Save version", type="primary", icon=":material/save:")
    if wanted:
        _save(name, version, draft)
    elif version and (newest := _newest(version)) != draft.based_on:
        _outdated(version.name, draft, newest)


def _newest(version: PromptVersion) -> int:
    return workbench().prompt_library.version(version.name).number


def _save(name: str, version: PromptVersion | None, draft: Draft) -> None:
    try:
        # Empty messages are room to write, not part of the prompt.
        draft.messages[:] = [each for each in draft.messages if each.content.strip()] or (
            draft.messages
        )
        saved = workbench().prompt_library.save(
            name.strip(), draft.template(), draft.note, based_on=draft.based_on
        )
    except ConflictError as error:
        show_message(str(error))
        if version is not None:
            _choices(version.name, draft, _newest(version))
        return
    except PromptAppError as error:
        show_message(str(error))
        return
    drop_draft(version)
    st.session_state[_SAVED] = f"Saved as version {saved.number} of {saved.name}."
    for_whom = {FOR: EVALUATION} if st.query_params.get(FOR) == EVALUATION else {}
    open_prompt(saved.name, version=str(saved.number), **for_whom)


def _outdated(name: str, draft: Draft, newest: int) -> None:
    st.warning(
        f"Version {newest} was saved since you began, which was at version {draft.based_on}. "
        "Your text is kept.",
        icon=":material/warning:",
    )
    _choices(name, draft, newest)


def _choices(name: str, draft: Draft, newest: int) -> None:
    with st.container(horizontal=True):
        st.button(
            "See what changed",
            icon=":material/difference:",
            on_click=show_difference,
            args=(draft.based_on, newest),
        )
        st.button(
            f"Let mine follow version {newest}",
            help="Your next save becomes the version after it, without its changes.",
            on_click=_rebase,
            args=(draft, newest),
        )


def _rebase(draft: Draft, newest: int) -> None:
    draft.based_on = newest
