"""The pages about the gateway, with something on them, at both widths and in both themes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from browser.accessibility import check_accessibility
from browser.studio import settled
from playwright.sync_api import Page, expect

from prompt_app.datamodel.serving import Assistant, ModelRoute, RouteTarget, UsageRecord
from prompt_app.workbench import Workbench
from prompt_app.workbench.spend_alerts import raise_due

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all


@pytest.fixture
def served(workbench: Workbench) -> str:
    """A token's id, with calls, an alert that was raised, an assistant and an alias."""
    token = workbench.access_tokens.create("shop-checkout", models=["openai:*"]).token
    now = datetime.now(UTC)
    workbench.store.write_usage(
        [
            UsageRecord(f"{token.id}-{number}", now, token.id, "local", "chat.completions",
                        "best", "openai:gpt-5-mini", input_tokens=900, output_tokens=100,
                        cost_usd=0.4, latency_ms=820, cached=number == 1,
                        status=502 if number == 2 else 200,
                        error_kind="server" if number == 2 else None)
            for number in range(3)
        ],
        [],
    )  # fmt: skip
    workbench.spend_alerts.add("token", "day", 1.0, token.id)
    raise_due(workbench.store, now)
    tutor = Assistant(name="tutor", context="You teach.", models=("offline:echo",))
    workbench.serving_names.save_assistant(tutor)
    target = RouteTarget(model="offline:echo")
    workbench.serving_names.save_alias(ModelRoute(name="best", targets=(target,)))
    return token.id


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_gateways_pages_fit_and_are_accessible(
    studio: str, new_page: Callable[..., Page], served: str, width: int, scheme: str
) -> None:
    page = new_page(width=width, scheme=scheme)
    for path in ("/tokens", "/usage", "/assistants", "/fine-tuning", "/functions", "/pipelines"):
        page.goto(studio + path)
        settled(page)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        if path == "/usage":
            expect(page.get_by_text(f"token shop-checkout ({served})")).to_be_visible()
        excess = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert excess <= 0, path
        check_accessibility(page)


def test_a_token_is_changed_and_gets_another_secret(
    studio: str, new_page: Callable[..., Page], served: str, workbench: Workbench
) -> None:
    page = new_page()
    page.goto(f"{studio}/tokens")
    settled(page)
    # The newest is first.
    page.get_by_role("region", name="Tokens").click(position={"x": 30, "y": 52})
    page.wait_for_url(f"**token={served}*")
    form = page.get_by_role("textbox", name="Models").last
    expect(form).to_have_value("openai:*")
    form.fill("offline:*")
    page.get_by_role("button", name="Save the changes").click()
    end = time.monotonic() + 20
    while workbench.store.get_token(served).models != ("offline:*",):
        assert time.monotonic() < end, "it was not saved"
        page.wait_for_timeout(50)
    settled(page)
    before = workbench.store.usable_tokens(datetime.now(UTC))
    page.get_by_role("button", name="New secret").click()
    asked = page.get_by_role("dialog")
    expect(asked.get_by_text("is refused from then on")).to_be_visible()
    assert workbench.store.usable_tokens(datetime.now(UTC)) == before
    asked.get_by_role("button", name="Make a new secret").click()
    expect(page.get_by_text(f"sk-prompt-{served}-")).to_be_visible()
    settled(page)
    check_accessibility(page)
    page.reload()
    settled(page)
    expect(page.get_by_text(f"sk-prompt-{served}-")).not_to_be_visible()
    page.get_by_role("button", name="Revoke").click()
    asked = page.get_by_role("dialog")
    expect(asked.get_by_text("cannot be put back")).to_be_visible()
    assert workbench.store.get_token(served).revoked_at is None
    asked.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("it is refused, and stays so")).to_be_visible()


def test_calls_are_ticked_by_keyboard_and_become_a_dataset(
    studio: str, new_page: Callable[..., Page], workbench: Workbench
) -> None:
    messages = [{"role": "user", "content": "Why?"}]
    body = json.dumps({"request": {"messages": messages}, "response": "Because."})
    record = UsageRecord("kept", datetime.now(UTC), "", "local", "chat", "best", body=body)
    workbench.store.write_usage([record], [])
    page = new_page(width=390)
    page.goto(f"{studio}/usage")
    settled(page)
    page.get_by_role("region", name="Calls, newest first").click(position={"x": 120, "y": 52})
    page.keyboard.press("Shift+Space")
    name = page.get_by_label("Dataset", exact=True)
    name.fill("two words")
    page.get_by_role("button", name="Save 1 call as a dataset").click()
    expect(page.get_by_text("cannot be a dataset's name")).to_be_visible()
    expect(name).to_have_value("two words")
    name.fill("from-calls")
    page.get_by_role("button", name="Save 1 call as a dataset").click()
    expect(page.get_by_text("Saved as version 1 of from-calls.")).to_be_visible()
    (row,) = workbench.examples(workbench.dataset("from-calls"))
    assert row.fields["response"] == "Because."
