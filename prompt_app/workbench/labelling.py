"""Queues in which people label replies, one person at a time."""

from __future__ import annotations

import heapq
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.base import content_hash
from prompt_app.datamodel.dataset import Example, sampling_key
from prompt_app.datamodel.evaluation import Run, SampleKey
from prompt_app.datamodel.labelling import CHOICES, Annotation, Choice, LabelQueue, LabelRubric
from prompt_app.errors import EvaluationError, StatisticsError
from prompt_app.interfaces import Page, Store, StoredSample
from prompt_app.statistics.labelling import plan_labels
from prompt_app.workbench.calibrating import (
    Calibration,
    calibrate_by,
    judge_info,
    judge_scores,
)
from prompt_app.workbench.human_labels import label_number
from prompt_app.workbench.label_files import read_labels, write_labels
from prompt_app.workbench.label_standing import LabelStanding, consensus, standing

NEXT_ROWS = 20


@dataclass(frozen=True, slots=True)
class LabelTask:
    """One row as a labeller sees it."""

    example: Example
    replies: tuple[StoredSample, ...]
    """One, or two in the order in which this person sees them."""
    swapped: bool
    """Whether the second run's reply comes first."""
    mine: Annotation | None
    """What this person said about the row, if anything."""

    def choice(self, place: Choice) -> Choice:
        """The reply of the queue's runs that stands at ``place`` on this person's screen."""
        if not self.swapped or place == "equal":
            return place
        return "second" if place == "first" else "first"


