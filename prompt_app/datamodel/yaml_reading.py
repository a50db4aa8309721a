"""YAML from people: whatever is wrong with it is told with its line."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

MOST_DEPTH = 100
"""Levels of lists and mappings: far more than anything written by hand, far less than would
exhaust Python's stack."""
_MERGE = "tag:yaml.org,2002:merge"


def read_yaml(text: str) -> Any:
    """The plain values of ``text``. Raises yaml.YAMLError, with its place where that is known,
    also for what PyYAML itself answers with a RecursionError or a bare ValueError."""
    return yaml.load(text, Loader=_Loader)


def describe_yaml_problem(error: yaml.YAMLError) -> str:
    """``line 3, column 5: not valid YAML: what is wrong``, on one line."""
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    problem = getattr(error, "problem", None) or str(error).split("\n")[0]
    return f"{place}not valid YAML: {problem}"


class _Loader(yaml.SafeLoader):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            problem = (
                f"lists and mappings are nested more than {MOST_DEPTH} levels deep; flatten them"
            )
            place = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise ComposerError(None, None, problem, place)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        # PyYAML keeps the last of equal keys: a threshold or a prompt would be gone unsaid.
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            name = (key.tag, str(key.value))
            if name in seen and key.tag != _MERGE:
                problem = f"the key {key.value!r} stands twice in one mapping; remove one"
                raise ComposerError(None, None, problem, key.start_mark)
            seen.add(name)
        return node

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except ValueError as error:
            problem = f"{error}; put it in quotes if it is text"
            if node.tag == "tag:yaml.org,2002:int":
                problem = (
                    f"a number of {len(node.value):,} characters is too long; put it in quotes if "
                    "it is text"
                )
            raise ConstructorError(None, None, problem, node.start_mark) from None
