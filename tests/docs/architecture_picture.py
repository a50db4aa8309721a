"""Draws docs/pictures/architecture.svg; run it after a change."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICTURE = "docs/pictures/architecture.svg"
WIDTH, HEIGHT = 960, 560
BOX_WIDTH, BOX_HEIGHT = 150, 62


@dataclass(frozen=True)
class Box:
    """One component; ``x`` and ``y`` are its middle."""

    title: str
    note: str
    x: int
    y: int


@dataclass(frozen=True)
class Frame:
    """What encloses boxes; ``x`` and ``y`` are its upper left corner."""

    title: str
    x: int
    y: int
    width: int
    height: int


FRAMES = [
    Frame("AWS account", 190, 20, 750, 520),
    Frame("VPC, private subnets", 375, 135, 560, 240),
]
BOXES = {
    "browser": Box("Browser", "studio or gateway", 95, 210),
    "edge": Box("CloudFront", "HTTPS, headers, cache", 280, 210),
    "login": Box("Cognito", "login, groups", 465, 80),
    "balancer": Box("Load balancer", "internal", 465, 210),
    "web": Box("Web tasks", "studio, gateway", 655, 210),
    "database": Box("Aurora", "PostgreSQL, pauses", 845, 210),
    "secrets": Box("Secrets Manager", "keys, passwords", 845, 80),
    "workers": Box("Worker tasks", "evaluations", 655, 325),
    "watch": Box("CloudWatch", "logs, alarms, budget", 280, 325),
    "queue": Box("SQS", "with dead letters", 390, 465),
    "models": Box("Models", "Bedrock, OpenAI, ...", 655, 465),
    "bucket": Box("S3", "datasets, artefacts", 845, 465),
}
ARROWS = [
    ("browser", "edge"),
    ("edge", "balancer"),
    ("balancer", "web"),
    ("web", "login"),
    ("web", "database"),
    ("web", "secrets"),
    ("web", "queue"),
    ("queue", "workers"),
    ("workers", "database"),
    ("workers", "bucket"),
    ("workers", "models"),
]
STYLE = """
    rect { fill: #ffffff; stroke: #3b4a63; stroke-width: 1.5; rx: 8px }
    .frame { fill: #f3f6fb; stroke: #9fb0c9; stroke-dasharray: 6 4 }
    text { font: 13px system-ui, sans-serif; fill: #1c2636; text-anchor: middle }
    .title { font-weight: 600; font-size: 14px }
    .note { fill: #55627a; font-size: 12px }
    .where { text-anchor: start; fill: #55627a }
    line { stroke: #3b4a63; stroke-width: 1.5; marker-end: url(#head) }"""


def picture() -> str:
    """The picture as SVG, with a title for readers who do not see it."""
    body = [_frame(frame) for frame in FRAMES]
    body += [_arrow(BOXES[start], BOXES[end]) for start, end in ARROWS]
    body += [_box(box) for box in BOXES.values()]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'role="img" aria-labelledby="title">',
            '  <title id="title">The browser reaches the web tasks through CloudFront and an '
            "internal load balancer; web and worker tasks share Aurora, S3 and a queue.</title>",
            f"  <style>{STYLE}\n  </style>",
            '  <defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
            'markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#3b4a63"/>'
            "</marker></defs>",
            f'  <rect width="{WIDTH}" height="{HEIGHT}" style="fill: #ffffff; stroke: none"/>',
            *body,
            "</svg>\n",
        ]
    )


def _frame(frame: Frame) -> str:
    return (
        f'  <rect class="frame" x="{frame.x}" y="{frame.y}" width="{frame.width}" '
        f'height="{frame.height}"/>\n'
        f'  <text class="where" x="{frame.x + 12}" y="{frame.y + 20}">{escape(frame.title)}</text>'
    )


def _box(box: Box) -> str:
    left, top = box.x - BOX_WIDTH // 2, box.y - BOX_HEIGHT // 2
    return (
        f'  <rect x="{left}" y="{top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}"/>\n'
        f'  <text class="title" x="{box.x}" y="{box.y - 4}">{escape(box.title)}</text>\n'
        f'  <text class="note" x="{box.x}" y="{box.y + 16}">{escape(box.note)}</text>'
    )


def _arrow(start: Box, end: Box) -> str:
    x1, y1 = _border(start, end)
    x2, y2 = _border(end, start)
    return f'  <line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def _border(box: Box, other: Box) -> tuple[int, int]:
    """Where the line between the middles of two boxes leaves ``box``."""
    dx, dy = other.x - box.x, other.y - box.y
    share = min(
        BOX_WIDTH / 2 / abs(dx) if dx else 1.0,
        BOX_HEIGHT / 2 / abs(dy) if dy else 1.0,
    )
    return round(box.x + dx * share), round(box.y + dy * share)


if __name__ == "__main__":
    (ROOT / PICTURE).write_text(picture(), "utf-8")
