"""Every relative link, image and anchor of the documents leads somewhere."""

from __future__ import annotations

import pytest

from tests.docs.markdown import DOCUMENTS, ROOT, anchors, links, read


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_relative_link_leads_somewhere(document: str) -> None:
    broken = [link for link in links(read(document)) if not leads_somewhere(document, link)]
    assert broken == []


def leads_somewhere(document: str, link: str) -> bool:
    if link.startswith(("http://", "https://", "mailto:")):
        return True
    path, _, anchor = link.partition("#")
    target = (ROOT / document).parent / path if path else ROOT / document
    if not target.exists():
        return False
    return not anchor or target.suffix != ".md" or anchor in anchors(target.read_text("utf-8"))


def test_a_broken_link_is_found() -> None:
    text = "[a](nowhere.md) ![b](docs/none.png) [c](#no-such-heading) `[d](in-code.md)`\n# A b"
    assert links(text) == ["nowhere.md", "docs/none.png", "#no-such-heading"]
    assert not leads_somewhere("README.md", "nowhere.md")
    assert not leads_somewhere("README.md", "#no-such-heading")
    assert anchors(text) == {"a-b"}
