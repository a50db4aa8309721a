"""Named parameters, each save a version where something changed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from prompt_app.datamodel.catalogue import ParameterPreset
from prompt_app.datamodel.model import InferenceParameters
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.parameter_form import parameter_fields
from prompt_app.ui.components.wording import ago, plain
from prompt_app.ui.state import may_edit, workbench


def preset_section() -> None:
    presets = workbench().models.presets()
    st.caption(
        "A preset is a name for parameters. Evaluations and the playground offer presets; a run "
        "keeps the parameters themselves, so that a later change does not touch it."
    )
    if not presets:
        st.info("No presets yet.", icon=":material/info:")
    for preset in presets:
        _card(preset)
    if may_edit() and st.button("Add preset", type="primary", icon=":material/add:"):
        _form(None)


def parameters_text(parameters: InferenceParameters) -> str:
    """``temperature=0.2, max_tokens=64``."""
    given: dict[str, Any] = parameters.given()
    return ", ".join(f"{name}={value}" for name, value in given.items()) or "the model's defaults"


def _card(preset: ParameterPreset) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(preset.name)}**", width="content")
            st.badge(f"version {preset.number}", color="gray")
        st.caption(plain(parameters_text(preset.parameters)))
        facts = [preset.author, ago(preset.created_at)]
        st.caption(plain(" · ".join(fact for fact in facts if fact)))
        if preset.number > 1:
            with st.expander("Earlier versions"):
                for each in workbench().models.preset_versions(preset.name)[1:]:
                    st.caption(plain(f"{each.number}: {parameters_text(each.parameters)}"))
        if may_edit():
            with st.container(horizontal=True):
                if st.button("Change", key=f"change.{preset.name}", type="tertiary"):
                    _form(preset)
                if st.button("Remove", key=f"drop.{preset.name}", type="tertiary"):
                    _confirm_removal(preset.name)


@st.dialog("Preset", width="medium")
def _form(given: ParameterPreset | None) -> None:
    name = st.text_input("Name", given.name if given else "", disabled=given is not None)
    prefix = f"preset.{given.name}.{given.number}" if given else "preset.new"
    with errors_shown():
        found = parameter_fields(prefix, given.parameters.given() if given else None)
        if st.button("Save", type="primary", icon=":material/save:"):
            workbench().models.save_preset(name.strip(), InferenceParameters.model_validate(found))
            st.rerun()


@st.dialog("Remove a preset")
def _confirm_removal(name: str) -> None:
    st.warning("All its versions go. Runs keep their parameters.", icon=":material/warning:")
    if st.button(f"Remove {plain(name)}", type="primary"):
        with errors_shown():
            workbench().models.delete_preset(name)
            st.rerun()
