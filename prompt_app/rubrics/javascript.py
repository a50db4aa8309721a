"""Students' JavaScript, parsed by tree-sitter, which reads broken programs too: comments taken
out, and features with the lines where they are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from prompt_app.datamodel.base import Record

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

SPRITE_CALLS = frozenset({"createSprite", "createGroup", "createEdgeSprites", "Sprite"})
SHAPE_CALLS = frozenset(
    {"arc", "bezier", "circle", "curve", "ellipse", "line", "point", "quad", "rect",
     "regularPolygon", "shape", "square", "triangle"}
)  # fmt: skip
TEXT_CALLS = frozenset({"text"})
INPUT_CALLS = frozenset(
    {"addEventListener", "keyDown", "keyIsDown", "keyWentDown", "keyWentUp", "mouseDidMove",
     "mouseDown", "mouseIsOver", "mousePressedOver", "mouseWentDown", "mouseWentUp", "onEvent"}
)  # fmt: skip
INPUT_FUNCTIONS = frozenset(
    {"keyPressed", "keyReleased", "keyTyped", "mouseClicked", "mouseDragged", "mouseMoved",
     "mousePressed", "mouseReleased", "mouseWheel", "touchStarted"}
)  # fmt: skip
CONDITIONALS = frozenset({"if_statement", "switch_statement", "ternary_expression"})
LOOPS = frozenset({"for_statement", "for_in_statement", "while_statement", "do_statement"})
FUNCTIONS = frozenset(
    {"function_declaration", "function_expression", "arrow_function", "method_definition",
     "generator_function_declaration"}
)  # fmt: skip
UPDATES = frozenset(
    {"assignment_expression", "augmented_assignment_expression", "update_expression"}
)
COMMENTS = frozenset({"comment", "html_comment"})
CALLS = {
    **dict.fromkeys(SPRITE_CALLS, "sprites"),
    **dict.fromkeys(SHAPE_CALLS, "shapes"),
    **dict.fromkeys(TEXT_CALLS, "texts"),
    **dict.fromkeys(INPUT_CALLS, "input_handlers"),
}
STATEMENTS = {
    **dict.fromkeys(CONDITIONALS, "conditionals"),
    **dict.fromkeys(LOOPS, "loops"),
}
DRAW_LOOP = "draw"
FEATURES = {
    "sprites": "sprites that are created",
    "shapes": "shapes that are drawn",
    "texts": "lines of text that are drawn",
    "variables": "variables that hold something other than a sprite or a function",
    "conditionals": "if, switch and ?:",
    "loops": "for, while and do",
    "function_definitions": "functions that are defined, the draw loop aside",
    "function_calls": "calls of functions that the program defines itself",
    "property_updates": "properties that are changed inside the draw loop",
    "input_handlers": "places that react to keys or the mouse",
}
"""What is counted, for people."""


class Finding(Record):
    """One place in a program."""

    line: int
    code: str


Features = dict[str, tuple[Finding, ...]]


def without_comments(text: str) -> str:
    """``text`` without its comments. Strings, templates and regular expressions stay as they
    are, and so do the numbers of the lines."""
    data = text.encode("utf-8", "replace")
    kept: list[bytes] = []
    position = 0
    for node in _nodes(_parser().parse(data).root_node):
        if node.type not in COMMENTS or node.start_byte < position:
            continue
        before = data[position : node.start_byte]
        ends_line = data[node.end_byte : node.end_byte + 1] in (b"", b"\n", b"\r")
        kept.append(before.rstrip(b" \t") if ends_line else before)
        breaks = data[node.start_byte : node.end_byte].count(b"\n")
        kept.append(b"\n" * breaks or (b"" if ends_line else b" "))
        position = node.end_byte
    kept.append(data[position:])
    return b"".join(kept).decode()


def has_syntax_error(text: str) -> bool:
    """Whether the parser had to skip something."""
    return _parser().parse(text.encode("utf-8", "replace")).root_node.has_error


def find_features(text: str) -> Features:
    """Every feature of :data:`FEATURES` with the places where it is, in order of line."""
    root = _parser().parse(text.encode("utf-8", "replace")).root_node
    nodes = list(_nodes(root))
    named = {name: node for node in nodes if (name := _defined_name(node))}
    drawn = _reachable(named, DRAW_LOOP)
    found: dict[str, list[Finding]] = {name: [] for name in FEATURES}
    for node in nodes:
        for feature in _features_of(node, named):
            found[feature].append(_finding(node))
        if node.type in UPDATES and _is_property(node) and _within(node, drawn):
            found["property_updates"].append(_finding(node))
    return {name: tuple(places) for name, places in found.items()}


@lru_cache(maxsize=1)
def _parser() -> Parser:
    import tree_sitter_javascript
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_javascript.language()))


def _nodes(root: Node) -> Iterator[Node]:
    """All nodes in order of their text; a stack, for programs nest deeper than Python calls."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def _text(node: Node | None) -> str:
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def _finding(node: Node) -> Finding:
    code = " ".join(_text(node).split())
    return Finding(line=node.start_point[0] + 1, code=code if len(code) < 80 else code[:79] + "…")


def _called_name(node: Node) -> str:
    if node.type not in ("call_expression", "new_expression"):
        return ""
    function = node.child_by_field_name("function") or node.child_by_field_name("constructor")
    if function is not None and function.type == "member_expression":
        function = function.child_by_field_name("property")
    return _text(function)


def _defined_name(node: Node) -> str:
    if node.type not in FUNCTIONS:
        return ""
    name = node.child_by_field_name("name")
    if name is None and node.parent is not None:
        parent = node.parent
        name = parent.child_by_field_name("name") or parent.child_by_field_name("left")
    return _text(name)


def _features_of(node: Node, named: dict[str, Node]) -> Iterator[str]:
    called = _called_name(node)
    if called in CALLS:
        yield CALLS[called]
    elif called in named:
        yield "function_calls"
    if node.type in STATEMENTS:
        yield STATEMENTS[node.type]
    elif node.type in FUNCTIONS:
        name = _defined_name(node)
        if name in INPUT_FUNCTIONS:
            yield "input_handlers"
        elif name != DRAW_LOOP:
            yield "function_definitions"
    elif node.type == "variable_declarator" and _holds_a_value(node):
        yield "variables"


def _holds_a_value(declarator: Node) -> bool:
    value = declarator.child_by_field_name("value")
    return value is None or (
        value.type not in FUNCTIONS and _called_name(value) not in SPRITE_CALLS
    )


def _is_property(node: Node) -> bool:
    target = node.child_by_field_name("left") or node.child_by_field_name("argument")
    return target is not None and target.type == "member_expression"


def _reachable(named: dict[str, Node], start: str) -> set[int]:
    """The ids of the functions that run whenever ``start`` does."""
    reached: set[int] = set()
    waiting = [start]
    while waiting:
        node = named.get(waiting.pop())
        if node is None or node.id in reached:
            continue
        reached.add(node.id)
        waiting += [name for inner in _nodes(node) if (name := _called_name(inner))]
    return reached


def _within(node: Node, functions: set[int]) -> bool:
    parent = node.parent
    while parent is not None:
        if parent.id in functions:
            return True
        parent = parent.parent
    return False
