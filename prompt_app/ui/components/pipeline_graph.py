"""A pipeline drawn as the tree that it is: arguments on the left, its result on the right."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.pipelines.checking import Bound, BoundList, CheckedPipeline, Step
from prompt_app.pipelines.tree import Argument
from prompt_app.ui.components.tables import data_chart
from prompt_app.ui.components.wording import plain, shortened

COLORS = {"prompt": "#2f6fed", "custom": "#8a4fd0", "built-in": "#4f6b7a"}
ARGUMENT_COLOR, LITERAL_COLOR = "#0b7285", "#5f6368"
MEANINGS = {
    ARGUMENT_COLOR: "teal: arguments",
    COLORS["prompt"]: "blue: prompts",
    COLORS["custom"]: "purple: functions of your own",
    COLORS["built-in"]: "slate: built-in functions",
    LITERAL_COLOR: "grey: fixed values",
}
TEXT_COLORS = {"light": "#1f2733", "dark": "#dfe3e8"}
BOX_WIDTH, BOX_HEIGHT, LEVEL_WIDTH, ROW_HEIGHT = 132, 30, 180, 46
NARROW = 640
NARROW_WIDTH = 270
"""Of the whole graph in a window of 390 pixels: with places further apart, dots become ovals."""


@dataclass
class _Layout:
    """Each leaf has a row of its own; what takes several stands in their middle."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 0
    depth: int = 0

    def place(self, bound: Bound, level: int = 0) -> tuple[str, float]:
        """The node's id and row."""
        self.depth = max(self.depth, level)
        children = [self.place(child, level + 1) for child in _children(bound)]
        if children:
            row = (children[0][1] + children[-1][1]) / 2
        else:
            row, self.rows = float(self.rows), self.rows + 1
        name, color = _shown(bound)
        node = str(len(self.nodes))
        self.nodes.append(
            {
                "id": node,
                "name": name,
                "x": -level * LEVEL_WIDTH,
                "y": row * ROW_HEIGHT,
                "itemStyle": {"color": color},
            }
        )
        self.links += [{"source": child, "target": node} for child, _ in children]
        return node, row

    def squeezed(self, width: float) -> list[dict[str, Any]]:
        """The nodes within ``width`` pixels."""
        part = min(1.0, width / (self.depth * LEVEL_WIDTH)) if self.depth else 1.0
        return [{**node, "x": node["x"] * part} for node in self.nodes]


def pipeline_graph(checked: CheckedPipeline) -> None:
    """Boxes, or where the window is narrow dots with their names above."""
    layout = _Layout()
    layout.place(checked.root)
    margin = {"left": BOX_WIDTH // 2 + 4, "right": BOX_WIDTH // 2 + 4, "top": 28, "bottom": 24}
    boxes = {
        **margin,
        "symbol": "rect",
        "symbolSize": [BOX_WIDTH, BOX_HEIGHT],
        "label": _label("inside", "#ffffff", 12, BOX_WIDTH - 12),
    }
    dots = {
        **margin,
        "left": 44,
        "right": 44,
        "symbol": "circle",
        "symbolSize": 12,
        "data": layout.squeezed(NARROW_WIDTH),
        "label": _label("top", TEXT_COLORS[st.context.theme.type or "light"], 11, 78),
    }
    series = {
        "type": "graph",
        "layout": "none",
        "data": layout.nodes,
        "links": layout.links,
        "edgeSymbol": ["none", "arrow"],
        "edgeSymbolSize": 7,
        "lineStyle": {"width": 1.5, "color": "#8a919c", "opacity": 1},
        "silent": True,
        "animation": False,
    }
    names = {each["id"]: each["name"] for each in layout.nodes}
    flow = [{"from": names[each["source"]], "to": names[each["target"]]} for each in layout.links]
    data_chart(
        {
            "baseOption": {"series": [{**series, **boxes}]},
            "media": [
                {"query": {"maxWidth": NARROW}, "option": {"series": [dots]}},
                {"option": {"series": [boxes]}},
            ],
        },
        pd.DataFrame(flow, columns=["from", "to"]),
        "pipeline-graph",
        height=layout.rows * ROW_HEIGHT + 44,
        width=layout.depth * LEVEL_WIDTH + BOX_WIDTH + 16,
        alt=f"Graph of {counted(len(checked.steps), 'step')}: {_described(checked.root)}",
    )
    shown = {each["itemStyle"]["color"] for each in layout.nodes}
    words = ", ".join(meaning for color, meaning in MEANINGS.items() if color in shown)
    st.caption(plain(f"What stands at the left goes into what stands at its right; {words}."))


def _label(position: str, color: str, size: int, width: int) -> dict[str, Any]:
    return {
        "show": True,
        "position": position,
        "color": color,
        "fontSize": size,
        "overflow": "truncate",
        "width": width,
    }


def _children(bound: Bound) -> list[Bound]:
    if isinstance(bound, Step):
        return [value for _, value in bound.inputs]
    return list(bound.items) if isinstance(bound, BoundList) else []


def _shown(bound: Bound) -> tuple[str, str]:
    if isinstance(bound, Step):
        return bound.function.info.name, COLORS[bound.function.info.source]
    if isinstance(bound, BoundList):
        return "list", LITERAL_COLOR
    if isinstance(bound, Argument):
        return bound.name, ARGUMENT_COLOR
    return shortened(json.dumps(bound.value, ensure_ascii=False), 40), LITERAL_COLOR


def _described(step: Step) -> str:
    inner = [_described(value) for _, value in step.inputs if isinstance(value, Step)]
    name = step.function.info.name
    return f"{name} of {' and '.join(inner)}" if inner else name
