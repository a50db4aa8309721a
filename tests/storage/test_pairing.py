"""Two runs matched by example in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from storage.building import NANO, a_reply, examples, key, outcome, run_spec, save_dataset, spec_of

from prompt_app.datamodel.dataset import DatasetVersion, Example
from prompt_app.datamodel.evaluation import Evaluation, Progress, Run
from prompt_app.interfaces import SampleResult, SampleScores, Store, StoredReply, WriteBatch
from prompt_app.interfaces.pairing import PairFilter, SamplePair
from prompt_app.storage.identity import this_worker
from prompt_app.storage.store import SqlStore

METRIC = "exact_match"


def run_with(
    store: Store,
    version: DatasetVersion,
    name: str,
    values: dict[int, list[float | None]],
    **changes: Any,
) -> Run:
    """A run whose example ``number`` has these values, one a repeat."""
    repeats = max(len(each) for each in values.values())
    spec = run_spec(version).model_copy(update={"repeats": repeats, **changes})
    progress = Progress(total=version.rows * repeats)
    run = Run(
        id=f"{name}-run", evaluation_id=f"{name}-evaluation", name=name, spec=spec,
        progress=progress,
    )  # fmt: skip
    evaluation = Evaluation(
        id=f"{name}-evaluation", name=name, key=name, spec=spec_of(), run_ids=()
    )
    store.create_evaluation(evaluation, [run])
    lease = store.claim_run(this_worker(), evaluation_id=evaluation.id)
    assert lease is not None
    batch = WriteBatch(spent_nanousd=NANO)
    for number, given in values.items():
        for repeat, value in enumerate(given):
            reply_id = f"{name}-{number}-{repeat}"
            reply = a_reply(f"{name} says {number}", latency_seconds=number + 0.5)
            batch.replies.append(StoredReply(reply_id, reply_id, reply, 0.25))
            batch.results.append(SampleResult(key(number, repeat), number, reply_id, cost_usd=0.25))
            batch.scores.append(SampleScores(key(number, repeat), (outcome(value, METRIC),)))
    store.write_batch(lease, batch)
    return run


def found(
    store: Store, first: Run, second: Run, *, offset: int = 0, limit: int = 50, **wanted: Any
) -> tuple[list[tuple[str, float, float]], int]:
    page = store.list_pairs(
        first.id, second.id, PairFilter(METRIC, **wanted), offset=offset, limit=limit
    )
    return [(pair.first.example.id, pair.before, pair.after) for pair in page.items], page.total


@pytest.fixture
def two(store: SqlStore) -> tuple[Run, Run]:
    version = save_dataset(store, 6)
    first = run_with(store, version, "a", {0: [1], 1: [0], 2: [1], 3: [0.2], 4: [None], 5: [1]})
    second = run_with(store, version, "b", {0: [1], 1: [1], 2: [0], 3: [0.4], 4: [1]})
    return first, second


def test_pairs_come_widest_change_first(store: SqlStore, two: tuple[Run, Run]) -> None:
    assert found(store, *two) == (
        [("e1", 0, 1), ("e2", 1, 0), ("e3", 0.2, 0.4), ("e0", 1, 1)],
        4,
    )


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"change": "up"}, ["e1", "e3"]),
        ({"change": "down"}, ["e2"]),
        ({"change": "any"}, ["e1", "e2", "e3"]),
        ({"change": "none"}, ["e0"]),
        ({"change": "up", "crossing": True}, ["e1"]),
        ({"crossing": True}, ["e1", "e2"]),
        ({"text": "QUESTION 3"}, ["e3"]),
    ],
)
def test_pairs_are_filtered(
    store: SqlStore, two: tuple[Run, Run], wanted: dict[str, Any], ids: list[str]
) -> None:
    pairs, total = found(store, *two, **wanted)
    assert [example for example, _, _ in pairs] == ids
    assert total == len(ids)


def test_a_page_knows_the_whole_count(store: SqlStore, two: tuple[Run, Run]) -> None:
    assert found(store, *two, offset=1, limit=2) == ([("e2", 1, 0), ("e3", 0.2, 0.4)], 4)
    assert found(store, *two, offset=40, limit=2) == ([], 4)


def test_a_pair_holds_both_replies(store: SqlStore, two: tuple[Run, Run]) -> None:
    (pair, *_) = store.list_pairs(two[0].id, two[1].id, PairFilter(METRIC)).items
    assert isinstance(pair, SamplePair)
    texts = [side.reply.text for side in (pair.first, pair.second) if side.reply]
    assert texts == ["a says 1", "b says 1"]


def test_repeats_are_averaged_and_shown_once(store: SqlStore) -> None:
    version = save_dataset(store, 2)
    first = run_with(store, version, "a", {0: [1, 0, None], 1: [0, 0, 0]})
    second = run_with(store, version, "b", {0: [1], 1: [1]})
    assert found(store, first, second) == ([("e1", 0, 1), ("e0", 0.5, 1)], 2)


def test_only_equal_rows_of_other_datasets_are_matched(store: SqlStore) -> None:
    ours = save_dataset(store, 3)
    changed = [each.model_copy(update={"fields": {"question": "Other?"}}) for each in examples(1)]
    theirs = save_dataset(store, [*changed, *examples(3)[1:]], name="other")
    first = run_with(store, ours, "a", {0: [1], 1: [1], 2: [1]})
    second = run_with(store, theirs, "b", {0: [0], 1: [0], 2: [0]})
    assert found(store, first, second) == ([("e1", 1, 0), ("e2", 1, 0)], 2)


def test_what_calls_took(store: SqlStore, two: tuple[Run, Run]) -> None:
    figures = store.call_figures(two[1].id)
    assert figures.latency_seconds == (0.5, 1.5, 2.5, 3.5, 4.5)
    assert figures.cost_usd == (0.25,) * 5


def test_spend_of_a_time(store: SqlStore, two: tuple[Run, Run]) -> None:
    now = datetime.now(UTC)
    assert store.spend_since(now - timedelta(days=7)) == pytest.approx(11 * 0.25)
    assert store.spend_since(now + timedelta(days=1)) == 0


def test_runs_of_a_time(store: SqlStore, two: tuple[Run, Run]) -> None:
    now = datetime.now(UTC)
    assert store.list_runs(since=now - timedelta(days=7)).total == 2
    assert store.list_runs(since=now + timedelta(days=1)).total == 0


def test_means_of_examples(store: SqlStore) -> None:
    version = save_dataset(store, 4)
    once = run_with(store, version, "once", {2: [0.5], 0: [1], 1: [None]})
    thrice = run_with(store, version, "thrice", {0: [0, 1, 1], 1: [0.1, None, 0.2], 3: [None] * 3})
    assert list(store.example_means(once.id, METRIC).items()) == [("e0", 1), ("e2", 0.5)]
    assert store.example_means(thrice.id, METRIC) == pytest.approx({"e0": 2 / 3, "e1": 0.15})
    assert store.example_means(once.id, "no such metric") == {}


def test_values_and_content_of_examples(store: SqlStore) -> None:
    rows = [
        Example(id="b", position=0, fields={"group": "x", "deep": {"inner": [1, 10**30]}}),
        Example(id="a", position=1, fields={"group": None}),
        Example(id="c", position=2, fields={"other": 1}),
    ]
    version = save_dataset(store, rows)
    values = store.example_values(version.id, "group")
    assert list(values.items()) == [("b", "x"), ("a", None), ("c", None)]
    assert store.example_values(version.id, "deep.inner.1")["b"] == 10**30
    fingerprints = store.example_fingerprints(version.id)
    assert fingerprints == {each.id: each.fingerprint for each in rows}
