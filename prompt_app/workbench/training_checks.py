"""What can be wrong with training examples, found before they are sent anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from itertools import pairwise

from prompt_app.datamodel.dataset import DatasetVersion
from prompt_app.datamodel.finetuning import TrainingCheck, TrainingExample, TrainingSource
from prompt_app.errors import TemplateError
from prompt_app.interfaces import Store
from prompt_app.providers.tokens import estimate_tokens
from prompt_app.workbench.pinning import all_examples
from prompt_app.workbench.training_rows import dataset_of, text_of

FEWEST_EXAMPLES = 10
"""OpenAI takes no fewer."""
MOST_TOKENS = 65_536
"""Of one example; longer ones are cut off by the providers."""
EVALUATION_SPLITS = frozenset(
    {"test", "eval", "evaluation", "validation", "val", "valid", "dev", "holdout"}
)
SHOWN = 20


def check_examples(
    store: Store, source: TrainingSource, examples: Sequence[TrainingExample]
) -> TrainingCheck:
    """Roles, lengths, duplicates, and rows that evaluation splits hold too: those of ``source``'s
    own list, and of every stored dataset the splits that are named like EVALUATION_SPLITS."""
    lengths = [estimate_tokens(example.messages) for example in examples]
    errors = list(_shown(_role_problems(examples)))
    if len(examples) < FEWEST_EXAMPLES:
        errors.append(f"There are {len(examples)} examples; a job takes {FEWEST_EXAMPLES} or more.")
    too_long = [
        f"{example.origin} has about {tokens:,} tokens; at most {MOST_TOKENS:,} are used."
        for example, tokens in zip(examples, lengths, strict=True)
        if tokens > MOST_TOKENS
    ]
    errors += _shown(too_long)
    splits = _evaluation_splits(store, source)
    return TrainingCheck(
        examples=len(examples),
        tokens=sum(lengths),
        longest=max(lengths, default=0),
        errors=tuple(errors),
        warnings=tuple(_duplicates(examples)),
        leaks=tuple(_leaks(store, source, examples, splits)),
        checked_against=tuple(_split_name(*each) for each in splits),
    )


def _role_problems(examples: Iterable[TrainingExample]) -> Iterator[str]:
    for example in examples:
        roles = [each.role for each in example.messages]
        turns = [role for role in roles if role != "system"]
        if any(not each.content.strip() for each in example.messages):
            yield f"{example.origin} has an empty message."
        elif not turns or turns[-1] != "assistant" or "user" not in turns:
            yield f"{example.origin} does not go from a user's message to an answer."
        elif "system" in roles[1:] or any(a == b for a, b in pairwise(turns)):
            yield f"{example.origin}: its roles do not alternate ({', '.join(roles)})."


def _duplicates(examples: Sequence[TrainingExample]) -> Iterator[str]:
    whole = Counter(_digest(_asked(each) + "\0" + each.messages[-1].content) for each in examples)
    asked = Counter(_digest(_asked(each)) for each in examples)
    copies = sum(whole.values()) - len(whole)
    if copies:
        yield f"{copies:,} examples are copies of others: they count more than once."
    conflicts = len(whole) - len(asked)
    if conflicts:
        yield f"{conflicts:,} examples give another answer to a prompt that occurs before."


def _evaluation_splits(
    store: Store, source: TrainingSource
) -> list[tuple[DatasetVersion, str | None]]:
    own = dataset_of(store, source.dataset) if source.dataset else None
    splits: dict[tuple[str, str | None], DatasetVersion] = {}
    for version in store.list_datasets():
        for split in version.split_rows:
            is_own = own is not None and (own.name, source.split) == (version.name, split)
            if split.casefold() in EVALUATION_SPLITS and not is_own:
                splits[version.id, split] = version
    for name in source.evaluation:
        plain, _, wanted = name.partition(":")
        version = dataset_of(store, plain)
        splits[version.id, wanted or None] = version
    return [(version, split) for (_, split), version in splits.items()]


def _leaks(
    store: Store,
    source: TrainingSource,
    examples: Sequence[TrainingExample],
    splits: Iterable[tuple[DatasetVersion, str | None]],
) -> Iterator[str]:
    """A row leaks where the last user message, or the row that it was made of, stands in an
    evaluation split: as the same template gives it, or as one whole field."""
    by_text = {
        _digest(next(m.content for m in reversed(each.messages) if m.role == "user")): each
        for each in examples
        if any(m.role == "user" for m in each.messages)
    }
    for version, split in splits:
        for row in all_examples(store, version.id, split):
            texts = [value for value in row.fields.values() if isinstance(value, str)]
            with suppress(TemplateError):  # the split may have other fields
                texts.append(text_of(source.prompt, row.fields))
            hit = next((h for t in texts if (h := by_text.pop(_digest(t), None))), None)
            if hit is not None:
                yield f"{hit.origin} is also row {row.id} of {_split_name(version, split)}."


def _asked(example: TrainingExample) -> str:
    return "\0".join(f"{each.role}:{each.content}" for each in example.messages[:-1])


def _digest(text: str) -> bytes:
    """Equal for texts that differ in case and spaces only."""
    plain = " ".join(text.casefold().split())
    return blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _split_name(version: DatasetVersion, split: str | None) -> str:
    name = f"{version.name}@{version.number}"
    return f"{name}:{split}" if split else name


def _shown(problems: Iterable[str]) -> Iterator[str]:
    """The first ones; how many more there are."""
    listed = list(problems)
    yield from listed[:SHOWN]
    if len(listed) > SHOWN:
        yield f"And {len(listed) - SHOWN:,} more like it."
