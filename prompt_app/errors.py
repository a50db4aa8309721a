"""Every error that this package raises on purpose, in one tree.

::

    PromptAppError
    |- InputError                 what the user gave is wrong; exit code 2
    |  |- SettingsError           an environment variable or .env entry
    |  |- UnknownNameError        no model, metric, dataset ... of that name; carries suggestions
    |  |- DatasetError            a dataset file or a row of it
    |  |- TemplateError           a prompt template
    |  |- EvaluationError         an evaluation that cannot run as written
    |  |- StatisticsError         numbers from which the asked quantity cannot be computed
    |  |- RubricError             a rubric, its labels, worked examples or parameters
    |  |- PipelineError           a pipeline's text, functions or arguments; carries line and column
    |  |- ConflictError           same key or name, other content
    |  |  |- NameTakenError       by something that the person does not see
    |- PermissionDeniedError      the person's role does not allow it
    |  |- LoginRequiredError       nobody is logged in, or the login has ended
    |  |  |- UnknownTokenError     an access token that is wrong, revoked or expired
    |- LimitReachedError          an access token's own limit; carries retry_after
    |- ProviderError              a model provider did not answer as asked
    |  |- TransientError          worth another try
    |  |  |- RateLimitedError     429; carries retry_after
    |  |  |- ServerError          5xx
    |  |  |- ConnectionFailedError  refused, reset, unresolvable
    |  |  |- DeadlineExceededError  no complete answer in time
    |  |  |- MalformedReplyError  truncated or not of the expected shape
    |  |- RequestRefusedError     this request will not be answered, however often
    |  |  |- UnsupportedParameterError
    |  |  |- ContextTooLongError
    |  |  |- ContentFilteredError
    |  |- RunBlockingError        no request of this run will be answered: pause the run
    |     |- AuthenticationError
    |     |- ModelNotFoundError
    |     |- QuotaExhaustedError
    |- BudgetExhaustedError       the evaluation's spend cap is reached; the run pauses
    |- MetricError                a metric could not score a sample
    |  |- NoReferenceError         the example lacks the reference that the metric compares with
    |  |- TextTooLongError         the metric would take too long on it
    |  |- ScoringTimeoutError      a pattern took too long
    |  |- NothingToJudgeError      the sample lacks what the judge is to look at
    |  |- VerdictError             a judge's reply
    |     |- NoVerdictError        holds none
    |     |- InvalidVerdictError   holds one of the wrong shape
    |     |- ContradictoryVerdictsError
    |     |- CutOffVerdictError
    |     |- TiedVotesError       several, without a strict majority
    |- FunctionError              a pipeline's function failed on what it was given
    |- AssessmentError            a model's assessment of a work by a rubric
    |  |- EmptyAssessmentError     nothing was answered
    |  |- CutOffAssessmentError    it ends too early
    |  |- UnreadableAssessmentError  no table and no JSON of the expected shape
    |  |- MissingConceptError      a key concept of the rubric is not assessed
    |  |- UnexpectedConceptError   one is assessed that the rubric does not have
    |  |- UnknownLabelError        a label that the rubric does not have
    |  |- ContradictoryAssessmentError  one key concept, two labels
    |- StoreError                 the database
    |  |- StoreUnavailableError   locked, unreachable or full: may pass
    |  |- LeaseLostError          another worker has taken the run over
    |  |- SchemaError             a migration failed, or the store is newer than this app
    |- BlobError                  the folder or bucket

A message says what is wrong, where, and what to do. It never holds a secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self


class PromptAppError(Exception):
    """Root of all errors of this package. ``str(error)`` is written for the person who reads it."""

    @property
    def kind(self) -> str:
        """A stable snake_case name for storage and counting, e.g. ``rate_limited``."""
        words: list[str] = []
        for character in type(self).__name__.removesuffix("Error"):
            if character.isupper() and words:
                words.append("_")
            words.append(character.lower())
        return "".join(words)

    def reworded(self, message: str) -> Self:
        """The same error with another message. This one, which others may share, stays as it is."""
        error = type(self).__new__(type(self), message)
        error.__dict__.update(self.__dict__)
        return error


class InputError(PromptAppError):
    """What the user gave cannot be used."""


class SettingsError(InputError):
    """An environment variable or a ``.env`` entry has a wrong value."""


class UnknownNameError(InputError):
    """No such model, metric, dataset or other named thing."""

    def __init__(
        self, what: str, name: str, suggestions: Sequence[str] = (), advice: str = ""
    ) -> None:
        hint = ""
        if suggestions:
            hint = f" Did you mean {' or '.join(repr(s) for s in suggestions)}?"
        if advice:
            hint += f" {advice}"
        super().__init__(f"There is no {what} named {name!r}.{hint}")
        self.what = what
        self.name = name
        self.suggestions = tuple(suggestions)


class DatasetError(InputError):
    """A dataset file, or a row of it, cannot be read."""


class TemplateError(InputError):
    """A prompt template is malformed or does not fit its dataset."""


class EvaluationError(InputError):
    """An evaluation cannot run as it is written."""


class StatisticsError(InputError):
    """The asked quantity cannot be computed from these numbers, or would mislead."""


class RubricError(InputError):
    """A rubric, its labels, worked examples or parameters cannot be used."""


class PipelineError(InputError):
    """A pipeline's text, functions or arguments are wrong. ``line`` and ``column`` count from 1;
    both are 0 where no place in the text is meant."""

    def __init__(self, message: str, *, line: int = 0, column: int = 0) -> None:
        place = f"Line {line}, column {column}: " if line > 1 else f"Column {column}: "
        super().__init__(place + message if column else message)
        self.line = line
        self.column = column


class ConflictError(InputError):
    """The same key or name was used before with other content."""


class NameTakenError(ConflictError):
    """The name belongs to something of a project that the person is no member of."""


class PermissionDeniedError(PromptAppError):
    """The person's role does not allow what they asked for."""


