"""How a run is stopped before its end, and why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from prompt_app.datamodel.evaluation import RunState

GRACE_SECONDS = 7.0
"""How long calls in flight may still take when a run is cancelled or its worker is stopped: with
all that comes after it, a worker ends within the 10 s that container engines usually give."""
START_ANEW = "start the evaluation anew"
"""In the reason of a run that would pause again as soon as it is resumed."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A run's next state, and the reason."""

    state: RunState
    reason: str = ""


class Halt:
    """Set once: no new call is made from then on. Calls in flight are awaited when the run is
    paused; otherwise ``abandon`` is called when they have had their grace period."""

    def __init__(self) -> None:
        self.ending: Ending | None = None
        self.is_urgent = False
        """The worker is to end: nothing is waited for but calls in flight."""
        self.abandon: Callable[[], None] = lambda: None

    def __bool__(self) -> bool:
        return self.ending is not None

    def ask(self, state: RunState, reason: str = "") -> None:
        """The first request counts."""
        self.is_urgent = self.is_urgent or state == "queued"
        if self.ending is not None:
            return
        self.ending = Ending(state, reason)
        if state != "paused":
            asyncio.get_running_loop().call_later(GRACE_SECONDS, self.abandon)
