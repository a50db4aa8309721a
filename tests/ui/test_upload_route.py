"""Tickets: one file each, of one person, for an hour."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from prompt_app.ui import upload_route
from prompt_app.ui.upload_route import KEPT_SECONDS, UploadDesk


def test_a_ticket_is_good_once_and_for_its_person() -> None:
    desk = UploadDesk()
    name = desk.ticket("ada")
    assert desk.begin(name, "bob") is None
    assert desk.begin("guessed", "ada") is None
    assert desk.begin(name, "ada") is not None
    assert desk.begin(name, "ada") is None


def test_a_file_is_taken_once_it_is_whole() -> None:
    desk = UploadDesk()
    name = desk.ticket("ada")
    ticket = desk.begin(name, "ada")
    assert ticket is not None
    assert desk.take(name) is None
    ticket.folder = folder = TemporaryDirectory()
    assert desk.take(name) is folder
    assert desk.take(name) is None
    folder.cleanup()


def test_what_nobody_takes_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = UploadDesk()
    name = desk.ticket("ada")
    ticket = desk.begin(name, "ada")
    assert ticket is not None
    ticket.folder = TemporaryDirectory()
    place = Path(ticket.folder.name)
    now = upload_route.time.monotonic()
    monkeypatch.setattr(upload_route.time, "monotonic", lambda: now + KEPT_SECONDS + 1)
    desk.ticket("bob")
    assert not place.exists()
    assert desk.take(name) is None