class LoginRequiredError(PermissionDeniedError):
    """Nobody is logged in, or the login has ended."""


class UnknownTokenError(LoginRequiredError):
    """No access token, or one that is wrong, revoked or expired."""


class LimitReachedError(PromptAppError):
    """A limit of the access token is used up; ``retry_after`` is in seconds, where it passes."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ProviderError(PromptAppError):
    """A model provider did not answer as asked.

    ``status`` is the HTTP status where there was one; ``request_id`` is the provider's.
    ``attempts`` is how many calls were made before this error was given out. ``answered`` are the
    replies to other parts of the same request, which were paid for.
    """

    attempts: int = 1
    answered: tuple[object, ...] = ()

    def __init__(
        self, message: str, *, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class TransientError(ProviderError):
    """Another try may succeed."""


class RateLimitedError(TransientError):
    """The provider refused the call for its rate; ``retry_after`` is in seconds, if it was told."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        status: int | None = 429,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.retry_after = retry_after


class ServerError(TransientError):
    """The provider failed (5xx)."""


class ConnectionFailedError(TransientError):
    """The provider could not be reached, or the connection broke."""


class DeadlineExceededError(TransientError):
    """No complete answer arrived before the call's deadline."""


class MalformedReplyError(TransientError):
    """The answer was cut off or is not of the expected shape."""


class RequestRefusedError(ProviderError):
    """The provider will not answer this request, however often it is sent."""


class UnsupportedParameterError(RequestRefusedError):
    """The model does not take a parameter; ``parameter`` is its name in InferenceParameters."""

    def __init__(
        self,
        message: str,
        *,
        parameter: str,
        status: int | None = 400,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.parameter = parameter


class ContextTooLongError(RequestRefusedError):
    """The prompt does not fit the model's context."""


class ContentFilteredError(RequestRefusedError):
    """The provider's content filter refused the prompt."""


class RunBlockingError(ProviderError):
    """No request of this run would be answered; the run pauses with this reason."""


class AuthenticationError(RunBlockingError):
    """No credentials, wrong ones, or no access to the model."""


class ModelNotFoundError(RunBlockingError):
    """The provider knows no such model or endpoint."""


class QuotaExhaustedError(RunBlockingError):
    """The account's quota or credit is used up."""


class BudgetExhaustedError(PromptAppError):
    """The evaluation's spend cap leaves no room for another call."""


class MetricError(PromptAppError):
    """A metric could not score a sample; the message becomes the failed score's reason."""


class NoReferenceError(MetricError):
    """The example has no reference, or none that the metric can compare with."""


class TextTooLongError(MetricError):
    """The response or a reference is longer than the metric takes."""


class ScoringTimeoutError(MetricError):
    """A user's pattern took too long on this text."""


class NothingToJudgeError(MetricError):
    """The sample lacks what the judge is to look at: a field, passages, any statement."""


class VerdictError(MetricError):
    """A judge's reply is not one clear verdict."""


class NoVerdictError(VerdictError):
    """The judge's reply holds no verdict."""


class InvalidVerdictError(VerdictError):
    """The judge's verdict is not of the shape that was asked for."""


class ContradictoryVerdictsError(VerdictError):
    """The judge's reply holds several verdicts that differ."""


class CutOffVerdictError(VerdictError):
    """The judge's reply ended at the token limit."""


class TiedVotesError(VerdictError):
    """Several votes, none of which has a strict majority."""


class FunctionError(PromptAppError):
    """A function of a pipeline failed, or took too long, on what it was given."""


class AssessmentError(PromptAppError):
    """A model's assessment is not one label of the rubric for each of its key concepts."""


class EmptyAssessmentError(AssessmentError):
    """The model answered nothing."""


class CutOffAssessmentError(AssessmentError):
    """The assessment ends before it is whole."""


class UnreadableAssessmentError(AssessmentError):
    """The reply holds neither a table nor JSON of the expected shape."""


class MissingConceptError(AssessmentError):
    """A key concept of the rubric is not assessed."""


class UnexpectedConceptError(AssessmentError):
    """A key concept is assessed that the rubric does not have."""


class UnknownLabelError(AssessmentError):
    """The assessment gives a label that the rubric does not have."""


class ContradictoryAssessmentError(AssessmentError):
    """The assessment gives one key concept two labels."""


class StoreError(PromptAppError):
    """The database did not do as asked."""


class StoreUnavailableError(StoreError):
    """The database is locked, unreachable or full; the same call may succeed later."""


class LeaseLostError(StoreError):
    """Another worker has taken over the run: stop at once and write nothing more."""


class SchemaError(StoreError):
    """A migration failed, or the store was written by a newer version of this app."""


class BlobError(PromptAppError):
    """A file of the blob store could not be read or written."""
