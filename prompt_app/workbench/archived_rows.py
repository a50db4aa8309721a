"""A store in which the rows of archived runs are read from their files, so that whoever compares,
reports or labels need not know where they are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from statistics import fmean
from typing import TYPE_CHECKING, Any, cast

from prompt_app.datamodel.dataset import Example
from prompt_app.datamodel.evaluation import SampleKey
from prompt_app.datamodel.project import ProjectItem
from prompt_app.errors import UnknownNameError
from prompt_app.interfaces import Page, RowFilter, Store, StoredSample
from prompt_app.interfaces.pairing import CallFigures, PairFilter, SamplePair

if TYPE_CHECKING:
    from prompt_app.workbench.archiving import Archiving


def with_archives(store: Store, archive: Archiving) -> Store:
    """``store``, reading in ``archive`` what it has let go."""
    return cast(Store, _WithArchives(store, archive))


class _WithArchives:
    """Methods that are not here are the store's own; those that are do as the store's do."""

    def __init__(self, store: Store, archive: Archiving) -> None:
        self._store = store
        self._archive = archive

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def beside(self, *items: ProjectItem) -> Store:
        return with_archives(self._store.beside(*items), self._archive)

    def _is_archived(self, run_id: str) -> bool:
        return self._store.archive_key(run_id) is not None

    def list_samples(
        self, run_id: str, row_filter: RowFilter, *, offset: int = 0, limit: int = 50, **more: Any
    ) -> Page[StoredSample]:
        if not self._is_archived(run_id):
            page = {"offset": offset, "limit": limit}
            return self._store.list_samples(run_id, row_filter, **page, **more)
        run = self._store.get_run(run_id)
        return self._archive.rows(run, row_filter, offset=offset, limit=limit)

    def get_sample(self, run_id: str, key: SampleKey) -> StoredSample:
        if not self._is_archived(run_id):
            return self._store.get_sample(run_id, key)
        return self._archive.row(self._store.get_run(run_id), key)

    def iterate_samples(self, run_id: str) -> Iterator[StoredSample]:
        if not self._is_archived(run_id):
            return self._store.iterate_samples(run_id)
        return self._archive.iterate(self._store.get_run(run_id))

    def iterate_outcomes(self, run_id: str, metric: str) -> Iterator[tuple[str, int, float | None]]:
        if not self._is_archived(run_id):
            return self._store.iterate_outcomes(run_id, metric)
        return iter(self._archive.outcomes(self._store.get_run(run_id), metric))

    def count_errors(self, run_id: str) -> dict[str, int]:
        if not self._is_archived(run_id):
            return self._store.count_errors(run_id)
        return self._archive.error_counts(self._store.get_run(run_id))

    def answered_examples(self, run_id: str) -> list[str]:
        if not self._is_archived(run_id):
            return self._store.answered_examples(run_id)
        samples = self.iterate_samples(run_id)
        return [each.key.example_id for each in samples if each.reply and not each.key.repeat]

    def call_figures(self, run_id: str) -> CallFigures:
        """A file does not tell what a reply from the cache had cost: 0 there."""
        if not self._is_archived(run_id):
            return self._store.call_figures(run_id)
        answered = [each for each in self.iterate_samples(run_id) if each.reply is not None]
        return CallFigures(
            tuple(each.reply.latency_seconds for each in answered if each.reply),
            tuple(each.cost_usd for each in answered),
        )

    def example_means(self, run_id: str, metric: str) -> dict[str, float]:
        if not self._is_archived(run_id):
            return self._store.example_means(run_id, metric)
        scored = ((id, value) for id, _, value in self.iterate_outcomes(run_id, metric)
                  if value is not None)  # fmt: skip
        by_example = groupby(scored, key=itemgetter(0))
        return {example: fmean(value for _, value in group) for example, group in by_example}

    def list_pairs(
        self,
        first_run: str,
        second_run: str,
        pair_filter: PairFilter,
        *,
        offset: int = 0,
        limit: int = 50,
    ) -> Page[SamplePair]:
        ids = first_run, second_run
        if not any(self._is_archived(run_id) for run_id in ids):
            return self._store.list_pairs(*ids, pair_filter, offset=offset, limit=limit)
        means = [self.example_means(run_id, pair_filter.metric) for run_id in ids]
        common = self._same_examples(*ids)
        pairs = [
            (example, before, means[1][example])
            for example, before in means[0].items()
            if example in common and example in means[1]
            and _is_wanted(before, means[1][example], pair_filter)
        ]  # fmt: skip
        if pair_filter.text:
            wanted = pair_filter.text.casefold()
            pairs = [each for each in pairs if self._has_text(first_run, each[0], wanted)]
        pairs.sort(key=lambda each: -abs(each[2] - each[1]))
        shown = tuple(
            SamplePair(before, after, *(self._scored(run_id, example, pair_filter.metric)
                                        for run_id in ids))
            for example, before, after in pairs[offset : offset + limit]
        )  # fmt: skip
        return Page(shown, len(pairs), offset)

    def _same_examples(self, first_run: str, second_run: str) -> set[str]:
        versions = [
            self._store.get_run(run_id).spec.dataset_version for run_id in (first_run, second_run)
        ]
        first, second = (self._store.example_fingerprints(version) for version in versions)
        return {example for example, content in first.items() if second.get(example) == content}

    def _has_text(self, run_id: str, example_id: str, wanted: str) -> bool:
        version = self._store.get_run(run_id).spec.dataset_version
        example: Example = self._store.get_example(version, example_id)
        return any(wanted in str(value).casefold() for value in example.fields.values())

    def _scored(self, run_id: str, example_id: str, metric: str) -> StoredSample:
        """The lowest repeat that was scored."""
        repeats = self._store.get_run(run_id).spec.repeats
        for repeat in range(repeats):
            sample = self.get_sample(run_id, SampleKey(example_id=example_id, repeat=repeat))
            if any(score.metric == metric for score in sample.scores):
                return sample
        raise UnknownNameError("scored sample", example_id)


def _is_wanted(before: float, after: float, wanted: PairFilter) -> bool:
    if wanted.crossing and (before >= 0.5) == (after >= 0.5):
        return False
    changes = {"up": after > before, "down": after < before, "any": after != before}
    return wanted.change is None or changes.get(wanted.change, after == before)
