from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storage.building import a_reply, claimed, failed, key

from prompt_app.datamodel.score import Failure, Score
from prompt_app.interfaces import (
    RowFilter,
    SampleResult,
    SampleScores,
    StoredReply,
    WriteBatch,
)
from prompt_app.storage.peeking import Peeker
from prompt_app.storage.store import SqlStore
from prompt_app.storage.tables import escape_text, unescape_text

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ODD = ["nul \0 inside", "\0", "half \ud83d pair", "\x02json:", '\x02json:"x"', "a\\u0000b", "🦀"]


def keep(store: SqlStore, *replies: StoredReply) -> None:
    store.write_batch(claimed(store), WriteBatch(replies=list(replies)))


def test_the_newest_reply_is_found(store: SqlStore) -> None:
    keep(
        store,
        StoredReply("a", "k", a_reply("old"), 0.25, NOON),
        StoredReply("c", "k", a_reply("new"), 0.5, NOON + timedelta(seconds=1)),
        StoredReply("b", "k", a_reply("older"), 0.25, NOON - timedelta(hours=1)),
        StoredReply("d", "other", a_reply("other"), 0.0, NOON),
    )
    found = store.find_replies(["k", "nothing", "other", "k"])
    assert {key: stored.reply.text for key, stored in found.items()} == {
        "k": "new",
        "other": "other",
    }
    assert found["k"] == StoredReply("c", "k", a_reply("new"), 0.5, NOON + timedelta(seconds=1))
    assert store.find_replies([]) == {}


def test_times_come_back_in_utc(store: SqlStore) -> None:
    east = NOON.astimezone(timezone(timedelta(hours=5)))
    keep(store, StoredReply("a", "k", a_reply(), 0.0, east), StoredReply("b", "now", a_reply(), 0))
    at = store.find_replies(["k"])["k"].created_at
    assert at == NOON
    assert at is not None
    assert at.tzinfo is UTC
    now = store.find_replies(["now"])["now"].created_at
    assert now is not None
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=5)


def test_keys_with_a_reply_are_told(store: SqlStore) -> None:
    replies = [StoredReply(f"r{n}", f"k{n % 1500}", a_reply(), 0.0) for n in range(3000)]
    keep(store, *replies)
    answered = {f"k{n}" for n in range(1500)}
    assert store.answered_keys([f"k{n}" for n in range(2500)] * 2) == answered
    assert len(store.find_replies([f"k{n}" for n in range(2500)])) == 1500
    assert store.answered_keys([]) == set()


def test_what_a_model_does_not_take_is_remembered(store: SqlStore) -> None:
    assert store.learned_unsupported("openai:x") == {}
    store.learn_unsupported("openai:x", "top_k", "old")
    store.learn_unsupported("openai:x", "top_k", "Unknown \0 parameter")
    store.learn_unsupported("openai:x", "seed", "no")
    store.learn_unsupported("openai:y", "seed", "never")
    assert store.learned_unsupported("openai:x") == {
        "top_k": "Unknown \0 parameter",
        "seed": "no",
    }


@pytest.mark.parametrize("odd", ODD)
def test_any_text_of_a_model_survives(store: SqlStore, odd: str) -> None:
    """A reply's own text is valid Unicode; everything else may hold anything."""
    text = odd.replace("\ud83d", "")
    reply = a_reply(text, raw={"body": odd, odd: [odd]}, request_id="r")
    lease = claimed(store)
    score = Score(metric="m", value=1, reason=text, version="1", details={"d": text})
    failure = Failure(metric="n", kind="k", message=text, version="1")
    batch = WriteBatch(
        [StoredReply("r", "c", reply, 0.0)],
        [SampleResult(key(0), 0, "r")],
        [SampleScores(key(0), (score, failure))],
    )
    store.write_batch(lease, batch)
    store.write_batch(lease, failed(1, message=odd))
    sample = store.get_sample(lease.run.id, key(0))
    assert sample.reply == reply
    assert (sample.scores, sample.failures) == ((score,), (failure,))
    assert store.get_sample(lease.run.id, key(1)).error_message == odd
    assert store.find_replies(["c"])["c"].reply == reply
    assert store.list_samples(lease.run.id, RowFilter(text=text)).total <= 2


@given(st.text(st.characters(categories=["L", "Cs", "Cc", "So"])) | st.sampled_from(ODD))
def test_escaping_is_lossless_and_leaves_ordinary_text_alone(text: str) -> None:
    stored = escape_text(text)
    assert unescape_text(stored) == text
    assert "\0" not in stored
    stored.encode()
    if text.isprintable() and not any("\ud800" <= c <= "\udfff" for c in text):
        assert stored == text


VALUE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"])), st.dictionaries(st.text(), VALUE))
def test_any_reply_comes_back_equal(store: SqlStore, text: str, raw: dict[str, Any]) -> None:
    reply = a_reply(text, raw=raw)
    keep(store, StoredReply("r", "k", reply, 0.0))
    stored = store.find_replies(["k"])["k"].reply
    with store._database.write() as connection:
        connection.exec_driver_sql("DELETE FROM replies")
    assert stored == reply


def test_a_reply_without_a_run_is_kept(store: SqlStore) -> None:
    odd = a_reply("nul \0 inside")
    store.save_reply(StoredReply("a", "k", odd, 0.25, NOON))
    store.save_reply(StoredReply("b", "k", a_reply("new"), 0.5))
    found = store.find_replies(["k"])["k"]
    assert (found.id, found.reply.text, found.cost_usd) == ("b", "new", 0.5)
    assert store.answered_keys(["k"]) == {"k"}
    store.save_reply(StoredReply("c", "other", odd, 0.0))
    assert store.find_replies(["other"])["other"].reply == odd


def test_that_no_reply_has_a_key_is_told_at_once_or_not_at_all(store: SqlStore) -> None:
    keep(store, StoredReply("a", "k", a_reply(), 0.0, NOON))
    assert not store.surely_no_reply("k")
    on_sqlite = store._database.is_sqlite
    assert store.surely_no_reply("other") == on_sqlite, "PostgreSQL is asked by a thread"
    with store._database.write() as connection:
        connection.exec_driver_sql("DELETE FROM replies")
        assert not store.surely_no_reply("k"), "not committed yet"
    assert store.surely_no_reply("k") == on_sqlite


def test_a_look_makes_no_file(tmp_path: Path) -> None:
    peeker = Peeker(str(tmp_path / "absent.sqlite3"))
    assert peeker.finds("SELECT 1 FROM replies WHERE cache_key = ?", "k") is None
    assert list(tmp_path.iterdir()) == []
    peeker.close()
