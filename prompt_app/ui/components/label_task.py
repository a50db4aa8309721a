"""One row to label: the reply, the rubric beside it, a key for each label."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from prompt_app.datamodel.labelling import CHOICES, LabelQueue
from prompt_app.datamodel.rendering import template_placeholders
from prompt_app.errors import UnknownNameError
from prompt_app.interfaces import StoredSample
from prompt_app.ui.components.draft_keeper import keep_draft
from prompt_app.ui.components.errors import errors_shown, show_error, show_message
from prompt_app.ui.components.seen import as_seen, changes_shown, forget_form
from prompt_app.ui.components.verbatim import verbatim
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import LABEL, may_edit, workbench
from prompt_app.workbench.labelling import LabelTask

PLACES = ("Left is better", "They are equal", "Right is better")


def task_section(queue: LabelQueue) -> None:
    """The row of ``?row=``, else the one that is most useful now."""
    st.page_link(LABEL, label="All queues", icon=":material/arrow_back:")
    st.subheader(plain(queue.name))
    if not may_edit():
        st.info("Viewers see how the labelling stands; editors label.", icon=":material/info:")
        return
    with errors_shown():
        task = _task(queue)
        if task is None:
            st.success(
                "Nothing is left for you in this queue. Undo takes back your last answer.",
                icon=":material/check:",
            )
            _undo_button(queue)
            return
        row, side = st.columns((2, 1))
        with row:
            _row(queue, task)
        with side:
            _rubric(queue)
            _answer(queue, task)


def _task(queue: LabelQueue) -> LabelTask | None:
    labelling = workbench().labelling
    row = st.query_params.get("row", "") or _next_row(queue)
    if not row:
        return None
    try:
        task = labelling.task(queue.id, row)
    except UnknownNameError as error:
        show_message(str(error))
        st.query_params.pop("row", None)
        return None
    st.query_params["row"] = row
    return task


def _next_row(queue: LabelQueue) -> str | None:
    """From a short list, which is drawn up anew when it is used up: planning reads all scores."""
    key = f"label.next.{queue.id}"
    upcoming: list[str] = st.session_state.get(key, [])
    if not upcoming:
        upcoming = list(workbench().labelling.next_rows(queue.id))
    if not upcoming:
        return None
    st.session_state[key] = upcoming[1:]
    return upcoming[0]


def _row(queue: LabelQueue, task: LabelTask) -> None:
    """What the model was asked, its reply, the reference; other fields only on request, since
    some of them may tell whose reply it is."""
    st.caption(plain(f"Row {task.example.position + 1}, example {task.example.id}"))
    run = workbench().run(queue.run_ids[0])
    fields = task.example.fields
    asked = [name for name in template_placeholders(run.spec.prompt.template) if name in fields]
    for name in asked:
        _field(name, fields[name])
    if queue.is_pair:
        for column, sample, place in zip(
            st.columns(2), task.replies, ("Left", "Right"), strict=True
        ):
            with column:
                _reply(place, sample)
    else:
        _reply("Reply", task.replies[0])
    reference = run.spec.reference_field
    if reference in fields:
        _field(f"{reference} (reference)", fields[reference])
    others = [name for name in fields if name not in (*asked, reference)]
    if others:
        with st.expander("Other fields"):
            for name in others:
                _field(name, fields[name])


def _field(title: str, value: Any) -> None:
    st.caption(plain(title))
    verbatim(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _reply(title: str, sample: StoredSample) -> None:
    with st.container(border=True):
        st.markdown(f"**{plain(title)}**")
        verbatim(sample.reply.text if sample.reply else "")


def _rubric(queue: LabelQueue) -> None:
    with st.container(border=True):
        st.markdown(f"**{plain(queue.rubric.question)}**")
        if queue.rubric.instructions:
            st.text(queue.rubric.instructions)
        st.caption(f"Rubric version {queue.rubric_number}")
    with st.popover("Change the rubric", icon=":material/edit:"):
        form = f"rubric.{queue.id}"
        seen = as_seen(form, queue) or queue
        question = st.text_input("Question", value=seen.rubric.question, key=f"{form}.question")
        text = st.text_area(
            "Rubric", value=seen.rubric.instructions, key=f"{form}.text", height=200
        )
        st.caption("Answers so far keep the version that they were given under.")
        if st.button("Save as a new version"):
            with errors_shown():
                rubric = queue.rubric.model_copy(
                    update={"question": question, "instructions": text}
                )
                workbench().labelling.change_rubric(queue.id, rubric, based_on=seen.rubric_number)
                forget_form(form)
                st.rerun()
        changes_shown(form, seen, queue)


def _answer(queue: LabelQueue, task: LabelTask) -> None:
    example = task.example.id
    if task.mine is not None:
        said = task.mine.label or "skipped"
        st.caption(plain(f"Your answer so far: {_shown(task, said) if queue.is_pair else said}"))
    comment = f"label.comment.{queue.id}.{example}"
    st.text_area(
        "Comment", key=comment, value=task.mine.comment if task.mine else "", height=80,
        placeholder="Optional", persist_state="session",
    )  # fmt: skip
    _keep_comments(queue)
    shown = PLACES if queue.is_pair else queue.rubric.labels
    meant = [task.choice(each) for each in CHOICES] if queue.is_pair else queue.rubric.labels
    for number, (text, label) in enumerate(zip(shown, meant, strict=True), start=1):
        st.button(
            plain(text), key=f"label.{number}", shortcut=str(number), width="stretch",
            on_click=_label, args=(queue, example, label, comment), type="primary",
        )  # fmt: skip
    with st.container(horizontal=True):
        st.button(
            "Skip", shortcut="S", on_click=_label, args=(queue, example, None, comment),
            icon=":material/skip_next:",
        )  # fmt: skip
        _undo_button(queue)


def _keep_comments(queue: LabelQueue) -> None:
    """Those that are written and not sent with an answer yet outlive a reload."""
    start = f"label.comment.{queue.id}."
    written = {
        str(key): value
        for key, value in st.session_state.items()
        if str(key).startswith(start) and value
    }

    def take_back(kept: dict[str, str]) -> None:
        st.session_state.update({key: str(kept[key]) for key in kept if key.startswith(start)})

    keep_draft(f"comments of {queue.id}", written or None, take_back)


def _shown(task: LabelTask, said: str) -> str:
    places = {task.choice(each): text for each, text in zip(CHOICES, PLACES, strict=True)}
    return next((text for choice, text in places.items() if choice == said), said)


def _undo_button(queue: LabelQueue) -> None:
    st.button("Undo", shortcut="U", on_click=_undo, args=(queue,), icon=":material/undo:")


def _label(queue: LabelQueue, example: str, label: str | None, comment: str) -> None:
    try:
        text = st.session_state.get(comment) or ""
        workbench().labelling.label(queue.id, example, label, text)
    except Exception as error:
        show_error(error)
        return
    st.session_state.pop(comment, None)  # it is stored with the answer
    following = _next_row(queue)
    if following is None:
        st.query_params.pop("row", None)
    else:
        st.query_params["row"] = following


def _undo(queue: LabelQueue) -> None:
    try:
        taken = workbench().labelling.undo(queue.id)
    except Exception as error:
        show_error(error)
        return
    if taken is not None:
        st.query_params["row"] = taken.example_id
