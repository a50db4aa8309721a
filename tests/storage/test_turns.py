from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest
from storage.building import a_worker, answer, submit, together
from storage.conftest import Opener

from prompt_app.storage.turns import Turns


def until(condition: object) -> None:
    deadline = time.monotonic() + 10
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_threads_come_in_the_order_in_which_they_asked() -> None:
    turns, order = Turns(), []

    def take(number: int) -> None:
        with turns.turn(10):
            order.append(number)

    with turns.turn(10):
        threads = []
        for number in range(20):
            thread = Thread(target=take, args=(number,))
            thread.start()
            threads.append(thread)
            until(lambda expected=number + 1: len(turns._waiting) == expected)
    for thread in threads:
        thread.join(10)
    assert order == list(range(20))


def test_a_turn_that_does_not_come_is_given_up_and_leaves_the_queue() -> None:
    turns, release = Turns(), Event()

    def hold() -> None:
        with turns.turn(10):
            release.wait(10)

    holder = Thread(target=hold)
    holder.start()
    until(lambda: turns._taken)
    with pytest.raises(TimeoutError), turns.turn(0.02):
        pass
    assert not turns._waiting
    release.set()
    holder.join(10)
    with turns.turn(0.02):
        pass


def test_a_turn_ends_with_an_error_too() -> None:
    turns = Turns()
    with pytest.raises(KeyError), turns.turn(1):
        raise KeyError
    with turns.turn(0.02):
        pass


def test_only_one_thread_is_in_at_a_time() -> None:
    turns = Turns()
    inside = most = done = 0

    def work(_: int) -> None:
        nonlocal inside, most, done
        for _ in range(50):
            with turns.turn(10):
                inside += 1
                most = max(most, inside)
                time.sleep(0)
                done += 1
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert (most, done) == (1, 400)


def test_busy_threads_and_stores_let_each_other_write(open_another: Opener) -> None:
    """Two stores, as two processes have them, and four threads, each writing without a pause."""
    stores = [open_another(), open_another()]
    submit(stores[0], runs=4, rows=200)
    leases = [stores[0].claim_run(a_worker(str(number))) for number in range(4)]

    def write(number: int) -> None:
        lease = leases[number]
        assert lease is not None
        for start in range(0, 200, 10):
            batch = together(*(answer(n, repeat=number) for n in range(start, start + 10)))
            stores[number % 2].write_batch(lease, batch)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert [run.progress.answered for run in stores[0].list_runs().items] == [200] * 4
