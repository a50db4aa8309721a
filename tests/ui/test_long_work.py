"""Work on a thread of its own: how far it is, its end, and ending it early."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import pytest

from prompt_app.errors import InputError
from prompt_app.interfaces.watching import tell, told_of
from prompt_app.ui import download_route
from prompt_app.ui.components.long_work import Work
from prompt_app.ui.download_route import KEPT_SECONDS, DownloadDesk


def test_it_tells_how_far_it_is() -> None:
    told, go_on = Event(), Event()

    def count() -> str:
        tell("rows", 25, 100)
        told.set()
        go_on.wait(10)
        return "all"

    work = Work("Counting", count)
    assert told.wait(10)
    assert work.share == 0.25
    assert work.words.startswith("Counting: 25 of 100 rows, ")
    go_on.set()
    assert work.has_ended()
    assert not work.was_cancelled
    assert work.result() == "all"


def test_it_ends_at_its_next_step_when_cancelled() -> None:
    begun = Event()

    def endless() -> None:
        begun.set()
        for _ in told_of(iter(int, 1), "rows"):
            pass

    work = Work("Counting", endless)
    assert begun.wait(10)
    work.cancel()
    assert work.join(10)
    assert work.was_cancelled


def test_what_it_raises_is_raised_where_its_result_is_asked_for() -> None:
    def refuse() -> None:
        raise InputError("No.")

    work = Work("Counting", refuse)
    assert work.has_ended()
    assert not work.was_cancelled
    with pytest.raises(InputError, match="No"):
        work.result()


def test_a_made_file_is_for_its_person_and_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = DownloadDesk()
    folder = TemporaryDirectory()
    path = Path(folder.name) / "rows.csv"
    path.write_text("a")
    name = desk.offer("ada", path, folder).rpartition("/")[2]
    found = desk.find(name, "ada")
    assert found is not None
    assert found.path == path
    assert desk.find(name, "bob") is None
    assert desk.find("guessed", "ada") is None
    now = download_route.time.monotonic()
    monkeypatch.setattr(download_route.time, "monotonic", lambda: now + KEPT_SECONDS + 1)
    other = TemporaryDirectory()
    desk.offer("ada", Path(other.name) / "b", other)
    assert not path.exists()
    assert desk.find(name, "ada") is None
    other.cleanup()
