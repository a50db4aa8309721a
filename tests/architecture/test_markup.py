"""Streamlit reads labels, captions and messages as markdown: what a person or a model wrote stands
in them only behind ``plain`` or ``literal``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

UI = Path(__file__).resolve().parents[2] / "prompt_app" / "ui"
MODULES = sorted(path.relative_to(UI).as_posix() for path in UI.rglob("*.py"))
READS_MARKDOWN = {
    "badge", "button", "caption", "checkbox", "date_input", "dialog", "download_button",
    "error", "expander", "file_uploader", "form_submit_button", "header", "info", "link_button",
    "markdown", "menu_button", "metric", "multiselect", "number_input", "page_link", "pills",
    "popover", "radio", "segmented_control", "selectbox", "slider", "spinner", "status",
    "subheader", "success", "text_area", "text_input", "title", "toast", "toggle", "warning",
    "write",
}  # fmt: skip
OPTIONS_ARE_MARKDOWN = {"pills", "radio", "segmented_control"}
TEXTS = {"label", "help", "text", "body", "caption", "delta"}
SAFE_CALLS = {"plain", "literal", "_marked", "_grid", "_title", "counted", "len", "get_args"}
"""What escapes, and what gives numbers or words of the program."""
NUMBERS = {"number", "newest", "current", "based_on", "index", "seed", "done", "total", "attempts",
           "rubric_number"}  # fmt: skip
WORDS = {"good", "label", "role", "state", "status", "value", "wanted", "kinds", "among", "part",
         "missing", "spec"}  # fmt: skip
"""Names and attributes that hold words of the program itself."""


@pytest.mark.parametrize("module", MODULES)
def test_no_text_from_outside_is_read_as_markdown(module: str) -> None:
    tree = ast.parse((UI / module).read_text("utf-8"))
    found = [
        f"line {call.lineno}: {ast.unparse(value)}"
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and _name(call.func) in READS_MARKDOWN
        for text in _texts(call)
        for value in _raw(text)
    ]
    assert found == []


def _texts(call: ast.Call) -> Iterator[ast.expr]:
    places = 2 if _name(call.func) in {*OPTIONS_ARE_MARKDOWN, "metric"} else 1
    yield from call.args[:places]
    named = TEXTS | ({"options"} if _name(call.func) in OPTIONS_ARE_MARKDOWN else set())
    yield from (each.value for each in call.keywords if each.arg in named)


def _raw(text: ast.expr) -> Iterator[ast.expr]:
    """The parts of ``text`` that may hold anything."""
    match text:
        case ast.JoinedStr(values=parts) | ast.List(elts=parts) | ast.BoolOp(values=parts):
            pass
        case ast.FormattedValue(value=value, format_spec=spec):
            parts = [value] if spec is None else []
        case ast.BinOp(left=left, right=right) | ast.IfExp(body=left, orelse=right):
            parts = [left, right]
        case ast.Call(func=ast.Attribute(attr="join"), args=[ast.GeneratorExp(elt=each)]):
            parts = [each]
        case ast.Call(func=ast.Name(id="list"), args=[of]) | ast.Subscript(value=of):
            parts = [of]
        case _:
            if not _is_safe(text):
                yield text
            return
    for part in parts:
        yield from _raw(part)


def _is_safe(text: ast.expr) -> bool:
    match text:
        case ast.Constant():
            return True
        case ast.Call(func=function):
            return _name(function) in SAFE_CALLS
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in NUMBERS | WORDS or name.isupper()
    return False


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
