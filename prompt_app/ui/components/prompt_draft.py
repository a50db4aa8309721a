"""What someone has written and not saved yet. It stays in the session, whatever page is shown."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, cast

import streamlit as st

from prompt_app.datamodel.prompt import FewShot, Message, PromptTemplate, PromptVersion, Role
from prompt_app.datamodel.rendering import Notation
from prompt_app.errors import TemplateError, UnknownNameError
from prompt_app.ui.components.draft_keeper import keep_draft
from prompt_app.ui.state import workbench
from prompt_app.workbench.prompt_library import written_template

_DRAFTS = "prompt.drafts"


@dataclass
class DraftMessage:
    """``token`` names its widgets: they are new where the message is."""

    role: Role
    content: str
    token: str = field(default_factory=lambda: secrets.token_hex(6))


@dataclass
class Draft:
    """Starts as a copy of a version; ``based_on`` is the newest version its writer has seen."""

    based_on: int
    messages: list[DraftMessage]
    notation: Notation = "single"
    few_shot: FewShot | None = None
    note: str = ""
    token: str = field(default_factory=lambda: secrets.token_hex(6))

    def template(self) -> PromptTemplate:
        """Raises TemplateError where there is no user message."""
        messages = [Message(role=each.role, content=each.content) for each in self.messages]
        return written_template(messages, placeholders=self.notation, few_shot=self.few_shot)

    def as_json(self) -> dict[str, Any]:
        return {
            "based_on": self.based_on,
            "messages": [[each.role, each.content] for each in self.messages],
            "notation": self.notation,
            "few_shot": self.few_shot and self.few_shot.model_dump(mode="json"),
            "note": self.note,
            "name": st.session_state.get(f"name.{self.token}", ""),
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Draft:
        """Raises KeyError, TypeError or ValueError for what is no draft."""
        few_shot = kept["few_shot"]
        draft = cls(
            based_on=int(kept["based_on"]),
            messages=[DraftMessage(role, str(content)) for role, content in kept["messages"]],
            notation=kept["notation"],
            few_shot=FewShot.model_validate(few_shot) if few_shot else None,
            note=str(kept["note"]),
        )
        st.session_state[f"name.{draft.token}"] = str(kept["name"])
        return draft

    def is_changed(self, template: PromptTemplate) -> bool:
        try:
            return self.template() != template
        except TemplateError:
            return True

    def move(self, index: int, step: int) -> None:
        other = index + step
        both = self.messages
        both[index], both[other] = both[other], both[index]

    def add(self, role: str) -> None:
        self.messages.append(DraftMessage(cast(Role, role), ""))


def draft_of(version: PromptVersion | None) -> Draft:
    """The session's draft over ``version``, or of a new prompt."""
    drafts: dict[str, Draft] = st.session_state.setdefault(_DRAFTS, {})
    key = _key(version)
    if key not in drafts:
        drafts[key] = _fresh(version)
    return drafts[key]


def other_drafts(version: PromptVersion) -> list[int]:
    """The other versions of the prompt over which something is written and not saved."""
    found = []
    for key, draft in st.session_state.get(_DRAFTS, {}).items():
        name, _, number = key.rpartition("@")
        if name == version.name and key != _key(version):
            stored = workbench().prompt_library.version(name, int(number))
            if draft.is_changed(stored.template):
                found.append(stored.number)
    return sorted(found)


def own_draft(key: str) -> Draft:
    """A draft over no prompt at all, for a page of its own."""
    drafts: dict[str, Draft] = st.session_state.setdefault(_DRAFTS, {})
    return drafts.setdefault(f" {key}", _fresh(None))


def keep_drafts() -> None:
    """All that is written and not saved outlives a reload of the page."""
    drafts: dict[str, Draft] = st.session_state.get(_DRAFTS, {})
    unsaved = {key: draft.as_json() for key, draft in drafts.items() if _is_unsaved(key, draft)}
    keep_draft("prompts", unsaved or None, _take_back)


def _is_unsaved(key: str, draft: Draft) -> bool:
    name, _, number = key.rpartition("@")
    if not name:
        return any(each.content.strip() for each in draft.messages)
    try:
        return draft.is_changed(workbench().prompt_library.version(name, int(number)).template)
    except UnknownNameError:
        return False  # nothing that it could be saved over


def _take_back(kept: dict[str, Any]) -> None:
    drafts = {key: Draft.from_json(value) for key, value in kept.items()}
    st.session_state.setdefault(_DRAFTS, {}).update(drafts)


def drop_draft(version: PromptVersion | None) -> None:
    st.session_state.get(_DRAFTS, {}).pop(_key(version), None)


def _key(version: PromptVersion | None) -> str:
    return f"{version.name}@{version.number}" if version else ""


def _fresh(version: PromptVersion | None) -> Draft:
    if version is None:
        return Draft(0, [DraftMessage("system", ""), DraftMessage("user", "")])
    template = version.template
    return Draft(
        based_on=workbench().prompt_library.version(version.name).number,
        messages=[DraftMessage(each.role, each.content) for each in template.messages],
        notation=template.placeholders,
        few_shot=template.few_shot,
    )
