"""The documents, and the parts of them that tests look at."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *ROOT.glob("examples/**/*.md")]
)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"""!?\[[^\]]*\]\(\s*<?([^)\s>]+)|(?:src|href)=["']([^"']+)["']""")
HEADING = re.compile(r"^#+ +(.+?) *#*$", re.MULTILINE)


def read(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


def code_lines(text: str) -> list[str]:
    """Lines of fenced blocks, continuations joined, and code spans."""
    fenced = "\n".join(FENCE.findall(text)).replace("\\\n", " ")
    return fenced.splitlines() + SPAN.findall(FENCE.sub("", text))


def links(text: str) -> list[str]:
    prose = SPAN.sub("", FENCE.sub("", text))
    return [first or second for first, second in LINK.findall(prose)]


def anchors(text: str) -> set[str]:
    """The addresses of the headings, as GitHub makes them."""
    found: set[str] = set()
    for title in HEADING.findall(FENCE.sub("", text)):
        kept = re.sub(r"[^\w\- ]", "", title.replace("`", "").lower()).strip().replace(" ", "-")
        repeat = 1
        anchor = kept
        while anchor in found:
            anchor = f"{kept}-{repeat}"
            repeat += 1
        found.add(anchor)
    return found
