"""Logins that were ended, and roles given here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prompt_app.datamodel.access import Role
from prompt_app.storage.store import SqlStore


def test_an_ended_login_stays_ended_and_is_forgotten_after_its_time(store: SqlStore) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    assert not store.login_ended("a")
    for _ in range(2):
        store.end_login("a", soon)
    store.end_login("old", datetime.now(UTC) - timedelta(hours=1))
    store.end_login("b", soon)
    assert store.login_ended("a")
    assert store.login_ended("b")
    assert not store.login_ended("old")


def test_a_role_is_given_to_an_address(store: SqlStore) -> None:
    assert store.granted_role("ada@example.com") is None
    store.grant_role("Ada@example.com", Role.EDITOR)
    store.grant_role("ada@example.com", Role.ADMIN)
    assert store.granted_role("ADA@example.com") == Role.ADMIN
