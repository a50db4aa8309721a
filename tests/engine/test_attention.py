"""A process that is asked nothing falls asleep, once it is told when."""

from __future__ import annotations

import pytest

from prompt_app.engine import attention
from prompt_app.engine.attention import Attention


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_awake_for_a_while_after_the_start_and_after_each_wake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr(attention, "time", clock)
    idles, never = Attention(10), Attention(None)
    idles.begin_look()
    seen = []
    for seconds in (0, 9, 1):
        clock.now += seconds
        seen.append(idles.is_awake)
    assert seen == [True, True, False]
    idles.wake()
    idles.begin_look()
    assert idles.is_awake
    clock.now += 1000
    assert (idles.is_awake, never.is_awake) == (False, True)


def test_no_wake_is_slept_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long this machine was busy with other things."""
    clock = Clock()
    monkeypatch.setattr(attention, "time", clock)
    idles = Attention(10)
    for _ in range(2):
        clock.now += 1000
        assert idles.is_awake
        idles.begin_look()
        assert not idles.is_awake
        idles.wake()
