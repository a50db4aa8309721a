"""Files sent piece by piece: with progress, on disk, and to nobody else's account."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browser.accessibility import check_accessibility
from browser.studio import settled
from playwright.sync_api import Page, Route, expect

from prompt_app.workbench import Workbench

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all

NewPage = Callable[..., Page]


def put(studio: str, path: str, body: bytes = b"x", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(studio).netloc, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("PUT", path, body, named)
    response = connection.getresponse()
    return response.status, response.read().decode()


def test_a_large_file_becomes_a_dataset(
    studio: str, new_page: NewPage, workbench: Workbench, tmp_path: Path
) -> None:
    file = tmp_path / "large set.jsonl"
    row = {"question": "x" * 10_000, "answers": ["y"]}
    with file.open("w") as lines:
        for number in range(2_000):
            lines.write(json.dumps(row | {"n": number}) + "\n")
    page = new_page()
    page.goto(f"{studio}/datasets")
    settled(page)
    if not page.get_by_label("Dataset file").is_visible():
        page.get_by_text("Add a dataset").click()
    page.get_by_label("Dataset file").set_input_files(file)
    expect(page.get_by_text("2,000 rows, all of them good.")).to_be_visible()
    expect(page.get_by_text("large set.jsonl").first).to_be_visible()
    settled(page)
    check_accessibility(page)
    page.get_by_role("button", name="Add dataset").click()
    page.wait_for_url("**/dataset?name=large-set*")
    assert workbench.dataset("large-set").rows == 2_000


def test_a_file_can_be_removed_and_another_chosen(
    studio: str, new_page: NewPage, tmp_path: Path
) -> None:
    first, second, third = tmp_path / "first.csv", tmp_path / "second.csv", tmp_path / "a.exe"
    first.write_text("q,answers\na,b\n")
    second.write_text("q,answers\na,b\nc,d\n")
    third.write_text("x")
    page = new_page(width=390, scheme="dark")
    page.goto(f"{studio}/datasets")
    settled(page)
    chooser = page.get_by_label("Dataset file")
    if not chooser.is_visible():
        page.get_by_text("Add a dataset").click()
    chooser.set_input_files(third)
    expect(page.get_by_text("a.exe: the ending is none of")).to_be_visible()
    chooser.set_input_files(first)
    expect(page.get_by_text("1 row, and it is good.")).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("1 row, and it is good.")).to_be_hidden()
    chooser.set_input_files(second)
    expect(page.get_by_text("2 rows, all of them good.")).to_be_visible()


def test_a_file_is_kept_although_the_page_gives_another_ticket_meanwhile(
    studio: str, new_page: NewPage, tmp_path: Path
) -> None:
    refused, good = tmp_path / "a.exe", tmp_path / "good.csv"
    refused.write_text("x")
    good.write_text("q,answers\na,b\n")
    page = new_page()
    sent: list[Route] = []

    def hold(route: Route) -> None:
        sent.append(route)

    page.route("**/upload/*", hold)
    with page.expect_websocket() as opened:
        page.goto(f"{studio}/datasets")
    settled(page)
    chooser = page.get_by_label("Dataset file")
    if not chooser.is_visible():
        page.get_by_text("Add a dataset").click()
    settled(page)
    with opened.value.expect_event("framereceived", lambda frame: b'"ticket"' in frame):
        chooser.set_input_files(refused)
        chooser.set_input_files(good)
    settled(page)
    sent[0].continue_()
    expect(page.get_by_text("1 row, and it is good.")).to_be_visible()


def test_nobody_sends_a_file_without_a_ticket(studio: str) -> None:
    assert put(studio, "/upload/guessed")[0] == 404
    status, _ = put(studio, "/upload/guessed", Sec_Fetch_Site="cross-site")
    assert status == 403
    status, text = put(studio, "/upload/guessed", b"", Content_Length="99999999999")
    assert status == 413
    assert "PROMPT_APP_MAX_UPLOAD_MB" in text
