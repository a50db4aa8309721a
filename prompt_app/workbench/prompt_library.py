"""Prompts as people write them: drafts rendered on a row, versions that nobody overwrites
unseen, what changed between two, and where each was used."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

import yaml
from pydantic import ValidationError

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.base import problem_text
from prompt_app.datamodel.dataset import DatasetVersion, Example, field_paths
from prompt_app.datamodel.evaluation import PromptSelection, Run
from prompt_app.datamodel.names import require_name
from prompt_app.datamodel.prompt import Message, PromptTemplate, PromptVersion
from prompt_app.datamodel.rendering import check_not_empty, check_template, render_messages
from prompt_app.errors import InputError, TemplateError
from prompt_app.interfaces import Page, Store
from prompt_app.providers.tokens import estimate_tokens
from prompt_app.workbench.auditing import Audit
from prompt_app.workbench.pinning import PromptPinner

_DRAFT = "draft"
ROWS_READ_FOR_FIELDS = 50


@dataclass(frozen=True, slots=True)
class Rendering:
    """A template on one row."""

    messages: tuple[Message, ...]
    tokens: int
    """Estimated, on the high side."""


@dataclass(frozen=True, slots=True)
class MessageDifference:
    """The messages at one place of two templates, or their settings; None where one has none."""

    before: str | None
    after: str | None
    title_before: str
    title_after: str

    @property
    def is_changed(self) -> bool:
        return (self.before, self.title_before) != (self.after, self.title_after)


class PromptLibrary:
    """In the hands of ``actor``, whose name stands at the versions that are saved."""

    def __init__(self, store: Store, actor: Person) -> None:
        self._store = store
        self._actor = actor
        self._audit = Audit(store, actor)

    def search(self, text: str = "", *, offset: int = 0, limit: int = 50) -> Page[PromptVersion]:
        """The newest version of each prompt that has ``text`` in its name, labels, note or
        messages; newest first."""
        return self._store.search_prompts(text.strip(), offset=offset, limit=limit)

    def versions(self, name: str, *, offset: int = 0, limit: int = 50) -> Page[PromptVersion]:
        """Newest first. Raises UnknownNameError."""
        return self._store.page_prompt_versions(name, offset=offset, limit=limit)

    def version(self, name: str, which: str | int | None = None) -> PromptVersion:
        """By number or label; the newest when None. Raises UnknownNameError."""
        return self._store.get_prompt_version(name, which)

    def save(
        self,
        name: str,
        template: PromptTemplate,
        note: str = "",
        *,
        based_on: int | None = None,
    ) -> PromptVersion:
        """A new version, or the one that is already equal. ``based_on`` is the newest version
        that the writer has seen (0: none, the prompt is new); where there is a newer one by now,
        raises ConflictError and saves nothing. Raises InputError for a name that is none, and for
        a template without any text."""
        self._actor.require(Role.EDITOR, "save prompts")
        name = require_name(name, "a prompt")
        check_not_empty(name, template)
        return self._store.save_prompt_version(
            name, template, note.strip(), author=self._actor.name, based_on=based_on
        )

    def labels(self, name: str) -> dict[str, int]:
        """Label -> the version that it points to."""
        return self._store.prompt_labels(name)

    def move_label(self, name: str, label: str, number: int) -> None:
        """Let ``label`` point to version ``number`` alone. Raises InputError."""
        self._actor.require(Role.EDITOR, "label prompts")
        self._store.set_prompt_label(name, label.strip(), number)
        self._audit.note("prompt.label", name, f"{label.strip()} is version {number}")

    def remove_label(self, name: str, label: str) -> None:
        self._actor.require(Role.EDITOR, "label prompts")
        self._store.remove_prompt_label(name, label)
        self._audit.note("prompt.unlabel", name, label)

    def fields(self, dataset: DatasetVersion) -> tuple[str, ...]:
        """What a placeholder can name: the columns, and the paths inside the first rows."""
        found = dict.fromkeys(dataset.columns)
        for example in self._store.list_examples(dataset.id, limit=ROWS_READ_FOR_FIELDS):
            found.update(dict.fromkeys(field_paths(example.fields)))
        return tuple(found)

    def example(self, dataset: DatasetVersion, row: int) -> Example:
        """Row ``row`` (1-based) of a dataset version. Raises InputError where there is none."""
        found = self._store.list_examples(dataset.id, after_position=row - 2, limit=1)
        if not found:
            raise InputError(f"{dataset.name}@{dataset.number} has no row {row:,}.")
        return found[0]

    def render(
        self, template: PromptTemplate, dataset: DatasetVersion, example: Example
    ) -> Rendering:
        """The messages that would be sent for ``example``, shots included.

        Raises TemplateError that names every placeholder without a field, InputError where the
        few-shot examples cannot be had.
        """
        check_template(template, self.fields(dataset))
        selection = PromptSelection(name=_DRAFT, template=template)
        pinned = PromptPinner(self._store, dataset).pin(selection)
        messages = render_messages(pinned, example.fields)
        return Rendering(messages, estimate_tokens(messages))

    def difference(self, before: PromptTemplate, after: PromptTemplate) -> list[MessageDifference]:
        """Message by message, then the settings where they differ."""
        found = [
            MessageDifference(
                old.content if old else None,
                new.content if new else None,
                old.role if old else "",
                new.role if new else "",
            )
            for old, new in zip_longest(before.messages, after.messages)
        ]
        old_settings, new_settings = _settings(before), _settings(after)
        if old_settings != new_settings:
            found.append(MessageDifference(old_settings, new_settings, "settings", "settings"))
        return found

    def uses(
        self, name: str, number: int | None = None, *, offset: int = 0, limit: int = 50
    ) -> Page[Run]:
        """The runs of a prompt, or of one version of it; newest first."""
        version = None if number is None else self.version(name, number)
        return self._store.list_prompt_runs(
            name, version_id=version.id if version else None, offset=offset, limit=limit
        )

    def use_counts(self, name: str) -> dict[str, int]:
        """Version id -> how many runs used it."""
        return self._store.count_prompt_runs(name)


def _settings(template: PromptTemplate) -> str:
    kept = template.model_dump(mode="json", exclude={"messages"}, exclude_none=True)
    return str(yaml.safe_dump(kept, sort_keys=False, allow_unicode=True))


def written_template(messages: list[Message], **settings: object) -> PromptTemplate:
    """A template from an editor's parts. Raises TemplateError in one line."""
    try:
        return PromptTemplate.model_validate({"messages": messages, **settings})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise TemplateError(f"This is no prompt yet: {problem_text(first)}.") from None
