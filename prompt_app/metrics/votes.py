"""Several votes on one response, of one judge or of a panel, made into one score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from prompt_app.datamodel.score import MetricInfo, Score
from prompt_app.errors import NoVerdictError, PromptAppError, TiedVotesError

_REASON_CHARACTERS = 300


def tally(info: MetricInfo, votes: Sequence[Score], errors: Sequence[PromptAppError] = ()) -> Score:
    """One score of all votes that were asked for: those given, and the errors of the others.

    Pass/fail and labels: the value that more than half of all asked for gave. Other scales: the
    mean, if more than half gave a vote. The reason is that of the first vote for, or nearest to,
    the result. Raises TiedVotesError without a strict majority; the first error where half or more
    gave no vote.
    """
    asked = len(votes) + len(errors)
    if 2 * len(votes) <= asked:
        raise errors[0] if errors else NoVerdictError("No judge gave a vote.")
    if asked == 1:
        return votes[0]
    values = [vote.value for vote in votes]
    if info.kind == "proportion" or info.by_majority:
        value, count = Counter(values).most_common(1)[0]
        if 2 * count <= asked:
            shown = ", ".join(f"{value:g}" for value in values)
            raise TiedVotesError(f"No value has more than half of {asked} votes: {shown}.")
    else:
        value = fmean(values)
    speaker = min(votes, key=lambda vote: abs(vote.value - value))
    told = [
        {
            "judge": vote.details.get("judge", ""),
            "value": vote.value,
            "reason": vote.reason[:_REASON_CHARACTERS],
        }
        for vote in votes
    ]
    details = {"votes": told, "votes_missing": len(errors)}
    if info.by_majority:
        details = {**speaker.details, **details}
    return speaker.model_copy(update={"value": value, "details": details})
