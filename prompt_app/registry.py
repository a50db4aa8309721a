"""Tables of names and their implementations, imported only when used.

A table maps a name to ``"package.module:attribute"``. Adding an implementation is one file and
one line in its table.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

from prompt_app.errors import UnknownNameError

MOST_LISTED = 20
"""Names in a message."""


def nearest_names(name: str, known: Iterable[str], most: int = 2) -> list[str]:
    """The known names closest to ``name``, best first; empty when none is close."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=most, cutoff=0.6)
    return [by_folded[folded] for folded in close]


def unknown_name(what: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """The error for a ``name`` that is none of ``known``: with the nearest, or else with all."""
    names = sorted(known)
    near = nearest_names(name, names)
    if near:
        return UnknownNameError(what, name, near)
    listed = ", ".join(names[:MOST_LISTED]) + (", ..." if len(names) > MOST_LISTED else "")
    return UnknownNameError(what, name, advice=f"There are {listed or 'none yet'}.")


class Registry(Mapping[str, str]):
    """One visible table: name -> ``"module:attribute"``.

    ``what`` names the kind of thing for error messages, e.g. ``"metric"``.
    """

    def __init__(self, what: str, entries: Mapping[str, str]) -> None:
        self.what = what
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> str:
        try:
            return self._entries[name]
        except KeyError:
            raise unknown_name(self.what, name, self._entries) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def load(self, name: str) -> Any:
        """Import and return the implementation of ``name``.

        Raises UnknownNameError with the nearest names when there is none.
        """
        module_name, _, attribute = self[name].partition(":")
        return getattr(import_module(module_name), attribute)
