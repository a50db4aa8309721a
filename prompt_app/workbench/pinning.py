"""Pins prompts: a fixed version, with its few-shot examples chosen and their answers written."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from prompt_app.datamodel.dataset import (
    DatasetVersion,
    Example,
    field_value,
    reference_values,
    sampling_key,
)
from prompt_app.datamodel.evaluation import PromptSelection
from prompt_app.datamodel.perturbing import Perturbation
from prompt_app.datamodel.prompt import FewShot, PinnedPrompt, PromptTemplate
from prompt_app.datamodel.rendering import check_not_empty, render_text, template_placeholders
from prompt_app.errors import EvaluationError, InputError
from prompt_app.interfaces import Store
from prompt_app.interfaces.watching import tell

PAGE = 1000


def all_examples(store: Store, version_id: str, split: str | None = None) -> Iterator[Example]:
    """A dataset version's rows in order, a page in memory at a time."""
    position = -1
    while page := store.list_examples(version_id, split=split, after_position=position, limit=PAGE):
        yield from page
        position = page[-1].position
        tell("rows read", position + 1)


class PromptPinner:
    """For one evaluation over ``dataset``."""

    def __init__(self, store: Store, dataset: DatasetVersion) -> None:
        self._store = store
        self._dataset = dataset

    def pin(self, chosen: PromptSelection) -> PinnedPrompt:
        """The prompt with its shots; one written in place is not saved yet."""
        if chosen.template is not None:
            template = chosen.template
            pinned = PinnedPrompt(
                name=chosen.name or "prompt", version_id=template.content_id, template=template
            )
        else:
            name, _, which = (chosen.ref or "").partition("@")
            version = self._store.get_prompt_version(name, which or None)
            template = version.template
            pinned = PinnedPrompt(
                name=name, version_id=version.id, number=version.number, template=template
            )
        check_not_empty(pinned.name, template)
        if chosen.perturb is not None:
            _check_perturbed(chosen.perturb, template)
            pinned = pinned.model_copy(update={"perturb": chosen.perturb})
        if template.few_shot is None:
            return pinned
        return self._with_shots(pinned, template, template.few_shot)

    def _with_shots(
        self, pinned: PinnedPrompt, template: PromptTemplate, few_shot: FewShot
    ) -> PinnedPrompt:
        dataset = self._dataset
        name, _, number = few_shot.dataset.partition("@")
        source = dataset
        if (name, number) not in {(dataset.name, ""), (dataset.name, str(dataset.number))}:
            source = self._store.get_dataset_version(name, int(number) if number else None)
        if few_shot.example_ids:
            shots = [self._store.get_example(source.id, each) for each in few_shot.example_ids]
        else:
            shots = heapq.nsmallest(
                few_shot.count,
                all_examples(self._store, source.id, few_shot.split),
                key=lambda example: sampling_key(few_shot.seed, example.id),
            )
        if len(shots) < few_shot.count and not few_shot.example_ids:
            raise EvaluationError(
                f"Prompt {pinned.name!r} asks for {few_shot.count} few-shot examples, but "
                f"{source.name}@{source.number} has only {len(shots)}"
                + (f" in split {few_shot.split!r}." if few_shot.split else ".")
            )
        answers = tuple(
            _shot_answer(template, few_shot, shot, source.options.reference_field) for shot in shots
        )
        return pinned.model_copy(update={"shots": tuple(shots), "shot_answers": answers})


def _check_perturbed(perturb: Perturbation, template: PromptTemplate) -> None:
    shown = template_placeholders(template)
    for path in perturb.fields:
        if path not in shown:
            raise EvaluationError(
                f"'perturb' names the field {path!r}, which the prompt does not show; it shows "
                f"{', '.join(shown)}."
            )


def _shot_answer(
    template: PromptTemplate, few_shot: FewShot, shot: Example, reference_field: str
) -> str:
    if few_shot.answer is not None:
        return render_text(few_shot.answer, template.placeholders, shot.fields)
    try:
        references = reference_values(field_value(shot.fields, reference_field))
    except KeyError:
        references = ()
    if not references:
        raise InputError(
            f"Few-shot example {shot.id} has no reference answer in {reference_field!r}; "
            "give 'few_shot' an 'answer' template or other examples."
        )
    return references[0]