class Labelling:
    """What ``actor`` may do with label queues."""

    def __init__(self, store: Store, actor: Person) -> None:
        self._store = store
        self._actor = actor

    def queues(self, *, offset: int = 0, limit: int = 50) -> Page[LabelQueue]:
        """Newest first."""
        return self._store.list_label_queues(offset=offset, limit=limit)

    def latest_answers(self, which: str, *, offset: int = 0, limit: int = 50) -> Page[Annotation]:
        return self._store.page_annotations(self.queue(which).id, offset=offset, limit=limit)

    def queue(self, which: str) -> LabelQueue:
        """By name or id. Raises UnknownNameError."""
        return self._store.get_label_queue(which)

    def create(
        self,
        name: str,
        run_ids: Sequence[str],
        rubric: LabelRubric,
        *,
        metric: str = "",
        people_per_row: int = 1,
    ) -> LabelQueue:
        """A queue over the replies of one run, or over those of two runs side by side.

        ``metric``: key of the judge that the labels are to be held against. Raises
        EvaluationError where the labels are not on its scale or the two runs share no example,
        ConflictError for a name that is taken, pydantic.ValidationError for a wrong one.
        """
        self._actor.require(Role.EDITOR, "create label queues")
        runs = [self._store.get_run(run_id) for run_id in run_ids]
        queue = LabelQueue(
            id=f"q{secrets.token_hex(6)}",
            name=name,
            run_ids=tuple(dict.fromkeys(run.id for run in runs)),
            metric=metric,
            people_per_row=people_per_row,
            rubric=rubric,
            created_by=self._actor.name,
        )
        if metric:
            _check_scale(runs[0], queue)
        if not self._examples(queue):
            raise EvaluationError(
                "There is no reply to label: no example was answered in every run."
            )
        return self._store.create_label_queue(queue)

    def change_rubric(
        self, which: str, rubric: LabelRubric, *, based_on: int | None = None
    ) -> LabelQueue:
        """Ask differently from now on; answers name the version that they were given under.
        Raises ConflictError where there is a newer version than ``based_on`` by now."""
        self._actor.require(Role.EDITOR, "change what labellers are asked")
        queue = self.queue(which)
        changed = queue.model_copy(update={"rubric": rubric})
        if queue.metric:
            _check_scale(self._store.get_run(queue.run_ids[0]), changed)
        return self._store.add_label_rubric(queue.id, rubric, based_on=based_on)

    def label(
        self, which: str, example_id: str, label: str | None, comment: str = ""
    ) -> Annotation:
        """Answer for a row, or skip it (None). Every answer is kept; the last one counts.

        Raises EvaluationError for a label that the queue does not have, UnknownNameError for a
        row that it does not have.
        """
        self._actor.require(Role.EDITOR, "label rows")
        queue = self.queue(which)
        known = CHOICES if queue.is_pair else queue.rubric.labels
        if label is not None and label not in known:
            raise EvaluationError(f"{label!r} is none of the labels {', '.join(known)}.")
        for run_id in queue.run_ids:
            self._sample(run_id, example_id)
        given = Annotation(
            example_id=example_id,
            labeller=self._actor.id,
            labeller_name=self._actor.name,
            label=label,
            comment=comment.strip(),
            rubric_number=queue.rubric_number,
        )
        self._store.add_annotations(queue.id, [given])
        return given

    def undo(self, which: str) -> Annotation | None:
        """Take back this person's last answer; what they had said before counts again."""
        self._actor.require(Role.EDITOR, "label rows")
        return self._store.withdraw_annotation(self.queue(which).id, self._actor.id)

    def answers(self, which: str, *, everything: bool = False) -> list[Annotation]:
        """Who said what, in order of time; with ``everything`` also what was taken back."""
        return self._store.list_annotations(self.queue(which).id, everything=everything)

    def task(self, which: str, example_id: str) -> LabelTask:
        """One row. Two replies stand in an order that the labeller cannot guess, always the same
        one for the same person. Raises UnknownNameError."""
        queue = self.queue(which)
        replies = tuple(self._sample(run_id, example_id) for run_id in queue.run_ids)
        draw = content_hash([queue.id, self._actor.id, example_id])
        swapped = queue.is_pair and int(draw, 16) % 2 == 1
        mine = [
            each
            for each in self.answers(queue.id)
            if each.example_id == example_id and each.labeller == self._actor.id
        ]
        return LabelTask(
            example=replies[0].example,
            replies=replies[::-1] if swapped else replies,
            swapped=swapped,
            mine=mine[-1] if mine else None,
        )

    def next_rows(self, which: str, count: int = NEXT_ROWS) -> tuple[str, ...]:
        """Examples for this person, the most useful first.

        Rows that others have begun come first where several people are asked about each. Then,
        with a judge, those whose labels narrow the interval of people's mean most
        (:func:`plan_labels`); without one, a random order, the same each time for one person.
        Rows that this person answered or skipped do not come again.
        """
        queue = self.queue(which)
        answers = self.answers(queue.id)
        mine = {each.example_id for each in answers if each.labeller == self._actor.id}
        others = Counter(
            each.example_id
            for each in answers
            if each.labeller != self._actor.id and each.label is not None
        )
        free = [
            example
            for example in self._examples(queue)
            if example not in mine and others[example] < queue.people_per_row
        ]
        begun = [example for example in free if others[example]]
        rest = [example for example in free if not others[example]]
        return tuple([*begun[:count], *self._in_order(queue, rest, answers, count)][:count])

    def row_count(self, which: str) -> int:
        """Rows that can be labelled."""
        return len(self._examples(self.queue(which)))

    def standing(self, which: str, rows: int | None = None) -> LabelStanding:
        """How far the queue is, how far people agree, and what their labels say. ``rows``: of
        :meth:`row_count`, where it is known already."""
        queue = self.queue(which)
        if rows is None:
            rows = self.row_count(queue.id)
        return standing(queue, self.answers(queue.id), rows)

    def human_labels(self, which: str, run: Run, metric: str) -> dict[str, float]:
        """Example id -> what people agreed on, on the scale of ``metric`` of ``run``; rows on
        which they are split are left out. Raises EvaluationError for a run whose replies the
        queue is not about."""
        queue = self.queue(which)
        if queue.is_pair or run.id not in queue.run_ids:
            raise EvaluationError(
                f"The labels of {queue.name} are about {' and '.join(queue.run_ids)}, "
                f"not about the replies of {run.id}."
            )
        info = judge_info(run, metric)
        agreed = consensus(self.answers(queue.id))
        numbers = {example: label_number(label, info) for example, label in agreed.items()}
        return {example: number for example, number in numbers.items() if number is not None}

    def judge_agreement(self, which: str, *, suggest: int = 0) -> Calibration:
        """The judge of the queue held against the labels so far.

        Raises EvaluationError where the queue has no judge, or no row has both.
        """
        queue = self.queue(which)
        if not queue.metric:
            raise EvaluationError(f"The queue {queue.name} is held against no judge.")
        run = self._store.get_run(queue.run_ids[0])
        human = self.human_labels(queue.id, run, queue.metric)
        return calibrate_by(self._store, run, queue.metric, queue.name, human, suggest)

    def export(self, which: str, path: Path) -> int:
        """Write every answer in force to a .jsonl or .csv file; returns how many."""
        return write_labels(self.answers(which), path)

    def import_labels(self, which: str, path: Path) -> int:
        """Read answers from a .jsonl or .csv file with ``example_id`` and ``label``; those
        without a labeller are this person's. Raises InputError naming every bad line."""
        self._actor.require(Role.EDITOR, "label rows")
        queue = self.queue(which)
        known = CHOICES if queue.is_pair else queue.rubric.labels
        found = read_labels(path, queue, self._actor, set(self._examples(queue)), known)
        self._store.add_annotations(queue.id, found)
        return len(found)

    def _examples(self, queue: LabelQueue) -> list[str]:
        """Answered in every run of the queue."""
        first, *others = (self._store.answered_examples(run_id) for run_id in queue.run_ids)
        shared = [set(each) for each in others]
        return [example for example in first if all(example in each for each in shared)]

    def _in_order(
        self, queue: LabelQueue, free: Sequence[str], answers: Sequence[Annotation], count: int
    ) -> list[str]:
        planned: list[str] = []
        if queue.metric and not queue.is_pair:
            planned = self._planned(queue, set(free), answers, count)
        chosen = set(planned)
        rest = (example for example in free if example not in chosen)
        # Each person has an order of their own, so that two at work at once seldom meet.
        own = f"{queue.id}:{self._actor.id}"
        drawn = heapq.nsmallest(count, rest, key=lambda each: sampling_key(0, f"{own}:{each}"))
        return [*planned, *drawn]

    def _planned(
        self, queue: LabelQueue, free: set[str], answers: Sequence[Annotation], count: int
    ) -> list[str]:
        run = self._store.get_run(queue.run_ids[0])
        scores, _ = judge_scores(self._store, run, queue.metric, judge_info(run, queue.metric))
        human = self.human_labels(queue.id, run, queue.metric)
        passed_over = sum(example not in free and example not in human for example in scores)
        examples = list(scores)
        try:
            plan = plan_labels(
                list(scores.values()),
                [human.get(example) for example in examples],
                count + passed_over,
                seed=int(content_hash([self._actor.id, len(answers)])[:8], 16),
            )
        except StatisticsError:
            return []
        wanted = (examples[row] for row in plan.rows)
        return [example for example in wanted if example in free][:count]

    def _sample(self, run_id: str, example_id: str) -> StoredSample:
        return self._store.get_sample(run_id, SampleKey(example_id=example_id))


def _check_scale(run: Run, queue: LabelQueue) -> None:
    info = judge_info(run, queue.metric)
    if queue.is_pair:
        raise EvaluationError("A judge's score is of one reply: it cannot be held against pairs.")
    strange = [label for label in queue.rubric.labels if label_number(label, info) is None]
    if strange:
        raise EvaluationError(
            f"The labels {', '.join(strange)} are not on the scale of {queue.metric}. Use pass and "
            "fail for a judge that passes or fails, numbers for one that grades, or no judge."
        )
