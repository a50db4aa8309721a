"""A prompt's versions, newest first, and the labels that point to them."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.prompt import PromptVersion
from prompt_app.errors import PromptAppError
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.prompt_choice import show_difference, show_version
from prompt_app.ui.components.prompt_list import label_badges, version_facts
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import may_edit, workbench

VERSIONS_A_PAGE = 15
USUAL_LABELS = ("production", "staging")


def prompt_history(name: str) -> None:
    library = workbench().prompt_library
    page = paged(
        lambda offset: library.versions(name, offset=offset, limit=VERSIONS_A_PAGE),
        VERSIONS_A_PAGE,
        f"versions of {name}",
    )
    uses = library.use_counts(name)
    labels = library.labels(name)
    _labels(name, labels)
    for version in page.items:
        _card(version, uses.get(version.id, 0), labels)
    pager(page, VERSIONS_A_PAGE, "version")


def _labels(name: str, labels: dict[str, int]) -> None:
    if not labels:
        st.caption("No label yet. A label such as production names the version to be called.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, number in labels.items():
            st.badge(plain(f"{label} is version {number}"), color="green", icon=":material/sell:")
            if may_edit() and _remove_button(name, label):
                _confirm_removal(name, label, number)


def _remove_button(name: str, label: str) -> bool:
    return st.button(f"Remove {plain(label)}", key=f"remove.{name}.{label}", type="tertiary")


def _card(version: PromptVersion, uses: int, labels: dict[str, int]) -> None:
    key = f"{version.name}@{version.number}"
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**Version {version.number}**")
            label_badges(version)
        st.caption(plain(version_facts(version, uses)))
        with st.container(horizontal=True):
            st.button(
                "Open in the editor",
                key=f"edit.{key}",
                icon=":material/edit:",
                type="tertiary",
                on_click=show_version,
                args=(version.number,),
            )
            if version.number > 1:
                st.button(
                    f"Compare with version {version.number - 1}",
                    key=f"diff.{key}",
                    icon=":material/difference:",
                    type="tertiary",
                    on_click=show_difference,
                    args=(version.number - 1, version.number),
                )
            if may_edit() and st.button(
                "Label", key=f"label.{key}", icon=":material/sell:", type="tertiary"
            ):
                _label_dialog(version, labels)


@st.dialog("Label a version")
def _label_dialog(version: PromptVersion, labels: dict[str, int]) -> None:
    known = list(dict.fromkeys([*labels, *USUAL_LABELS]))
    label = st.selectbox(
        "Label", known, key="label.name", accept_new_options=True, placeholder="Choose or type"
    )
    if not label:
        return
    current = labels.get(label)
    if current == version.number:
        st.info(plain(f"{label} points to version {current} already."))
        return
    if current is not None:
        st.warning(
            plain(
                f"{label} moves from version {current} to version {version.number}. Whoever "
                f"calls {version.name}@{label} gets version {version.number} from then on."
            ),
            icon=":material/warning:",
        )
    text = f"Set {label}" if current is None else f"Move {label}"
    if st.button(plain(text), type="primary"):
        try:
            workbench().prompt_library.move_label(version.name, label, version.number)
        except PromptAppError as error:
            show_message(str(error))
            return
        st.rerun()


@st.dialog("Remove a label")
def _confirm_removal(name: str, label: str, number: int) -> None:
    st.warning(
        plain(f"{label} points to version {number}. Whoever calls {name}@{label} gets an error."),
        icon=":material/warning:",
    )
    if st.button(f"Remove {plain(label)}", type="primary"):
        workbench().prompt_library.remove_label(name, label)
        st.rerun()
