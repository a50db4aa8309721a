"""Tokens, usage and what else the store keeps for the gateway."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from storage.building import a_reply
from storage.conftest import Opener

from prompt_app.datamodel.alerts import RaisedAlert, SpendAlert
from prompt_app.datamodel.serving import (
    AccessToken,
    Assistant,
    AuditEntry,
    KeptToken,
    ModelRoute,
    RouteTarget,
    TokenLimits,
    UsageFilter,
    UsageGroup,
    UsageRecord,
)
from prompt_app.errors import ConflictError, UnknownNameError
from prompt_app.interfaces import StoredReply
from prompt_app.storage.store import SqlStore

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def token(name: str, owner: str = "ada", **more: Any) -> KeptToken:
    limits = TokenLimits(requests_per_minute=60, usd_per_day=1.5)
    kept = AccessToken(id=name, name=name, owner=owner, limits=limits, created_at=NOON, **more)
    return KeptToken(kept, bytes(range(32)))


def usage(number: int, **more: Any) -> UsageRecord:
    at = NOON + timedelta(hours=12 * number)
    values = {"token": "t1", "person": "ada", "route": "chat.completions", "model": "m"}
    return UsageRecord(id=f"u{number}", at=at, **{**values, "target": "offline:echo", **more})


def test_a_token_is_kept_with_its_hash_and_can_be_revoked(store: SqlStore) -> None:
    store.save_token(token("t1"))
    store.save_token(token("t2", "bob", expires_at=NOON + timedelta(days=1)))
    assert {kept.token.id for kept in store.usable_tokens(NOON)} == {"t1", "t2"}
    assert [kept.token.id for kept in store.usable_tokens(NOON + timedelta(days=2))] == ["t1"]
    assert {found.id for found in store.list_tokens().items} == {"t1", "t2"}
    assert [found.id for found in store.list_tokens("bob").items] == ["t2"]

    assert [found.id for found in store.list_tokens(offset=1, limit=1).items] == ["t2"]
    assert store.list_tokens(offset=1, limit=1).total == 2
    assert len(store.list_tokens(limit=None).items) == 2

    revoked = store.revoke_token("t1", NOON)

    assert revoked.revoked_at == NOON
    assert store.revoke_token("t1", NOON + timedelta(days=1)).revoked_at == NOON
    assert [kept.token.id for kept in store.usable_tokens(NOON)] == ["t2"]
    assert store.get_token("t1") == revoked
    with pytest.raises(UnknownNameError, match="t1"):
        store.revoke_token("t11", NOON)


def test_the_hash_comes_back_as_it_was(store: SqlStore) -> None:
    store.save_token(token("t1"))
    assert store.usable_tokens(NOON) == [token("t1")]


def test_every_change_is_seen_by_another_process(store: SqlStore, open_another: Opener) -> None:
    other = open_another()
    seen = [other.serving_revision()]
    route = ModelRoute(name="best", targets=(RouteTarget(model="offline:echo"),))
    helper = Assistant(name="helper", context="Help.", models=("offline:echo",))
    for change in (
        lambda: store.save_token(token("t1")),
        lambda: store.revoke_token("t1", NOON),
        lambda: store.save_route(route),
        lambda: store.save_assistant(helper),
        lambda: store.delete_route("best"),
        lambda: store.delete_assistant("helper"),
    ):
        change()
        seen.append(other.serving_revision())
    assert seen == sorted(set(seen))


def test_usage_and_replies_are_written_together_and_once(store: SqlStore) -> None:
    records = [usage(0, model="a\x00b", body='{"request": {}}'), usage(1, status=500)]
    reply = StoredReply("r1", "key", a_reply("Yes."), 0.25)
    for _ in range(2):
        store.write_usage(records, [reply])

    page = store.list_usage(UsageFilter())
    assert (page.total, [item.id for item in page.items]) == (2, ["u1", "u0"])
    assert page.items[1].model == "a\x00b"
    assert page.items[1].body is None
    assert store.get_usage("u0") == records[0]
    assert store.find_replies(["key"])["key"].reply == reply.reply
    with pytest.raises(UnknownNameError):
        store.get_usage("u9")


def test_totals_by_day_person_token_model_and_prompt(store: SqlStore) -> None:
    store.write_usage(
        [
            usage(0, cost_usd=1.0, input_tokens=10, output_tokens=5, latency_ms=100),
            usage(1, cached=True, saved_usd=2.0, latency_ms=2),
            usage(2, person="bob", token="t2", status=502, error_kind="server", latency_ms=900),
            usage(3, prompt="greet", prompt_version=2, cost_usd=0.5, latency_ms=50),
        ],
        [],
    )
    days = store.usage_totals("day", UsageFilter())
    assert [(d.key, d.calls, d.failed, d.cached) for d in days] == [
        ("2026-03-14", 1, 0, 0),
        ("2026-03-15", 2, 1, 1),
        ("2026-03-16", 1, 0, 0),
    ]
    ada, bob = store.usage_totals("person", UsageFilter())
    assert (ada.key, ada.calls, ada.cost_usd, ada.saved_usd) == ("ada", 3, 1.5, 2.0)
    assert (ada.input_tokens, ada.output_tokens) == (10, 5)
    assert ada.mean_latency_ms == pytest.approx(152 / 3)
    assert (bob.key, bob.mean_latency_ms) == ("bob", None)
    assert [t.key for t in store.usage_totals("token", UsageFilter())] == ["t1", "t2"]
    assert [t.key for t in store.usage_totals("model", UsageFilter(person="bob"))] == [
        "offline:echo"
    ]
    assert {t.key for t in store.usage_totals("prompt", UsageFilter())} == {"", "greet"}
    assert store.list_usage(UsageFilter(failed=True)).total == 1
    late = UsageFilter(since=NOON + timedelta(hours=1), until=NOON + timedelta(hours=30))
    assert [item.id for item in store.list_usage(late).items] == ["u2", "u1"]
    assert store.spent_by_token("2026-03-15") == {"t1": 0.5, "t2": 0.0}


@pytest.mark.parametrize("group", ["day", "person", "token", "model", "prompt"])
def test_the_days_sums_are_those_of_their_calls(store: SqlStore, group: UsageGroup) -> None:
    """Calls that come twice, or together with new ones, count once."""
    people = ["ada", "bob"]
    calls = [
        usage(
            number,
            person=people[number % 2],
            token=f"t{number % 3}",
            prompt="greet" if number % 4 else "",
            cost_usd=number / 8,
            input_tokens=number,
            cached=number % 5 == 0,
            status=500 if number % 7 == 0 else 200,
            latency_ms=number,
        )
        for number in range(40)
    ]
    for batch in (calls[:10], calls[5:25], calls[20:], calls[:40:3] * 2):
        store.write_usage(batch, [])
    midnight = datetime(2026, 3, 15, tzinfo=UTC)
    for kept in (UsageFilter(), UsageFilter(person="bob"), UsageFilter(prompt="greet")):
        for since in (None, midnight):
            by_days = store.usage_totals(group, replace(kept, since=since))
            almost = (since or datetime(2000, 1, 1, tzinfo=UTC)) - timedelta(microseconds=1)
            by_calls = store.usage_totals(group, replace(kept, since=almost))
            assert by_days == by_calls
            assert sum(totals.calls for totals in by_days) >= 1


def test_all_calls_are_read_page_by_page(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prompt_app.storage.usage.PAGE", 2)
    store.write_usage([usage(number) for number in range(5)], [])
    assert [r.id for r in store.iterate_usage(UsageFilter())] == [f"u{n}" for n in range(5)]


def test_bodies_are_forgotten_after_their_time(store: SqlStore) -> None:
    store.write_usage([usage(number, body="{}") for number in range(3)], [])
    assert store.forget_bodies(NOON + timedelta(hours=13)) == 2
    assert [store.get_usage(f"u{n}").body for n in range(3)] == [None, None, "{}"]


def test_who_changed_what_is_listed_newest_first(store: SqlStore) -> None:
    entries = [AuditEntry(NOON, "ada", "Ada", "token.create", f"t{n}") for n in range(3)]
    for entry in entries:
        store.write_audit(entry)
    page = store.list_audit(limit=2)
    assert (page.total, page.items) == (3, (entries[2], entries[1]))


def test_aliases_and_assistants_are_replaced_and_deleted(store: SqlStore) -> None:
    for model in ("offline:echo", "offline:fixed"):
        store.save_route(ModelRoute(name="best", targets=(RouteTarget(model=model),)))
        store.save_assistant(Assistant(name="helper", context="Help.", models=(model,)))
    assert [route.targets[0].model for route in store.list_routes()] == ["offline:fixed"]
    assert [helper.models for helper in store.list_assistants()] == [("offline:fixed",)]
    store.delete_route("best")
    store.delete_assistant("helper")
    assert store.list_routes() == store.list_assistants() == []
    with pytest.raises(UnknownNameError):
        store.delete_route("best")


def test_a_token_is_changed_and_keeps_its_secret_unless_one_is_given(store: SqlStore) -> None:
    store.save_token(token("t1"))
    store.save_token(token("t2"))
    changes = store.serving_changes_here
    end = NOON + timedelta(days=1)
    wanted = store.get_token("t1").model_copy(update={"name": "other", "expires_at": end})
    store.change_token(wanted)
    kept = {each.token.id: each for each in store.usable_tokens(NOON)}
    assert (kept["t1"].token, kept["t1"].secret_hash) == (wanted, bytes(range(32)))
    assert [each.token.id for each in store.usable_tokens(end)] == ["t2"]
    store.change_token(wanted, bytes(32))
    assert {e.token.id: e.secret_hash for e in store.usable_tokens(NOON)}["t1"] == bytes(32)
    assert store.serving_changes_here == changes + 2, "a running gateway takes note"
    store.revoke_token("t1", NOON)
    with pytest.raises(ConflictError, match="revoked"):
        store.change_token(wanted)
    with pytest.raises(UnknownNameError):
        store.change_token(wanted.model_copy(update={"id": "t3"}))


def test_an_alert_is_raised_once_for_a_subject_and_period(
    store: SqlStore, open_another: Opener
) -> None:
    alerts = [
        SpendAlert(id=name, scope="token", period="day", usd=2.5, author="ada") for name in "ba"
    ]
    for alert in alerts:
        store.save_alert(alert)
    assert store.list_alerts() == alerts
    first = RaisedAlert("b", "token", "t1", "ci", "ada", "day", "2026-03-14", 2.5, 2.75, NOON)
    assert store.raise_alert(first)
    assert not open_another().raise_alert(replace(first, at=NOON + timedelta(hours=1)))
    second = replace(first, since="2026-03-15", at=NOON + timedelta(days=1))
    assert store.raise_alert(second)
    assert store.list_raised(NOON) == [second, first]
    assert store.list_raised(NOON, limit=1) == [second]
    assert store.list_raised(NOON, periods={"day": first.since}, limit=1) == [first]
    assert store.list_raised(NOON, periods={"month": first.since}) == []
    assert store.list_raised(NOON, person="ada", limit=1) == [second]
    assert store.list_raised(NOON, person="bob") == []
    assert store.list_raised(NOON + timedelta(hours=1)) == [second]
    assert store.delete_alert("b") == alerts[0]
    assert store.list_alerts() == alerts[1:]
    assert len(store.list_raised(NOON)) == 2
    with pytest.raises(UnknownNameError):
        store.delete_alert("b")
