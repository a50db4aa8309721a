"""One claimed test of a rubric, run to its end in a worker."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial

from prompt_app.datamodel.counting import summed_cost
from prompt_app.datamodel.rubric_test import RubricTestProgress, RubricTestState
from prompt_app.engine.backlog import insist
from prompt_app.errors import LeaseLostError, PromptAppError, StoreUnavailableError
from prompt_app.interfaces import Store
from prompt_app.interfaces.rubric_tests import RubricLease
from prompt_app.rubrics.results import LessonResult, StudentResult
from prompt_app.settings import Settings
from prompt_app.workbench.rubric_folders import open_folder
from prompt_app.workbench.rubric_preparing import PreparedLesson, prepare_lessons
from prompt_app.workbench.rubric_spending import Spending
from prompt_app.workbench.rubric_testing import assess_lesson

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0


class RubricJob:
    """One claimed test in this worker."""

    def __init__(self, store: Store, settings: Settings, lease: RubricLease) -> None:
        self._store = store
        self._settings = settings
        self._lease = lease
        self._progress = RubricTestProgress()
        self._spent_before = lease.test.progress.cost_usd
        self._results: dict[str, str] = {}
        self._cancelled = False

    async def run(self, stop: asyncio.Event) -> None:
        """To its end, its cancellation, or until ``stop``; then it is queued again."""
        testing = asyncio.create_task(self._test())
        beating = asyncio.create_task(self._beat(testing))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({testing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopped = not testing.done()
        testing.cancel()
        state, reason = await self._ending(testing, stopped=stopped)
        for task in (beating, stopping):
            task.cancel()
        await asyncio.gather(beating, stopping, return_exceptions=True)
        with suppress(LeaseLostError):
            await insist(lambda: self._end(state, reason))

    async def _ending(
        self, testing: asyncio.Task[None], *, stopped: bool
    ) -> tuple[RubricTestState, str]:
        try:
            await testing
        except asyncio.CancelledError:
            if stopped and not self._cancelled:
                return "queued", "Its worker was stopped."
            return "cancelled", "Cancelled on request."
        except PromptAppError as error:
            return "failed", str(error)
        except Exception as error:
            logger.exception("the rubric's test %s failed", self._lease.test.id)
            return "failed", f"A defect of this app: {type(error).__name__}: {error}"
        problems = self._progress.problems
        return "finished", (
            f"Works with a reply that could not be read, or without one: {problems}."
            if problems
            else ""
        )

    async def _test(self) -> None:
        prepared = await asyncio.to_thread(self._prepare)
        total = sum(len(each.works) for each in prepared)
        self._progress = self._progress.model_copy(update={"total": total})
        spending = Spending(self._lease.test.options.max_cost_usd, self._spent_before or 0.0)
        for each in prepared:
            count = partial(self._count, len(each.experiment.rubric.names))
            result = await assess_lesson(self._store, self._settings, each, count, spending)
            self._keep(result)

    def _prepare(self) -> list[PreparedLesson]:
        options = self._lease.test.options
        if self._lease.fence > 1:  # an earlier worker may have been answered
            options = options.model_copy(update={"use_cached": True})
        folder = open_folder(self._settings.resolved_rubrics_url, self._settings)
        return prepare_lessons(self._store, self._settings, folder, options)

    def _keep(self, result: LessonResult) -> None:
        self._results[result.lesson] = result.model_dump_json()

    def _count(self, concepts: int, student: StudentResult) -> None:
        """A work is done."""
        progress = self._progress
        whole = len(student.votes) == concepts and not student.problems
        self._progress = progress.model_copy(
            update={
                "done": progress.done + 1,
                "problems": progress.problems + (not whole),
                "cost_usd": summed_cost((progress.cost_usd, student.cost_usd)),
            }
        )

    @property
    def _told(self) -> RubricTestProgress:
        """With what earlier workers spent on it."""
        cost = summed_cost((self._progress.cost_usd, self._spent_before))
        return self._progress.model_copy(update={"cost_usd": cost})

    async def _beat(self, testing: asyncio.Task[None]) -> None:
        while True:
            try:
                wanted = await asyncio.to_thread(
                    self._store.beat_rubric_test, self._lease, self._told
                )
            except StoreUnavailableError as error:
                logger.warning("no heartbeat: %s", error)
                wanted = False
            except LeaseLostError:
                logger.warning("another worker has taken the rubric's test over")
                testing.cancel()
                return
            if wanted:
                self._cancelled = True
                testing.cancel()
                return
            await asyncio.sleep(BEAT_SECONDS)

    def _end(self, state: RubricTestState, reason: str) -> None:
        # What is queued again begins anew; else lessons that were tested to their end are shown.
        results = {} if state == "queued" else self._results
        self._store.end_rubric_test(
            self._lease, state, reason=reason, progress=self._told, results=results
        )
