"""The playground: one input against several prompts and models at once, told what it costs
beforehand, and kept as a prompt's version or a dataset's row where it is worth keeping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.dataset import DatasetOptions, DatasetVersion, Example
from prompt_app.datamodel.evaluation import PromptSelection
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.datamodel.prompt import Message, PinnedPrompt, PromptTemplate
from prompt_app.datamodel.rendering import render_messages, template_placeholders
from prompt_app.errors import EvaluationError, InputError
from prompt_app.interfaces import Store
from prompt_app.providers.catalogue import check_access, check_model, check_parameters, pin_server
from prompt_app.providers.offline_models.scripted import with_script
from prompt_app.providers.prices import price_of
from prompt_app.providers.tokens import estimate_tokens
from prompt_app.settings import Settings
from prompt_app.workbench.models import Models
from prompt_app.workbench.pinning import PromptPinner, all_examples
from prompt_app.workbench.playing import PlannedCall, Playing

MOST_CALLS = 24
LONG_REPLY_TOKENS = 1000
"""A reply's length where nothing limits it."""


@dataclass(frozen=True, slots=True)
class PlayQuote:
    """What the calls will take, at most."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """None where a model's price is unknown."""
    is_bounded: bool
    """Whether every model's replies have a greatest length."""


class Playground:
    """In the hands of ``actor``."""

    def __init__(self, store: Store, settings: Settings, actor: Person) -> None:
        self._store = store
        self._settings = settings
        self._actor = actor

    def plan(
        self,
        prompts: Sequence[tuple[str, PromptTemplate]],
        models: Sequence[tuple[ModelSpec, InferenceParameters]],
        fields: Mapping[str, Any],
        dataset: DatasetVersion | None = None,
    ) -> list[PlannedCall]:
        """Every prompt on every model, rendered with ``fields``. ``dataset`` is where few-shot
        examples come from that name no other.

        Raises InputError for what cannot be called as asked, AuthenticationError where
        credentials are missing; only an admin calls servers that the settings do not name.
        """
        if len(prompts) * len(models) > MOST_CALLS:
            raise EvaluationError(
                f"{len(prompts)} prompts on {len(models)} models are "
                f"{len(prompts) * len(models)} calls; the playground makes {MOST_CALLS} at once. "
                "An evaluation has no such limit."
            )
        usable = [(self._checked(model, given), given) for model, given in models]
        calls = []
        for name, template in prompts:
            messages = self._rendered(name, template, fields, dataset)
            calls += [
                PlannedCall(self._title(name, model, given), template, model, given, messages)
                for model, given in usable
            ]
        return calls

    def quote(self, calls: Sequence[PlannedCall]) -> PlayQuote:
        """Input is estimated on the high side; a reply is taken as long as it may be, or as
        LONG_REPLY_TOKENS where nothing limits it."""
        tokens_in = tokens_out = 0
        cost: float | None = 0.0
        for call in calls:
            given = call.parameters
            read = estimate_tokens(call.messages)
            written = (given.max_tokens or LONG_REPLY_TOKENS) * given.num_responses
            tokens_in += read
            tokens_out += written
            price = price_of(call.model)
            if price is None or cost is None:
                cost = None
            else:
                cost += price.per_request + (read * price.input + written * price.output) / 1e6
        bounded = all(
            call.parameters.max_tokens is not None or call.model.provider == "offline"
            for call in calls
        )
        return PlayQuote(len(calls), tokens_in, tokens_out, cost, bounded)

    def start(self, calls: Sequence[PlannedCall]) -> Playing:
        """Call them all, at once, from this process."""
        self._actor.require(Role.EDITOR, "call models")
        return Playing(calls, self._store, self._settings, self._actor.id)

    def placeholders(self, templates: Sequence[PromptTemplate]) -> list[str]:
        """What an input has to give, each once."""
        return list(
            dict.fromkeys(name for each in templates for name in template_placeholders(each))
        )

    def save_row(self, name: str, fields: Mapping[str, Any], reference: str) -> DatasetVersion:
        """A new version of dataset ``name`` with one more row, or a new dataset of one row.

        ``reference`` is its reference answer. Raises InputError where a field or the answer is
        missing that the dataset's other rows have.
        """
        self._actor.require(Role.EDITOR, "change datasets")
        known = [version.name for version in self._store.list_datasets()]
        if name not in known:
            row = Example(id="1", position=0, fields={**fields, "answers": [reference]})
            options = DatasetOptions(reference_field="answers")
            return self._store.save_dataset_version(name, options, [row], source="playground")
        version = self._store.get_dataset_version(name)
        return self._store.save_dataset_version(
            name,
            version.options,
            self._with_row(version, fields, reference),
            source=version.source,
            skipped_rows=version.skipped_rows,
            note="One row from the playground.",
        )

    def _with_row(
        self, version: DatasetVersion, fields: Mapping[str, Any], reference: str
    ) -> Iterator[Example]:
        last = None
        ids = set()
        for example in all_examples(self._store, version.id):
            last = example
            ids.add(example.id)
            yield example
        answer_field = version.options.reference_field
        if "." in answer_field and answer_field not in version.columns:
            raise InputError(
                f"{version.name} keeps its answers inside {answer_field!r}: add the row on the "
                "dataset's own page."
            )
        as_list = last is not None and isinstance(last.fields.get(answer_field), list)
        position = last.position + 1 if last else 0
        number = position + 1
        while str(number) in ids or f"playground-{number}" in ids:
            number += 1
        answer: Any = [reference] if as_list else reference
        yield Example(
            id=f"playground-{number}", position=position, fields={**fields, answer_field: answer}
        )

    def _checked(self, model: ModelSpec, given: InferenceParameters) -> ModelSpec:
        Models(self._store, self._settings, self._actor).check_server(model)
        pinned = pin_server(with_script(model, Path()), self._settings)
        check_model(pinned, self._settings)
        check_parameters(pinned, given)
        check_access(pinned, self._settings)
        return pinned

    def _rendered(
        self,
        name: str,
        template: PromptTemplate,
        fields: Mapping[str, Any],
        dataset: DatasetVersion | None,
    ) -> tuple[Message, ...]:
        if template.few_shot is not None and dataset is None:
            source, _, number = template.few_shot.dataset.partition("@")
            dataset = self._store.get_dataset_version(source, int(number) if number else None)
        pinned = PinnedPrompt(name=name, version_id="", template=template)
        if dataset is not None:
            selection = PromptSelection.model_construct(name=name, template=template)
            pinned = PromptPinner(self._store, dataset).pin(selection)
        return render_messages(pinned, fields)

    def _title(self, name: str, model: ModelSpec, given: InferenceParameters) -> str:
        own = (each.reference for each in self._store.list_endpoints() if each.model == model)
        parameters = ", ".join(f"{key}={value}" for key, value in given.given().items())
        return " · ".join(part for part in (name, next(own, model.reference), parameters) if part)
