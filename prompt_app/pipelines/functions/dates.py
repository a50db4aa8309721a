"""Functions over dates. A date is text such as 2026-03-31; times are in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from prompt_app.errors import FunctionError


def today() -> date:
    """Today's date."""
    return datetime.now(UTC).date()


def now() -> datetime:
    """Date and time now."""
    return datetime.now(UTC).replace(microsecond=0)


def format_date(day: date, pattern: str = "%d %B %Y") -> str:
    """A date as text: %d day, %m month, %Y year, %A weekday, %B month's name."""
    try:
        return day.strftime(pattern)
    except ValueError as error:
        raise FunctionError(f"The pattern {pattern!r} is malformed: {error}.") from None


def add_days(day: date, days: int) -> date:
    """The date so many days later, or earlier where the number is negative."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        raise FunctionError(f"{days} days away is no date.") from None


def days_between(start: date, end: date) -> int:
    """Days from one date to another."""
    return (end - start).days


def weekday(day: date) -> str:
    """The name of a date's weekday."""
    return day.strftime("%A")
