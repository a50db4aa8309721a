"""Pieces of a report in HTML. It loads nothing and runs nothing, and every text that comes from
outside is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from string import Template

from prompt_app.datamodel import score
from prompt_app.datamodel.score import Interval
from prompt_app.workbench.word_diff import word_diff

MOST_CHARACTERS = 20_000
WIDTH, HEIGHT, EDGE = 640, 220, 44


def page(title: str, subtitle: str, sections: Sequence[str]) -> str:
    """A whole document; ``sections`` are HTML."""
    template = Template(files("prompt_app.workbench").joinpath("report.html").read_text("utf-8"))
    return template.substitute(title=text(title), subtitle=text(subtitle), body="\n".join(sections))


def text(value: object) -> str:
    return escape(str(value), quote=True)


def verbatim(value: str) -> str:
    """A text with its line breaks; a very long one is cut."""
    rest = len(value) - MOST_CHARACTERS
    more = f"\n... {rest:,} more characters" if rest > 0 else ""
    return f"<pre>{text(value[:MOST_CHARACTERS])}{more}</pre>"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Numbers, and texts that begin with one, go to the right."""
    head = "".join(f"<th>{text(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>\n" for row in rows)
    inner = f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody>"
    return f'<div class="scroll"><table>{inner}</table></div>'


def _cell(value: object) -> str:
    shown = number(value) if isinstance(value, float) else "" if value is None else str(value)
    kind = ' class="number"' if shown[:1] in "+-0123456789$" and shown else ""
    return f"<td{kind}>{text(shown)}</td>"


def number(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def money(usd: float | None) -> str:
    return "unknown" if usd is None else f"${usd:.4f}"


def bounds(interval: Interval | None) -> str:
    """``0.71 to 0.93``, or ``undefined``."""
    if interval is None:
        return "undefined"
    return f"{number(interval.lower)} to {number(interval.upper)}"


def cautions(intervals: Iterable[Interval | None]) -> str:
    """What is to be said below these intervals."""
    return "".join(f"<p><small>{text(each)}</small></p>" for each in score.cautions(intervals))


def marked(before: str, after: str) -> tuple[str, str]:
    """Both texts, with the words marked that the other one has not."""
    sides = []
    for pieces, kind in zip(
        word_diff(before[:MOST_CHARACTERS], after[:MOST_CHARACTERS]), ("minus", "plus"), strict=True
    ):
        shown = [
            f'<span class="{kind}">{text(each.text)}</span>' if each.changed else text(each.text)
            for each in pieces
        ]
        sides.append(f"<pre>{''.join(shown)}</pre>")
    return sides[0], sides[1]


def bars(title: str, counts: Sequence[tuple[str, int]]) -> str:
    """An upright bar for each label."""
    most = max((count for _, count in counts), default=0)
    if not most:
        return ""
    step = (WIDTH - 2 * EDGE) / len(counts)
    parts = []
    for place, (label, count) in enumerate(counts):
        height = (HEIGHT - 2 * EDGE) * count / most
        x, y = EDGE + place * step, HEIGHT - EDGE - height
        parts.append(
            f'<rect x="{x + step * 0.1:.1f}" y="{y:.1f}" width="{step * 0.8:.1f}" '
            f'height="{height:.1f}" fill="var(--ink)"><title>{text(label)}: {count}</title></rect>'
        )
        if place in (0, len(counts) - 1):
            anchor = "start" if place == 0 else "end"
            at = x if place == 0 else x + step
            parts.append(
                f'<text x="{at:.1f}" y="{HEIGHT - EDGE + 16}" text-anchor="{anchor}">'
                f"{text(label)}</text>"
            )
    parts.append(f'<text x="4" y="{EDGE - 8}">{most:,}</text>')
    return _svg(title, parts)


def points(
    title: str,
    axes: tuple[str, str],
    given: Sequence[tuple[str, float, float, Interval | None]],
) -> str:
    """A point (name, x, y, interval of y) for each; names stand beside."""
    if not given:
        return ""
    xs = [x for _, x, _, _ in given]
    ends = [each for _, _, y, own in given for each in ((own.lower, own.upper) if own else (y,))]
    low, high = min(ends), max(ends)
    # Room behind the last point, for its name.
    right, tall = 1.3 * max(xs) or 1.0, (high - low) or 1.0
    parts = [
        f'<line x1="{EDGE}" y1="{HEIGHT - EDGE}" x2="{WIDTH - EDGE}" y2="{HEIGHT - EDGE}" '
        'stroke="currentColor" opacity=".4"/>',
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">{text(axes[0])}</text>',
        f'<text x="4" y="16">{text(axes[1])}</text>',
        f'<text x="4" y="{EDGE}">{number(high)}</text>',
        f'<text x="4" y="{HEIGHT - EDGE}">{number(low)}</text>',
        f'<text x="{WIDTH - EDGE}" y="{HEIGHT - EDGE + 16}" text-anchor="end">'
        f"{number(right)}</text>",
        f'<text x="{EDGE}" y="{HEIGHT - EDGE + 16}">0</text>',
    ]

    def height(value: float) -> float:
        return HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (value - low) / tall

    for name, x, y, interval in given:
        at = EDGE + (WIDTH - 2 * EDGE) * x / right
        if interval is not None:
            parts.append(
                f'<line x1="{at:.1f}" y1="{height(interval.lower):.1f}" x2="{at:.1f}" '
                f'y2="{height(interval.upper):.1f}" stroke="var(--ink)"/>'
            )
        parts.append(f'<circle cx="{at:.1f}" cy="{height(y):.1f}" r="5" fill="var(--ink)"/>')
        parts.append(f'<text x="{at + 9:.1f}" y="{height(y) + 4:.1f}">{text(name)}</text>')
    return _svg(title, parts)


def _svg(title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg role="img" aria-label="{text(title)}" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(parts)}</svg>'
    )
