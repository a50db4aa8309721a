"""What the pacer makes of limits, in simulated time."""

from __future__ import annotations

import statistics

import pytest
from simulated_provider import Provider, Simulation

from prompt_app.providers.pacing import Pacer
from prompt_app.providers.spending import SpendingCap

MOST = 1000
WARM_UP = 10.0
SECONDS = 60.0


def test_an_unlimited_provider_is_used_in_full_at_once() -> None:
    ideal = 2000 / 100 * 0.1
    simulation = Simulation(Provider(latency=0.1, jitter=0), most=100, calls=2000)
    assert simulation.run().ended - ideal < 0.15
    assert simulation.pacer.rate is None


@pytest.mark.parametrize("refusal_latency", [0.003, 0.05])
@pytest.mark.parametrize("latency", [0.02, 0.1, 1.0])
@pytest.mark.parametrize(
    ("rate", "burst"),
    [(5, 1), (5, 5), (20, 2), (50, 5), (50, 50), (200, 20), (500, 50), (500, 500)],
)
def test_a_limited_rate_is_used_and_seldom_exceeded(
    rate: float, burst: float, latency: float, refusal_latency: float
) -> None:
    provider = Provider(
        rate=rate, burst=burst, latency=latency, refusal_latency=refusal_latency, tokens=burst
    )
    outcome = Simulation(provider, MOST, seconds=SECONDS).run()
    assert outcome.throughput(WARM_UP, SECONDS) >= 0.85 * rate
    assert outcome.refused_share(WARM_UP) <= 0.1


@pytest.mark.parametrize("latency", [0.02, 1.0])
@pytest.mark.parametrize(("rate", "burst"), [(5, 5), (20, 2), (50, 5), (200, 200), (500, 50)])
def test_retry_after_makes_refusals_rarer_still(rate: float, burst: float, latency: float) -> None:
    """A refusal costs a whole second in which nothing is called."""
    provider = Provider(rate=rate, burst=burst, latency=latency, tokens=burst, tells_seconds=True)
    outcome = Simulation(provider, MOST, seconds=2 * SECONDS).run()
    assert outcome.throughput(2 * WARM_UP, 2 * SECONDS) >= 0.85 * rate
    assert outcome.refused_share(2 * WARM_UP) <= 0.05


@pytest.mark.parametrize("latency", [0.1, 1.0])
@pytest.mark.parametrize("limit", [5, 20, 100])
def test_a_limited_concurrency_is_used_and_seldom_exceeded(limit: int, latency: float) -> None:
    provider = Provider(concurrency=limit, latency=latency)
    outcome = Simulation(provider, MOST, seconds=SECONDS).run()
    # A place is empty while an answer and the next call are under way.
    possible = limit / (latency + 0.0035)
    assert outcome.throughput(WARM_UP, SECONDS) >= 0.8 * possible
    assert outcome.refused_share(WARM_UP) <= 0.1


def test_a_lowered_limit_is_followed_and_a_raised_one_found() -> None:
    provider = Provider(rate=200, burst=20, tokens=20)
    simulation = Simulation(provider, MOST, seconds=90)
    simulation.changes = [(20, {"rate": 50, "burst": 5}), (50, {"rate": 400, "burst": 40})]
    outcome = simulation.run()
    assert outcome.throughput(10, 20) >= 0.85 * 200
    assert outcome.throughput(25, 50) >= 0.85 * 50
    assert outcome.throughput(75, 90) >= 0.85 * 400
    late = [at for at in outcome.refused if 22 <= at < 50 or at >= 70]
    assert len(late) < 0.1 * len([at for at in outcome.admitted if 22 <= at < 50 or at >= 70])


def test_refusals_by_chance_slow_nothing_down() -> None:
    """Five of a hundred calls are refused, whatever the rate."""
    ended = [
        Simulation(Provider(chance=0.05), most=100, calls=2000, seed=seed).run().ended
        for seed in range(7)
    ]
    assert statistics.median(ended) < 2.5


def test_a_storm_of_refusals_by_chance_is_come_through() -> None:
    ended = [
        Simulation(Provider(chance=0.3), most=100, calls=500, seed=seed).run().ended
        for seed in range(7)
    ]
    assert statistics.median(ended) < 15


def test_nothing_starts_on_hold_and_no_herd_after_it() -> None:
    pacer = Pacer(100)
    slots = [pacer.start(0.0, number, waited=True, paced=True) for number in range(50)]
    pacer.refused(slots[-1], 0.05, 2.0)
    assert pacer.delay(0.05) == pytest.approx(2.0)
    assert pacer.delay(1.5) > 0
    now = 2.05
    started: list[float] = []
    while now < 2.15:
        if pacer.delay(now) <= 0 and len(started) < 100:
            pacer.start(now, 0, waited=True, paced=True)
            started.append(now)
        else:
            now += 0.001
    assert len([at for at in started if at < 2.06]) <= 5
    assert len(started) >= 10


def test_a_burst_of_refusals_cuts_once() -> None:
    pacer = Pacer(100)
    slots = [pacer.start(number * 0.01, number, waited=True, paced=True) for number in range(100)]
    for slot in slots[50:]:
        pacer.refused(slot, 1.0, None)
    once = pacer.rate
    assert once is not None
    for slot in slots[:50]:
        pacer.refused(slot, 1.01, None)
    assert pacer.rate == once


def test_nothing_grows_while_the_server_fails() -> None:
    def grown(failing: bool) -> float:
        pacer = Pacer(100)
        slots = [pacer.start(0.0, number, waited=True, paced=True) for number in range(20)]
        for slot in slots:
            pacer.refused(slot, 0.1, None)
        now = 0.1
        for _ in range(40):
            now += max(0.0, pacer.delay(now))
            pacer.start(now, 1, waited=True, paced=True)
            if failing:
                pacer.failed()
            else:
                pacer.succeeded()
        assert pacer.rate is not None
        return pacer.rate

    assert grown(failing=False) > 2 * grown(failing=True)


def test_an_idle_client_does_not_raise_its_rate() -> None:
    pacer = Pacer(100)
    for slot in [pacer.start(0.0, number, waited=True, paced=True) for number in range(20)]:
        pacer.refused(slot, 0.1, None)
    before = pacer.rate
    for second in range(1, 100):
        pacer.start(float(second), 0, waited=False, paced=False)
        pacer.succeeded()
    assert before is not None
    assert pacer.rate == pytest.approx(before, rel=0.01)


@pytest.mark.parametrize("per_minute", [30.0, 600.0, 60_000.0])
def test_a_cap_is_spread_over_the_minute(per_minute: float) -> None:
    cap = SpendingCap(per_minute)
    now, spent = 0.0, []
    while now < 120:
        now += max(0.0, cap.delay(now))
        cap.spend(1, now)
        spent.append(now)
    for begin in (0.0, 7.3, 60.0):
        within = sum(begin <= at < begin + 60 for at in spent)
        assert 0.97 * per_minute - 1 <= within <= per_minute * (1 + 0.1 / 60) + 2


def test_a_correction_gives_back_and_takes_more() -> None:
    cap = SpendingCap(60)
    cap.spend(100, 0.0)
    waits = cap.delay(0.0)
    cap.correct(60)
    assert cap.delay(0.0) == pytest.approx(waits - 60)
    cap.correct(-30)
    assert cap.delay(0.0) == pytest.approx(waits - 30)
    cap.correct(1e9)
    cap.spend(1, 0.0)
    assert cap.delay(0.0) > 0, "what is given back does not pile up beyond the burst"
