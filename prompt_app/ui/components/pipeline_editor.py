"""The text of a pipeline, checked as it is written, and saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from prompt_app.datamodel.pipeline import PipelineVersion
from prompt_app.errors import InputError, PipelineError, UnknownNameError
from prompt_app.pipelines.checking import CheckedPipeline
from prompt_app.ui.components.draft_keeper import keep_draft
from prompt_app.ui.components.errors import errors_shown, show_message
from prompt_app.ui.components.model_form import model_references
from prompt_app.ui.components.pipeline_graph import pipeline_graph
from prompt_app.ui.components.seen import forget_form, show_difference
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import PIPELINE, PIPELINES, may_edit, workbench

NEW = "pipeline.new"
_NAME, _WRITTEN = f"{NEW}.name", "pipelines.written"
EXAMPLE = 'upper(concat("Hello ", name))'


@dataclass(frozen=True)
class Draft:
    """What stands in the editor and can be called."""

    text: str
    model: str | None
    checked: CheckedPipeline


def chosen_pipeline() -> PipelineVersion | None:
    """The one of ``?name=`` (with ``&version=``); None for a new one."""
    name = st.query_params.get("name", "")
    number = st.query_params.get("version", "")
    if not name:
        return None
    try:
        return workbench().pipelines.get(f"{name}@{number}" if number else name)
    except UnknownNameError as error:
        show_message(str(error))
        if st.button("All pipelines", icon=":material/list:"):
            st.switch_page(PIPELINES)
        st.stop()


def pipeline_editor(saved: PipelineVersion | None) -> Draft | None:
    """None while what is written cannot be called."""
    place = _opened(saved)
    if saved is not None:
        _versions(saved)
    text = st.text_area(
        "Text",
        key=f"{place}.text",
        persist_state="session",
        height=180,
        placeholder=EXAMPLE,
        help="A call of prompts and functions, nested as you like. A bare name is an argument of "
        "the pipeline. The page Functions lists all that can be called.",
        disabled=not may_edit(),
    )
    model = _model(saved, place)
    _keep_text(place, text, model)
    if not text.strip():
        st.caption("Write a call; it is checked when you leave the box.")
        return None
    try:
        checked = workbench().pipelines.check(text, model)
    except InputError as error:
        show_message(str(error))
        if isinstance(error, PipelineError) and error.column:
            st.code(_pointed(text, error), language=None)
        return None
    pipeline_graph(checked)
    if may_edit():
        _saving(place, saved, text, model)
    return Draft(text, model, checked)


def _versions(saved: PipelineVersion) -> None:
    """They are numbered from 1 on, and none goes away by itself."""
    newest = workbench().pipelines.get(saved.name).number
    facts = [f"id {saved.pipeline_id}", f"version {saved.number} of {newest}"]
    facts += [fact for fact in (saved.created_by, saved.note) if fact]
    st.caption(plain(" · ".join(facts)))
    if newest > 1:
        numbers = range(newest, 0, -1)
        chosen = st.selectbox(
            "Version",
            numbers,
            index=numbers.index(saved.number),
            key=f"pipeline.{saved.reference}.version",
            width=120,
        )
        if chosen != saved.number:
            st.switch_page(PIPELINE, query_params={"name": saved.name, "version": str(chosen)})


def _model(saved: PipelineVersion | None, place: str) -> str | None:
    known = model_references()
    own = saved.model if saved else None
    options = known if own is None or own in known else [own, *known]
    model: str | None = st.selectbox(
        "Model of prompt steps that name none",
        options,
        index=None,
        key=f"{place}.model",
        persist_state="session",
        accept_new_options=True,
        placeholder="Choose, or type provider:name",
        width=420,
        disabled=not may_edit(),
    )
    return model


def _opened(saved: PipelineVersion | None) -> str:
    """Where the editor's text is kept. It follows what others save until something is written;
    from then on it stays, with the version that it is based on."""
    place = NEW
    if saved is not None:
        is_chosen = "version" in st.query_params
        place = f"pipeline.{saved.reference if is_chosen else saved.name}"
    kept = st.session_state
    written = (kept.get(f"{place}.text"), kept.get(f"{place}.model"))
    if f"{place}.text" not in kept or written == kept.get(f"{place}.begun"):
        begun = (saved.text, saved.model) if saved else ("", None)
        kept[f"{place}.text"], kept[f"{place}.model"] = kept[f"{place}.begun"] = begun
        kept[f"{place}.based_on"] = _newest(saved)
    return place


def _keep_text(place: str, text: str, model: str | None) -> None:
    """What is written and not saved, of all pipelines, outlives a reload. It is kept in one place
    for all: what was saved is forgotten on the page that comes after."""
    here = st.session_state
    written: dict[str, dict[str, Any]] = here.setdefault(_WRITTEN, {})
    written.pop(place, None)
    if (text, model) != here[f"{place}.begun"]:
        written[place] = {
            "text": text,
            "model": model,
            "begun": here[f"{place}.begun"],
            "based_on": here[f"{place}.based_on"],
        }
        if place == NEW:
            written[place]["name"] = here.get(_NAME, "")
    keep_draft("pipelines", written or None, _take_back)


def _take_back(kept: dict[str, Any]) -> None:
    here = st.session_state
    for place, draft in kept.items():
        text, model = draft["begun"]
        here[f"{place}.begun"] = (text, model)
        here[f"{place}.text"], here[f"{place}.model"] = str(draft["text"]), draft["model"]
        here[f"{place}.based_on"] = int(draft["based_on"])
        if name := draft.get("name"):
            here[_NAME] = str(name)
    here[_WRITTEN] = kept


def _newest(saved: PipelineVersion | None) -> int:
    return workbench().pipelines.get(saved.name).number if saved else 0


def _outdated(place: str, saved: PipelineVersion, text: str) -> None:
    """Somebody saved a version since this text was begun."""
    newest = workbench().pipelines.get(saved.name)
    based_on: int = st.session_state[f"{place}.based_on"]
    if newest.number == based_on:
        return
    st.warning(
        f"Version {newest.number} was saved since you began, which was at version {based_on}. "
        "Your text is kept.",
        icon=":material/warning:",
    )
    st.caption("From theirs to yours:")
    show_difference(newest.text, text)
    st.button(
        f"Let mine follow version {newest.number}",
        help="Your next save becomes the version after it, without its changes.",
        on_click=_follow,
        args=(place, newest.number),
    )


def _follow(place: str, newest: int) -> None:
    st.session_state[f"{place}.based_on"] = newest


def _saving(place: str, saved: PipelineVersion | None, text: str, model: str | None) -> None:
    is_same = saved is not None and (saved.text, saved.model) == (text, model)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = saved.name if saved else ""
        if saved is None:
            name = st.text_input("Name", key=_NAME, persist_state="session", width=240).strip()
        note = st.text_input(
            "Note", key="pipeline.note", placeholder="What changed", width=280, max_chars=500
        )
        pressed = st.button(
            "Save" if saved is None else "Save as new version",
            icon=":material/save:",
            disabled=not name or is_same,
            help="A pipeline needs a name." if not name else None,
        )
    if pressed:
        with errors_shown():
            version = workbench().pipelines.save(
                name, text, model=model, note=note, based_on=st.session_state[f"{place}.based_on"]
            )
            forget_form(place)
            st.session_state[_WRITTEN].pop(place, None)
            st.switch_page(PIPELINE, query_params={"name": version.name})
    if saved is not None:
        _outdated(place, saved, text)


def _pointed(text: str, error: PipelineError) -> str:
    """The line of the mistake with a mark under it."""
    line = text.split("\n")[error.line - 1].replace("\t", " ")
    start = max(0, error.column - 60)
    return f"{line[start : start + 100]}\n{' ' * (error.column - 1 - start)}^"
