"""Numbers, times and foreign text, as pages show them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from prompt_app.datamodel.score import with_unit

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=\w)(?=@[\w-]+\.)", re.IGNORECASE)
_SPACES = re.compile(r"(?m)^ +|  +")
_WORD_JOINER = "\u2060"


def plain(text: str) -> str:
    """Markdown that shows ``text`` as it is, line by line: for labels and messages that hold
    names or values from outside. Web and mail addresses get an invisible character, without which
    they would become links, escaped or not."""
    text = _ADDRESS.sub(_WORD_JOINER, text)
    return _PUNCTUATION.sub(r"\\\1", text).replace("\n", "  \n")


def literal(text: str) -> str:
    """As :func:`plain`, and spaces at the start of a line, or more than one, stay too."""
    text = text.replace("\t", "    ")
    return plain(_SPACES.sub(lambda found: "\u00a0" * len(found.group()), text))


def written(value: object) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def shortened(text: str, most: int = 300) -> str:
    """On one line, cut at ``most`` characters."""
    line = " ".join(text[: most * 4].split())
    return line if len(line) <= most and len(text) <= most * 4 else line[: most - 1] + "…"


def number(value: float) -> str:
    """Three digits behind the first: ``0.812``, ``7.15``, ``12.5``, ``1,204``."""
    size = abs(value)
    if value == int(value) or size >= 1000:
        return f"{value:,.0f}"
    if size < 0.001:
        return f"{value:.2g}"
    return f"{value:.{3 if size < 1 else 2 if size < 10 else 1}f}"


def quantity(value: float, unit: str) -> str:
    """A value with its unit; dollars as money."""
    if unit == "USD":
        return money(value)
    return with_unit(number(value), unit)


def money(usd: float | None) -> str:
    """Cents from a dollar on, significant places below."""
    if usd is None:
        return "unknown"
    return f"${usd:,.2f}" if usd >= 1 or usd == 0 else f"${usd:.3g}"


def cost_fact(usd: float | None) -> str:
    """Of a card; empty where nothing was spent."""
    if usd is None:
        return "cost unknown"
    return money(usd) if usd else ""


def span(low: str, high: str) -> str:
    """``low – high``, or one of them where they are equal."""
    return low if low == high else f"{low} – {high}"


def duration(seconds: float | None) -> str:
    """``45 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds is None:
        return "unknown"
    whole = round(seconds)
    if whole < 60:
        return "under 1 s" if 0 < seconds < 0.5 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def ago(moment: datetime | None) -> str:
    """How long ago, in words."""
    if moment is None:
        return ""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86400:
        return f"{int(seconds // 3600)} h ago"
    return f"{moment:%Y-%m-%d %H:%M} UTC"
