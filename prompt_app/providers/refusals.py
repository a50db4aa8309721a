"""What a pacer knows of the calls since its last decision."""

from __future__ import annotations

LEAST_CALLS = 20
LEAST_REFUSALS = 4


class Evidence:
    """Calls with a number above ``first_number``, counted up to the last that was refused: the
    outcome of those after it is not known yet.

    ``expected_share`` of refusals is what :attr:`recent_share` starts from.
    """

    __slots__ = (
        "_seen",
        "_window",
        "active_seconds",
        "admitted",
        "began_at",
        "calls",
        "first_number",
        "least_others",
        "most_others",
        "recent_share",
        "refused",
        "share",
    )

    def __init__(self, first_number: int, began_at: float, expected_share: float = 0.0) -> None:
        self.first_number = first_number
        self.began_at = began_at
        self.active_seconds = 0.0
        """Time in which calls waited to start; no idle time."""
        self.calls = 0
        self.refused = 0
        self.admitted = 0
        self.share = 0.0
        """Refused of all."""
        self.recent_share = expected_share
        """The same, over about the last 32 calls (64 where some are expected)."""
        self.least_others = 10**9
        """Calls in flight besides a refused one."""
        self.most_others = 0
        self._window = 64 if expected_share else 32
        self._seen = 64 if expected_share else 0

    def add_refusal(self, number: int, others: int) -> bool:
        """Whether the call is one of these; ``others`` were in flight when it started."""
        if number <= self.first_number:
            return False
        calls = max(self.calls, number - self.first_number)
        passed = calls - self.calls
        self._seen += max(1, passed)
        weight = 1 / min(self._seen, self._window)
        self.recent_share = min(1.0, self.recent_share * (1 - weight) ** passed + weight)
        self.calls = calls
        self.refused += 1
        self.least_others = min(self.least_others, others)
        self.most_others = max(self.most_others, others)
        self.admitted = max(0, calls - self.refused)
        self.share = min(1.0, self.refused / calls)
        return True


class NoiseTest:
    """Whether refusals have to do with the load at all.

    If they are no rarer at rates clearly below what was admitted before, and come at whatever
    number of calls in flight, they have not; ``share`` is then how many of all calls are refused
    whatever the load, else 0.
    """

    def __init__(self) -> None:
        self.share = 0.0
        self._reference: tuple[float, float, float] | None = None
        self._admitted = 0
        self._refused = 0
        self._least_others = 0
        self._most_others = 0

    def judge(self, rate: float, admitted_rate: float, evidence: Evidence) -> float | None:
        """Take in one more cycle at ``rate``, of which ``admitted_rate`` went through. Where the
        test is passed, set ``share`` and return the rate to go back to."""
        if self._reference is not None:
            reference_rate, reference_admitted, reference_share = self._reference
            as_many = evidence.share >= max(0.01, 0.4 * reference_share)
            if as_many and rate <= 0.9 * reference_admitted:
                return self._add(evidence, reference_rate)
            if as_many and rate < reference_rate:
                return None
        self._reference = (rate, admitted_rate, evidence.share)
        self._admitted = self._refused = 0
        self._least_others, self._most_others = evidence.least_others, evidence.most_others
        return None

    def _add(self, evidence: Evidence, reference_rate: float) -> float | None:
        self._admitted += evidence.admitted
        self._refused += evidence.refused
        self._least_others = min(self._least_others, evidence.least_others)
        self._most_others = max(self._most_others, evidence.most_others)
        one_level = 0 < 0.7 * self._most_others < self._least_others
        calls = self._admitted + self._refused
        if one_level or self._refused < LEAST_REFUSALS or calls < LEAST_CALLS:
            return None
        self.share = self._refused / calls
        self._reference = None
        self._admitted = self._refused = 0
        return reference_rate
