"""Step 2: which prompts, stored ones and one that is written here."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.evaluation import PromptSelection
from prompt_app.datamodel.prompt import Message, PinnedPrompt, PromptTemplate
from prompt_app.datamodel.rendering import check_template, render_messages, template_placeholders
from prompt_app.errors import PromptAppError
from prompt_app.ui.components.dataset_form import ChosenDataset
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.verbatim import verbatim
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import EVALUATION, FOR, PROMPT, workbench

NOTATIONS = {"{field}": "single", "{{field}}": "double"}


def prompt_form(dataset: ChosenDataset | None) -> list[PromptSelection]:
    """Each prompt is checked against the dataset's fields and shown on its first row."""
    stored = workbench().list_prompts()
    pipelines = workbench().pipelines.references()  # their arguments, filled from the fields
    selections: list[PromptSelection] = []
    if stored or pipelines:
        refs = st.multiselect(
            "Stored prompts",
            [f"{prompt.name}@{prompt.number}" for prompt in stored] + pipelines,
            key="prompt.refs",
            persist_state="session",
            accept_new_options=True,
            placeholder="Choose, or type name@version or name@label",
        )
        for ref in refs:
            if ref not in pipelines:
                _check_stored(ref, dataset)
            selections.append(PromptSelection(ref=ref))
    st.session_state.setdefault("prompt.write", not stored)
    with st.container(horizontal=True, vertical_alignment="center"):
        writes = st.toggle("Write a new prompt", key="prompt.write", persist_state="session")
        st.page_link(
            PROMPT,
            label="Write it in the editor",
            icon=":material/edit_note:",
            query_params={FOR: EVALUATION},
            help="With completion, a preview and few-shot examples. What is filled in here stays.",
        )
    if writes:
        written = _written(dataset)
        if written is not None:
            selections.append(written)
    return selections


def _check_stored(ref: str, dataset: ChosenDataset | None) -> None:
    name, _, which = ref.partition("@")
    try:
        template = workbench().prompt(name, which or None).template
    except PromptAppError as error:
        show_message(str(error))
        return
    _check(ref, template, dataset)


def _written(dataset: ChosenDataset | None) -> PromptSelection | None:
    if dataset is not None:
        st.text("Fields: " + "  ".join("{" + path + "}" for path in dataset.paths[:40]))
    with st.container(horizontal=True):
        name = st.text_input(
            "Prompt name", "my-prompt", key="prompt.name", persist_state="session", width=260
        )
        notation = st.selectbox(
            "Placeholders",
            list(NOTATIONS),
            key="prompt.notation",
            persist_state="session",
            width=140,
        )
    system = st.text_area(
        "System message", key="prompt.system", persist_state="session", placeholder="Optional"
    )
    user = st.text_area(
        "User message",
        key="prompt.user",
        persist_state="session",
        height=160,
        placeholder="Question: {question}\nAnswer:",
    )
    if not user.strip():
        st.caption("Write the user message. A field's name in braces stands for its value.")
        return None
    messages = [Message(role="system", content=system)] if system.strip() else []
    template = PromptTemplate(
        messages=(*messages, Message(role="user", content=user)),
        placeholders=NOTATIONS[notation],
    )
    _check(name, template, dataset)
    return PromptSelection.model_construct(name=name.strip(), template=template)


def _check(label: str, template: PromptTemplate, dataset: ChosenDataset | None) -> None:
    if dataset is None:
        return
    try:
        check_template(template, dataset.paths)
        pinned = PinnedPrompt(name=label, version_id="", template=template)
        messages = render_messages(pinned, dataset.first.fields)
    except PromptAppError as error:
        show_message(f"{label}: {error}")
        return
    if not template_placeholders(template):
        st.warning(plain(f"{label} names no field: every row gets the same prompt."))
    with st.expander(f"{plain(label)} on the first row", icon=":material/visibility:"):
        for message in messages:
            st.caption(message.role)
            verbatim(message.content)
