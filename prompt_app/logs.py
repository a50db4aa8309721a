"""Logging set-up: text or JSON lines that carry run and example ids and never a secret.

Modules log with ``logging.getLogger(__name__)``; the engine names what it works on with
:func:`bind`. One handler writes everything, and what it writes goes through :func:`redact`, so
that a secret in a message, an argument, an extra field or a traceback is caught in one place.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TextIO
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

from prompt_app.settings import Settings

HIDDEN = "***"

_context: ContextVar[Mapping[str, str]] = ContextVar(
    "prompt_app_log_context", default=MappingProxyType({})
)
_known_secrets: set[str] = set()
_known_pattern: re.Pattern[str] | None = None

_ASSIGNED = r"""\\?["']?\s*[:=]\s*\\?["']?(?!\*\*\*)"""
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), kept)
    for pattern, kept in (
        (r"://([^\s/:@]*):[^\s/]+@", rf"://\1:{HIDDEN}@"),
        (r"(?i)\b((?:bearer|basic)\s+)(?=\S*[\d=+/])[^\s\"',\\]{8,}", rf"\1{HIDDEN}"),
        (r"\b(sk|rk|pk)-[A-Za-z0-9_-]{16,}", HIDDEN),
        (r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", HIDDEN),
        (r"\b(?:ABSK|bedrock-api-key-)[A-Za-z0-9+/=_-]{16,}", HIDDEN),
        (rf"(?i)(passw(?:or)?d{_ASSIGNED})[^\s\"',;&\\]+", rf"\1{HIDDEN}"),
        (
            r"(?i)((?:secret(?:_?access_?key)?|api[-_]?key|openai-key|token|authorization"
            rf"|signature|credential|cookie){_ASSIGNED})[^\s\"',;&{{}}()\\]{{8,}}",
            rf"\1{HIDDEN}",
        ),
    )
)
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CONTROL_CHARACTERS = {code: repr(chr(code))[1:-1] for code in (*range(32), 127)}


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send all records to ``stream`` (standard error by default) as the settings say.

    This package logs from ``settings.log_level`` on, libraries from WARNING on: botocore's debug
    records hold signatures. Console handlers that libraries made before are taken over. Calling
    it again replaces what it did.
    """
    for value in dict(settings).values():
        for part in value.values() if isinstance(value, dict) else [value]:
            if isinstance(part, SecretStr):
                hide(part.get_secret_value())

    handler = _RedactingHandler(stream or sys.stderr)
    handler.setFormatter(_JsonFormatter() if settings.log_format == "json" else _TextFormatter())
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, _RedactingHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    level = logging.getLevelNamesMapping()[settings.log_level]
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("prompt_app").setLevel(level)
    _take_over_console_handlers()


@contextmanager
def bind(**fields: str) -> Iterator[None]:
    """Put ``fields`` (``run_id``, ``example_id``) on every record logged inside the block.

    Follows the current asyncio task and those that it starts; inner blocks add to outer ones.
    """
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


def hide(secret: str) -> None:
    """Never write ``secret`` from now on; of an address only the password is secret.

    Values shorter than four characters are ignored: hiding them would make logs unreadable.
    """
    global _known_pattern  # noqa: PLW0603
    password = urlsplit(secret).password if "://" in secret else None
    for value in (secret, password, unquote(password or "")):
        if value and len(value) >= 4:
            plain = {value, quote(value, safe=""), repr(value)[1:-1]}
            _known_secrets.update(plain, (json.dumps(form)[1:-1] for form in plain))
    longest_first = sorted(_known_secrets, key=len, reverse=True)
    alternatives = "|".join(re.escape(value) for value in longest_first)
    _known_pattern = re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)") if alternatives else None


def redact(text: str) -> str:
    """``text`` with known secrets, and what looks like a key, token or password, replaced."""
    if _known_pattern is not None:
        text = _known_pattern.sub(HIDDEN, text)
    for pattern, kept in _PATTERNS:
        text = pattern.sub(kept, text)
    return text


class _RedactingHandler(logging.StreamHandler[TextIO]):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))

    def handleError(self, record: logging.LogRecord) -> None:
        """The standard handler would print the record's arguments as they are."""
        kind = getattr(sys.exc_info()[0], "__name__", "error")
        if not isinstance(sys.exc_info()[1], OSError):
            place = f"{record.pathname}:{record.lineno}"
            print(f"A log record of {record.name} was lost: {kind} at {place}", file=sys.stderr)


class _TextFormatter(logging.Formatter):
    """``2026-01-31T12:00:00.123Z INFO prompt_app.engine.worker run_id=... The message``."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f"{name}={value} " for name, value in _fields(record).items())
        line = f"{fields}{record.getMessage()}".translate(_CONTROL_CHARACTERS)
        head = f"{_time(record)} {record.levelname} {record.name} {line}"
        trace = _traceback(record)
        return f"{head}\n{trace}" if trace else head


class _JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, ids and extra fields, exception."""

    def format(self, record: logging.LogRecord) -> str:
        entry = _fields(record) | {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if trace := _traceback(record):
            entry["exception"] = trace
        return json.dumps(entry, default=str)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """The bound ids, then what the call gave as ``extra``."""
    extra = {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
    return {**_context.get(), **extra}


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _traceback(record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info and record.exc_info[0] is not None:
        parts.append(logging.Formatter().formatException(record.exc_info))
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n".join(parts)


def _take_over_console_handlers() -> None:
    for logger in logging.root.manager.loggerDict.values():
        if not isinstance(logger, logging.Logger):
            continue
        consoles = [h for h in logger.handlers if type(h) is logging.StreamHandler]
        for handler in consoles:
            logger.removeHandler(handler)
        if consoles:
            logger.propagate = True
            logger.setLevel(logging.NOTSET)
