"""From a pipeline's text to its tree.

::

    pipeline = call
    value    = call | NAME | STRING | NUMBER | "true" | "false" | "null" | list
    call     = NAME "(" [ item { "," item } [ "," ] ] ")"
    item     = [ NAME "=" ] value
    list     = "[" [ value { "," value } [ "," ] ] "]"

``True``, ``False`` and ``None`` are taken too. Length and depth are bounded.
"""

from __future__ import annotations

import re

from prompt_app.pipelines.lexing import Token, tokens
from prompt_app.pipelines.tree import Argument, Call, Items, Keyword, Literal, Node

MOST_DEPTH = 60
CONSTANTS = {
    "true": True, "True": True, "false": False, "False": False, "null": None, "None": None,
}  # fmt: skip
_ARGUMENT = re.compile(r"[\w.-]+")


def parse(text: str) -> Call:
    """Raises PipelineError that names the place."""
    return _Parser(text).pipeline()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._next = next(self._tokens)
        self._depth = 0

    def pipeline(self) -> Call:
        start = self._next
        if start.kind == "end":
            raise start.place.error("The pipeline is empty: write a call such as upper(text).")
        root = self._value()
        if not isinstance(root, Call):
            raise start.place.error(
                f"A pipeline is a call such as upper(text); {start.text[:40]} alone is none."
            )
        if self._next.kind != "end":
            raise self._next.place.error(
                f"The pipeline ends before {self._shown()}. It is one call, with the others "
                "inside its brackets."
            )
        return root

    def _value(self) -> Node:
        token = self._take()
        if token.kind in ("string", "number"):
            return Literal(token.place, token.value)
        if token.text == "[":
            return Items(token.place, self._items(token))
        if token.kind != "name":
            raise token.place.error(f"A value is missing before {_shown(token)}.")
        return self._after_name(token)

    def _after_name(self, token: Token) -> Node:
        is_call = self._next.text == "(" and self._next.kind == "mark"
        if token.text in CONSTANTS:
            if is_call:
                raise token.place.error(f"{token.text} is a value and cannot be called.")
            return Literal(token.place, CONSTANTS[token.text])
        if is_call:
            return self._call(token)
        if not _ARGUMENT.fullmatch(token.text):
            raise token.place.error(
                f"{token.text} cannot be an argument's name; a prompt is called: {token.text}(...)."
            )
        return Argument(token.place, token.text)

    def _call(self, name: Token) -> Call:
        opening = self._open()
        positional: list[Node] = []
        keywords: dict[str, Keyword] = {}
        while not self._closes(opening, ")"):
            token = self._next
            value = self._value()
            if self._accept("="):
                if not isinstance(value, Argument):
                    raise token.place.error("Before = stands the name of a parameter.")
                if value.name in keywords:
                    raise token.place.error(f"{value.name} is given twice.")
                keywords[value.name] = Keyword(token.place, value.name, self._value())
            elif keywords:
                raise token.place.error("A value without a name cannot follow one with a name.")
            else:
                positional.append(value)
            self._separate(opening, ")")
        return Call(name.place, name.text, tuple(positional), tuple(keywords.values()))

    def _items(self, opening: Token) -> tuple[Node, ...]:
        self._deeper(opening)
        items: list[Node] = []
        while not self._closes(opening, "]"):
            items.append(self._value())
            self._separate(opening, "]")
        return tuple(items)

    def _open(self) -> Token:
        opening = self._take()
        self._deeper(opening)
        return opening

    def _deeper(self, opening: Token) -> None:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise opening.place.error(f"More than {MOST_DEPTH} levels of brackets.")

    def _closes(self, opening: Token, mark: str) -> bool:
        if self._next.kind == "end":
            raise opening.place.error(f"This {opening.text} is never closed: {mark} is missing.")
        if self._accept(mark):
            self._depth -= 1
            return True
        return False

    def _separate(self, opening: Token, mark: str) -> None:
        """A comma, unless the closing mark or the end of the text (told there) is next."""
        is_end = self._next.kind == "end" or (self._next.kind, self._next.text) == ("mark", mark)
        if not is_end and not self._accept(","):
            raise self._next.place.error(f"A comma or {mark} is missing before {self._shown()}.")

    def _accept(self, mark: str) -> bool:
        if self._next.kind == "mark" and self._next.text == mark:
            self._take()
            return True
        return False

    def _take(self) -> Token:
        token = self._next
        if token.kind != "end":
            self._next = next(self._tokens)
        return token

    def _shown(self) -> str:
        return _shown(self._next)


def _shown(token: Token) -> str:
    return "the end" if token.kind == "end" else token.text[:40]
