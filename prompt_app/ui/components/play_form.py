"""What the playground calls: prompts, models with parameters, and one input."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from prompt_app.datamodel.dataset import DatasetVersion, field_value, reference_values
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.ui.components.draft_keeper import keep_draft
from prompt_app.ui.components.model_form import model_references
from prompt_app.ui.components.parameter_form import parameter_fields
from prompt_app.ui.components.prompt_draft import own_draft
from prompt_app.ui.components.prompt_editor import message_fields
from prompt_app.ui.components.prompt_preview import ChosenRow, row_choice
from prompt_app.ui.components.verbatim import MOST_CHARACTERS, cut, verbatim
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench

Prompts = list[tuple[str, PromptTemplate]]
Models = list[tuple[ModelSpec, InferenceParameters]]
OWN = "written here"
MOST_TYPED = MOST_CHARACTERS
"""A longer value of a row is shown by its beginning, and no field is there to edit it."""
MOST_SHOWN = 600
"""Of a value that is not edited: the button to call stays in sight."""
_FIELD = "play.field."


@dataclass(frozen=True)
class PlayInput:
    """What placeholders stand for; ``dataset`` where it is a row of one."""

    fields: dict[str, Any]
    dataset: DatasetVersion | None


def play_prompts() -> Prompts:
    stored = workbench().list_prompts()
    options = [f"{each.name}@{which}" for each in stored for which in (each.number, *each.labels)]
    refs = st.multiselect(
        "Stored prompts",
        options,
        key="prompts",
        bind="query-params",
        accept_new_options=True,
        placeholder="Choose, or type name@version or name@label",
    )
    chosen: Prompts = []
    for ref in refs:
        name, _, which = ref.partition("@")
        chosen.append((ref, workbench().prompt_library.version(name, which or None).template))
    if st.toggle("Write one here", not stored, key="play.write", persist_state="session"):
        draft = own_draft("playground")
        message_fields(draft, None)
        if any(each.content.strip() for each in draft.messages):
            chosen.append((OWN, draft.template()))
    return chosen


def play_models() -> Models:
    references = st.multiselect(
        "Models",
        model_references(),
        key="models_played",
        bind="query-params",
        accept_new_options=True,
        placeholder="Choose, or type provider:name",
    )
    presets = _presets()
    with st.expander("Parameters", icon=":material/tune:"):
        given = InferenceParameters.model_validate(parameter_fields("play"))
    sets = [given.merged(preset) for preset in presets] or [given]
    return [
        (workbench().models.spec(reference), parameters)
        for reference in references
        for parameters in sets
    ]


def _presets() -> list[InferenceParameters]:
    presets = {each.name: each.parameters for each in workbench().models.presets()}
    if not presets:
        return []
    names = st.multiselect(
        "Presets",
        list(presets),
        key="presets",
        bind="query-params",
        placeholder="None: the parameters below alone",
        help="Each model is called with each of them.",
    )
    return [presets[name] for name in names]


def play_input(prompts: Prompts) -> PlayInput:
    """A field for each placeholder, filled from a row where one is chosen."""
    row = None
    if st.toggle("From a dataset's row", True, key="play.row", persist_state="session"):
        row = row_choice()
    names = workbench().playground.placeholders([template for _, template in prompts])
    if not names:
        st.caption("The prompts have no placeholders." if prompts else "Choose a prompt first.")
    fields = dict(row.example.fields) if row else {}
    for name in names:
        _field(name, fields, row)
    _keep_fields()
    if row:
        _reference(row)
    return PlayInput(fields, row.dataset if row else None)


def _field(name: str, fields: dict[str, Any], row: ChosenRow | None) -> None:
    given = _text(fields, name)
    if len(given) > MOST_TYPED:
        st.caption(plain(name))
        verbatim(cut(given, MOST_SHOWN))
        st.caption("Too long to be edited here: it is sent whole, as the row has it.")
        return
    place = f"{row.dataset.id}.{row.example.id}" if row else ""
    key = f"{_FIELD}{place}.{name}"
    st.session_state[f"given.{key}"] = given
    typed = st.text_area(plain(name), given, key=key, persist_state="session", height=90)
    if typed != given or name not in fields:
        fields[name] = typed


def _keep_fields() -> None:
    """What was typed into the fields outlives a reload."""
    typed = {
        str(key): value
        for key, value in st.session_state.items()
        if str(key).startswith(_FIELD) and value and value != st.session_state.get(f"given.{key}")
    }

    def take_back(kept: dict[str, str]) -> None:
        st.session_state.update({key: str(kept[key]) for key in kept if key.startswith(_FIELD)})

    keep_draft("playground fields", typed or None, take_back)


def _text(fields: dict[str, Any], name: str) -> str:
    try:
        value = field_value(fields, name)
    except KeyError:
        return ""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _reference(row: ChosenRow) -> None:
    try:
        value = field_value(row.example.fields, row.dataset.options.reference_field)
    except KeyError:
        return
    if found := reference_values(value):
        st.caption(plain(f"Reference: {cut(' | '.join(found), MOST_SHOWN)}"))


def is_whole(prompts: Sequence[object], models: Sequence[object]) -> str:
    """What is still to be chosen; empty where nothing is."""
    if not prompts:
        return "Choose or write a prompt."
    return "" if models else "Choose a model."
