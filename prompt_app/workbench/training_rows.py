"""Training examples out of datasets, and out of the best-scored rows of runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from prompt_app.datamodel.dataset import DatasetVersion, field_value, reference_values
from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.finetuning import TrainingExample, TrainingSource
from prompt_app.datamodel.prompt import Message
from prompt_app.datamodel.rendering import placeholders, render_messages, render_text
from prompt_app.errors import EvaluationError, InputError, TemplateError
from prompt_app.interfaces import Store
from prompt_app.interfaces.rows import RowFilter, StoredSample
from prompt_app.registry import nearest_names
from prompt_app.workbench.pinning import all_examples

PAGE = 500
MOST_EXAMPLES = 100_000


def training_examples(store: Store, source: TrainingSource) -> list[TrainingExample]:
    """At most MOST_EXAMPLES. Raises InputError for a dataset, field, run or metric that is not
    there."""
    found = _from_runs(store, source) if source.runs else _from_dataset(store, source)
    return list(islice(found, min(source.most or MOST_EXAMPLES, MOST_EXAMPLES)))


def dataset_of(store: Store, name: str) -> DatasetVersion:
    """``name`` or ``name@number``."""
    plain, _, number = name.partition("@")
    if number and not number.isdecimal():
        raise InputError(f"A dataset's version is a number: not {name!r}.")
    return store.get_dataset_version(plain, int(number) if number else None)


def text_of(template: str, fields: Mapping[str, Any]) -> str:
    """A template filled from a row, or the text of the field of that name, whatever its case; the
    first of several answers. Raises TemplateError."""
    if placeholders(template):
        return render_text(template, "single", fields)
    by_case = {name.casefold(): name for name in fields}
    name = template if template in fields else by_case.get(template.casefold(), template)
    try:
        value = field_value(fields, name)
    except KeyError:
        near = nearest_names(template, fields)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise TemplateError(
            f"There is no field {template!r}.{hint} The fields are {', '.join(fields)}."
        ) from None
    if isinstance(value, list):
        value = next(iter(reference_values(value)), None)
    return render_text("{value}", "single", {"value": value})


def _from_dataset(store: Store, source: TrainingSource) -> Iterator[TrainingExample]:
    version = dataset_of(store, source.dataset or "")
    if source.split is not None and source.split not in version.split_rows:
        known = ", ".join(version.split_rows) or "none"
        raise EvaluationError(f"{version.name} has no split {source.split!r}; its splits: {known}.")
    for example in all_examples(store, version.id, source.split):
        turns = (
            Message(role="user", content=text_of(source.prompt, example.fields)),
            Message(role="assistant", content=text_of(source.response, example.fields)),
        )
        yield TrainingExample(
            messages=_with_system(turns, source.system),
            origin=f"{version.name}@{version.number} row {example.id}",
        )


def _from_runs(store: Store, source: TrainingSource) -> Iterator[TrainingExample]:
    """The best rows first; of an example that several runs or repeats answered, the best reply."""
    best: dict[str, tuple[float, Run, StoredSample]] = {}
    for run_id in source.runs:
        run = store.get_run(run_id)
        keys = [metric.key for metric in run.spec.metrics]
        if source.metric not in keys:
            raise EvaluationError(
                f"{run.id} has no metric {source.metric!r}; its metrics: {', '.join(keys)}."
            )
        for sample in _good_samples(store, run, source):
            score = next(each.value for each in sample.scores if each.metric == source.metric)
            known = best.get(sample.key.example_id)
            if known is None or score > known[0]:
                best[sample.key.example_id] = (score, run, sample)
    for _, run, sample in sorted(best.values(), key=lambda each: -each[0]):
        if sample.reply is None:
            continue
        asked = render_messages(run.spec.prompt, sample.example.fields)
        answer = Message(role="assistant", content=sample.reply.text)
        yield TrainingExample(
            messages=_with_system((*asked, answer), source.system),
            origin=f"run {run.id} row {sample.key.example_id}",
        )


def _good_samples(store: Store, run: Run, source: TrainingSource) -> Iterator[StoredSample]:
    wanted = RowFilter(
        state="scored", metric=source.metric, minimum=source.at_least, sort="score", descending=True
    )
    offset = 0
    while page := store.list_samples(run.id, wanted, offset=offset, limit=PAGE).items:
        for sample in page:
            if any(score.metric == source.metric for score in sample.scores):
                yield sample
        offset += len(page)


def _with_system(messages: tuple[Message, ...], system: str | None) -> tuple[Message, ...]:
    if system is None or not system.strip():
        return messages
    rest = tuple(each for each in messages if each.role != "system")
    return (Message(role="system", content=system), *rest)
