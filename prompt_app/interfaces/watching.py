"""Whoever waits for long work sees how far it is, and can stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Item = TypeVar("Item")
Watcher = Callable[[str, int, int | None], None]
"""Called with what is being done, how much of it is done, and how much there is where that is
known. May raise WorkStopped."""

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


class WorkStopped(BaseException):
    """Nobody wants the work any more: it ends here, leaving nothing half done. Not an error, so
    that nothing that handles errors takes it for one."""


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """What the block does is told to ``watcher``, on this thread and in its tasks."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def tell(what: str, done: int, total: int | None = None) -> None:
    """Does nothing where nobody watches. Raises WorkStopped."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher(what, done, total)


def told_of(
    items: Iterable[Item], what: str, total: int | None = None, *, every: int = 100
) -> Iterator[Item]:
    """``items``; one in ``every`` is told of as it is taken, and may raise WorkStopped."""
    for done, item in enumerate(items):
        if done % every == 0:
            tell(what, done, total)
        yield item
