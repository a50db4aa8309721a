"""Work that may take long: done on a thread of its own, with progress and a way to cancel it. It
goes on while other pages are looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from threading import Event, Thread
from typing import Any, Generic, TypeVar, cast

import streamlit as st

from prompt_app.interfaces.watching import WorkStopped, watched_by
from prompt_app.ui.components.wording import duration, plain

Result = TypeVar("Result")
PATIENCE_SECONDS = 1.0
"""Work that is done sooner shows no progress."""
LOOK_SECONDS = 0.5


class Work(Generic[Result]):
    """Starts at once; ``of`` tells it from other work in the same place."""

    def __init__(self, title: str, do: Callable[[], Result], of: Hashable = ()) -> None:
        self.title = title
        self.of = of
        self._do = do
        self._begun = time.monotonic()
        self._told: tuple[str, int, int | None] = ("", 0, None)
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._wanted = True
        self._ended = Event()
        Thread(target=self._run, name="studio-work", daemon=True).start()

    def cancel(self) -> None:
        """It ends at its next step; does nothing after the end."""
        self._wanted = False

    def has_ended(self) -> bool:
        """Asked within its first second, waits for that."""
        left = 0.0 if self.is_cancelling else self._begun + PATIENCE_SECONDS - time.monotonic()
        return self.join(max(0.0, left))

    def join(self, seconds: float) -> bool:
        """Whether it has ended, waiting at most so long for it."""
        return self._ended.wait(seconds)

    @property
    def is_cancelling(self) -> bool:
        return not self._wanted

    @property
    def was_cancelled(self) -> bool:
        """Ended before it was done, because somebody asked for that."""
        return self._ended.is_set() and self._error is not None and not self._wanted

    def result(self) -> Result:
        """Of work that has ended. Raises what it raised."""
        if self._error is not None:
            raise self._error
        return cast(Result, self._result)

    @property
    def share(self) -> float | None:
        """How much is done, from 0 to 1; None where nobody knows how much there is."""
        _, done, total = self._told
        return min(done / total, 1.0) if total else None

    @property
    def words(self) -> str:
        what, done, total = self._told
        seconds = duration(time.monotonic() - self._begun)
        if not what:
            return f"{self.title}: {seconds}"
        known = f"{done:,} of {total:,}" if total else f"{done:,}"
        return f"{self.title}: {known} {what}, {seconds}"

    def _run(self) -> None:
        try:
            with watched_by(self._note):
                self._result = self._do()
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()

    def _note(self, what: str, done: int, total: int | None) -> None:
        if not self._wanted:
            raise WorkStopped
        self._told = (what, done, total)


def start_work(place: str, title: str, do: Callable[[], Result]) -> None:
    """In ``place``, where :func:`ended_work` finds it. ``do`` must not use the session."""
    st.session_state[place] = Work(title, do)


def ended_work(place: str) -> Work[Any] | None:
    """The work that was started in ``place``, once, when it has come to its end by itself; until
    then its progress is shown."""
    work: Work[Any] | None = st.session_state.get(place)
    if work is None or not _ended_or_shown(place, work):
        return None
    del st.session_state[place]
    if work.was_cancelled:
        st.info("Cancelled. Nothing was changed.", icon=":material/cancel:")
        return None
    return work


def is_at_work(place: str) -> bool:
    return place in st.session_state


def worked_out(
    place: str, title: str, of: tuple[Hashable, ...], do: Callable[[], Result]
) -> Result | None:
    """What ``do`` gives, worked out when the page first needs it and kept for all who ask for the
    same ``of``; None while it is under way, and when it was cancelled. Raises what it raises."""
    kept = _kept(place, of)
    if kept:
        return cast(Result, kept[0])
    work: Work[Result] | None = st.session_state.get(place)
    if work is None or work.of != of:
        if work is not None:
            work.cancel()
        work = st.session_state[place] = Work(title, do, of)
    if not _ended_or_shown(place, work):
        return None
    if work.was_cancelled:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{plain(title)}: cancelled.")
            st.button(
                "Start again", key=f"{place}.again", icon=":material/replay:",
                on_click=st.session_state.pop, args=(place, None),
            )  # fmt: skip
        return None
    result = work.result()
    kept.append(result)
    del st.session_state[place]
    return result


def forget_results() -> None:
    """Of all work: what is stored became another."""
    _kept.clear()


@st.cache_resource(show_spinner=False, ttl="30m", max_entries=100)
def _kept(place: str, of: tuple[Hashable, ...]) -> list[Any]:
    """Empty until somebody puts the result there."""
    return []


def _ended_or_shown(place: str, work: Work[Any]) -> bool:
    if work.has_ended():
        return True
    st.fragment(_progress, run_every=LOOK_SECONDS)(place)
    return False


def _progress(place: str) -> None:
    work: Work[Any] | None = st.session_state.get(place)
    if work is None or work.has_ended():
        st.rerun()
        return
    with st.container(border=True):
        if work.share is None:
            st.caption(plain(work.words))
        else:
            st.progress(work.share, text=plain(work.words))
        st.button(
            "Cancelling" if work.is_cancelling else "Cancel",
            key=f"{place}.cancel",
            icon=":material/cancel:",
            on_click=work.cancel,
            disabled=work.is_cancelling,
        )
