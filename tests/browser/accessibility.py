"""What every page must keep: no serious accessibility violation, no request to another host."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
STREAMLITS_OWN = {
    # A toast is a dialog without a name.
    "aria-dialog-name": '[data-testid="stToast"]',
    # A group of pages is a <div> between the navigation's <ul> and its <li>.
    "list": '[data-testid="stSidebarNav"]',
    "listitem": '[data-testid="stSidebarNav"]',
    # What is chosen stands in the primary color, on which buttons write white: on a dark page no
    # color is far enough from both.
    "color-contrast": ':is([aria-checked="true"], [aria-pressed="true"], [aria-selected="true"])',
}
"""By rule, where Streamlit's own markup breaks it and a page can do nothing about it."""
_RUN = """
async own => {
    const wanted = { resultTypes: ['violations'], elementRef: true };
    const { violations } = await axe.run(document, wanted);
    return violations
        .map(({ id, impact, help, nodes }) => ({ id, impact, help, nodes: nodes
            .filter(node => !(own[id] && node.element?.closest(own[id])))
            .map(({ html, failureSummary }) => ({ html, failureSummary })) }))
        .filter(violation => violation.nodes.length);
}
"""

_AT_REST = """
() => !document.querySelector('[data-stale="true"], [role="tooltip"]')
    && document.getAnimations().every(({ effect, playState }) =>
        playState !== 'running' || effect.getComputedTiming().endTime === Infinity)
"""
"""Nothing fades: what is half-way between two colors has the contrast of neither."""


def check_accessibility(page: Page) -> None:
    """Fails with every violation of serious or critical impact that axe-core finds in the page
    once it is at rest, apart from STREAMLITS_OWN."""
    page.mouse.move(0, 0)  # away from what would tell about itself
    page.wait_for_function(_AT_REST)
    # Sent through the debugger's own door, which the page's content policy does not close.
    page.evaluate(_axe())
    found: list[dict[str, Any]] = page.evaluate(_RUN, STREAMLITS_OWN)
    grave = [violation for violation in found if violation["impact"] in GRAVE]
    assert not grave, f"{page.url}\n" + "\n".join(_told(violation) for violation in grave)


def watch_hosts(page: Page, origin: str | None = None) -> list[str]:
    """A list that fills with each address outside ``origin`` (outside this machine, when absent)
    that the page asks for: it must be empty when the page is done."""
    foreign: list[str] = []

    def note(url: str) -> None:
        if url.startswith(("data:", "blob:")):
            return
        is_own = url.startswith(origin) if origin else urlsplit(url).hostname in LOOPBACK
        if not is_own:
            foreign.append(url)

    page.on("request", lambda request: note(request.url))
    page.on("websocket", lambda socket: note(socket.url.replace("ws", "http", 1)))
    return foreign


@cache
def _axe() -> str:
    assert AXE.exists(), f"{AXE} is missing: npm ci"
    return AXE.read_text("utf-8")


def _told(violation: dict[str, Any]) -> str:
    places = "\n".join(
        f"    {node['html'][:300]}\n      {node.get('failureSummary', '')[:400]}"
        for node in violation["nodes"][:5]
    )
    return f"  {violation['id']} ({violation['impact']}): {violation['help']}\n{places}"
