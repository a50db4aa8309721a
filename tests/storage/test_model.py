"""Any order of claims, deaths, batches, requests and budget moves leaves the store as a simple
model of it says."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from servers import PostgresServer
from storage.building import a_worker, answer, failed, key, scored, submit, together
from storage.conftest import settings_for

from prompt_app.errors import EvaluationError, LeaseLostError
from prompt_app.interfaces import Lease, WriteBatch
from prompt_app.settings import Settings
from prompt_app.storage import leases, open_store, watching
from prompt_app.storage.tables import metadata

ROWS = 6
CAP = 1000
LEASE_SECONDS = 15


@dataclass
class Model:
    """What the run should be."""

    state: str = "queued"
    requested: str | None = None
    fence: int = 0
    answered: set[int] = field(default_factory=set)
    scored: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    spent: int = 0
    held: int = 0
    unconfirmed: int = 0
    cost: float = 0.0

    def leave(self) -> None:
        self.unconfirmed += self.held
        self.held = 0


class Steps(RuleBasedStateMachine):
    """One run; every lease ever given stays around, as zombies have them."""

    new_settings: Callable[[], Settings]

    def __init__(self) -> None:
        super().__init__()
        self.clock = 0.0
        self.settings = type(self).new_settings()
        self.store = open_store(self.settings)
        evaluation, (run,) = submit(self.store, rows=ROWS, cap_usd=CAP * 1e-9)
        self.evaluation_id, self.run_id = evaluation.id, run.id
        self.model = Model()
        self.leases: list[Lease] = []
        leases.time = self  # type: ignore[assignment]
        watching.time = self  # type: ignore[assignment]

    def monotonic(self) -> float:
        return self.clock

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.settings.data_dir, ignore_errors=True)

    def as_holder(self, lease: Lease, write: Callable[[], Any]) -> bool:
        """Whether ``write`` was let in; it must be for the newest fence of a running run only."""
        allowed = self.model.state == "running" and lease.fence == self.model.fence
        if allowed:
            write()
        else:
            with pytest.raises(LeaseLostError):
                write()
        return allowed

    @rule()
    def claim(self) -> None:
        lease = self.store.claim_run(a_worker())
        assert (lease is not None) == (self.model.state == "queued")
        if lease is not None:
            self.take(lease)

    def take(self, lease: Lease) -> None:
        self.model.state = "running"
        self.model.fence += 1
        assert lease.fence == self.model.fence
        self.leases.append(lease)

    @precondition(lambda self: self.model.state == "running")
    @rule()
    def worker_dies_and_another_claims(self) -> None:
        assert self.store.claim_run(a_worker("b")) is None
        self.clock += LEASE_SECONDS
        lease = self.store.claim_run(a_worker("b"))
        self.model.leave()
        if self.model.requested is None:
            assert lease is not None
            self.take(lease)
        else:
            assert lease is None
            self.model.state = "cancelled" if self.model.requested == "cancel" else "paused"
            self.model.requested = None

    @precondition(lambda self: self.leases)
    @rule(
        data=st.data(),
        numbers=st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=4),
        ok=st.booleans(),
        spend=st.integers(0, 50),
    )
    def write(self, data: st.DataObject, numbers: list[int], ok: bool, spend: int) -> None:
        lease = data.draw(st.sampled_from(self.leases))
        batch = together(*((answer(n, cost=1.0) if ok else failed(n)) for n in numbers))
        batch.released_nanousd = spend
        batch.spent_nanousd = spend // 2
        if not self.as_holder(lease, lambda: self.store.write_batch(lease, batch)):
            return
        model = self.model
        new = set(numbers) - model.answered - model.failed
        if ok:
            # Each reply was paid for, but within one batch a sample's second is not a result.
            earlier = [n for n in numbers if n not in new]
            model.cost += len(new) + len(earlier)
            model.answered |= new
        else:
            model.failed |= new
        model.held -= min(spend, model.held)
        model.spent += spend // 2

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), numbers=st.lists(st.integers(0, ROWS - 1), max_size=4))
    def score(self, data: st.DataObject, numbers: list[int]) -> None:
        lease = data.draw(st.sampled_from(self.leases))
        batch = together(WriteBatch(), *(scored(n, 1.0) for n in numbers))
        if self.as_holder(lease, lambda: self.store.write_batch(lease, batch)):
            self.model.scored |= set(numbers) & self.model.answered

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), amount=st.integers(0, 400))
    def reserve(self, data: st.DataObject, amount: int) -> None:
        lease = data.draw(st.sampled_from(self.leases))
        granted: list[bool] = []
        if self.as_holder(lease, lambda: granted.append(self.store.reserve_spend(lease, amount))):
            model = self.model
            fits = model.spent + model.held + model.unconfirmed + amount <= CAP
            assert granted == [fits]
            model.held += amount if fits else 0

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), state=st.sampled_from(["finished", "paused", "queued", "failed"]))
    def end(self, data: st.DataObject, state: Any) -> None:
        lease = data.draw(st.sampled_from(self.leases))
        if not self.as_holder(lease, lambda: self.store.end_run(lease, state)):
            return
        model = self.model
        model.leave()
        if model.requested == "cancel" and state in ("paused", "queued"):
            state = "cancelled"
        elif model.requested == "pause" and state == "queued":
            state = "paused"
        model.state, model.requested = state, None

    @rule(request_=st.sampled_from(["pause", "cancel"]))
    def ask(self, request_: Any) -> None:
        model = self.model
        allowed = {
            "queued": True,
            "running": not (request_ == "pause" and model.requested == "cancel"),
            "paused": request_ == "cancel",
        }.get(model.state, False)
        if not allowed:
            with pytest.raises(EvaluationError):
                self.store.request_run(self.run_id, request_)
            return
        self.store.request_run(self.run_id, request_)
        if model.state == "running":
            model.requested = request_
        else:
            model.state = "cancelled" if request_ == "cancel" else "paused"

    @rule(retry_failed=st.booleans())
    def requeue(self, retry_failed: bool) -> None:
        model = self.model
        refused = model.state in ("queued", "running") or (
            model.state == "finished" and not (retry_failed and model.failed)
        )
        if refused:
            with pytest.raises(EvaluationError):
                self.store.requeue_run(self.run_id, retry_failed=retry_failed)
            return
        self.store.requeue_run(self.run_id, retry_failed=retry_failed)
        model.state = "queued"
        if retry_failed:
            model.failed = set()

    @precondition(lambda self: self.model.state == "finished")
    @rule()
    def rescore(self) -> None:
        metrics = self.store.get_run(self.run_id).spec.metrics
        self.store.rescore_run(self.run_id, metrics, only=True)
        self.model.state = "queued"

    @invariant()
    def the_store_is_as_the_model(self) -> None:
        model, run = self.model, self.store.get_run(self.run_id)
        assert (run.state, run.requested) == (model.state, model.requested)
        progress = run.progress
        assert (progress.answered, progress.scored, progress.failed) == (
            len(model.answered),
            len(model.scored),
            len(model.failed),
        )
        assert progress.cost_usd == model.cost
        states = self.store.sample_states(self.run_id, [f"e{n}" for n in range(ROWS)])
        assert dict(states) == {
            **{key(n): "answered" for n in model.answered - model.scored},
            **{key(n): "scored" for n in model.scored},
            **{key(n): "failed" for n in model.failed},
        }
        found = self.store.get_evaluation(self.evaluation_id)
        assert round(found.spent_usd * 1e9) == model.spent
        assert round(found.unconfirmed_usd * 1e9) == model.unconfirmed


def run_steps(monkeypatch: pytest.MonkeyPatch, new_settings: Callable[[], Settings]) -> None:
    # Restores the module's clock, which the machine replaces, after the test.
    monkeypatch.setattr(leases, "time", leases.time)
    monkeypatch.setattr(watching, "time", watching.time)
    machine = type("Machine", (Steps,), {"new_settings": staticmethod(new_settings)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_on_sqlite(monkeypatch: pytest.MonkeyPatch, sqlite_template: Path) -> None:
    def new_settings() -> Settings:
        folder = Path(tempfile.mkdtemp(prefix="model-"))
        shutil.copy(sqlite_template, folder / "prompt-app.sqlite3")
        return settings_for(folder, None)

    run_steps(monkeypatch, new_settings)


def test_on_postgresql(
    monkeypatch: pytest.MonkeyPatch, postgres_server: PostgresServer, postgres_database: str
) -> None:
    def new_settings() -> Settings:
        postgres_server.empty(postgres_database, [table.name for table in metadata.sorted_tables])
        folder = Path(tempfile.mkdtemp(prefix="model-"))
        return settings_for(folder, postgres_server.url(postgres_database))

    run_steps(monkeypatch, new_settings)
