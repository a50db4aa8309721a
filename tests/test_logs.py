"""Ids on every record, two formats, and no secret in any of them."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from prompt_app import logs
from prompt_app.settings import Settings

DATABASE_PASSWORD = "p@ss/w\"ord'1"
OPENAI_KEY = "hidden-openai-value"
LOOKS_SECRET = {
    "openai key": "sk-proj-abcDEF0123456789abcDEF",
    "aws access key": "AKIAIOSFODNN7EXAMPLE",
    "bearer": "Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc",
    "basic": "Authorization: Basic dXNlcjpwYXNzd29yZA==",
    "url password": "redis://user:hunter2@cache:6379/0",
    "password": "{'password': 'hunter2'}",
    "aws secret key": "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "session token": '{"SessionToken": "FwoGZXIvYXdzEXAMPLE"}',
    "bedrock key": "ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl",
    "signed url": "https://b.s3/k?X-Amz-Signature=0123456789abcdef&X-Amz-Expires=60",
}
SECRET_PARTS = (
    "abcDEF0123456789",
    "AKIAIOSFODNN7",
    "eyJhbGci",
    "dXNlcjpw",
    "hunter2",
    "wJalrXUtnFEMI",
    "FwoGZXIv",
    "QmVkcm9ja0",
    "0123456789abcdef",
)


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root, package = logging.getLogger(), logging.getLogger("prompt_app")
    before = root.level, package.level, list(root.handlers)
    monkeypatch.setattr(logs, "_known_secrets", set())
    monkeypatch.setattr(logs, "_known_pattern", None)
    yield
    root.level, package.level, root.handlers[:] = before[0], before[1], before[2]


def configure(**settings: Any) -> io.StringIO:
    stream = io.StringIO()
    logs.configure_logging(Settings(_env_file=None, **settings), stream)
    return stream


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("secret", LOOKS_SECRET.values(), ids=LOOKS_SECRET)
def test_what_looks_like_a_secret_is_never_written(log_format: str, secret: str) -> None:
    stream = configure(log_format=log_format)
    logger = logging.getLogger("prompt_app.somewhere")
    logger.info("In the message: %s" % secret)  # noqa: UP031
    logger.info("In an argument: %s, %r", secret, {"nested": [secret]})
    logger.info("In an extra field", extra={"request": secret, "more": {"deep": secret}})
    try:
        raise ValueError(f"In an exception: {secret}")
    except ValueError:
        logger.exception("It failed")
    written = stream.getvalue()
    assert written.count(logs.HIDDEN) >= 6
    assert [part for part in SECRET_PARTS if part in written] == []
    assert "In an exception" in written


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_values_of_secret_settings_are_never_written(log_format: str) -> None:
    url = "postgresql+psycopg://app:p%40ss%2Fw%22ord%271@db/app"
    keys = {"models.example.com": "hidden-by-host"}
    stream = configure(
        log_format=log_format, openai_api_key=OPENAI_KEY, database_url=url, api_keys=keys
    )
    logger = logging.getLogger("prompt_app.somewhere")
    logger.info("other key %s", "hidden-by-host")
    logger.info("key %s, url %s, password %s", OPENAI_KEY, url, DATABASE_PASSWORD)
    logger.info("in a dict: %s", {"a": DATABASE_PASSWORD}, extra={"b": OPENAI_KEY})
    written = stream.getvalue()
    assert OPENAI_KEY not in written
    assert "hidden-by-host" not in written
    assert "p%40ss" not in written
    assert "p@ss" not in written


def test_a_secret_learned_later_is_hidden_too() -> None:
    stream = configure()
    logs.hide("fetched-at-run-time")
    logging.getLogger("prompt_app").info("The value is fetched-at-run-time.")
    assert "The value is ***." in stream.getvalue()


def test_a_short_password_does_not_blacken_other_words() -> None:
    configure(database_url="postgresql+psycopg://postgres:postgres@db/app")
    assert logs.redact("postgresql is not postgres") == "postgresql is not ***"


@pytest.mark.parametrize(
    "harmless",
    [
        "max_tokens: 512, total_tokens=12345678",
        "a task-based risk-assessment-for-everybody",
        "http://127.0.0.1:8501/runs?page=2",
        "the bearer authentication of basic understanding",
    ],
)
def test_ordinary_text_stays(harmless: str) -> None:
    assert logs.redact(harmless) == harmless


def test_a_record_that_cannot_be_formatted_does_not_spill_its_arguments(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure()
    root = logging.getLogger()
    root.handlers[:] = root.handlers[-1:]  # pytest's own handlers raise
    logging.getLogger("prompt_app").info("%d", LOOKS_SECRET["openai key"])
    written = capsys.readouterr().err
    assert "A log record of prompt_app was lost: TypeError" in written
    assert "abcDEF" not in written


def test_json_records_carry_ids_extra_fields_and_time() -> None:
    stream = configure(log_format="json")
    with logs.bind(run_id="run-1"):
        with logs.bind(example_id="row-7"):
            logging.getLogger("prompt_app.engine").info("Scored %d", 3, extra={"attempt": 2})
        logging.getLogger("prompt_app.engine").warning("Between")
    inner, outer = map(json.loads, stream.getvalue().splitlines())
    assert inner.pop("time").endswith("Z")
    assert inner == {
        "run_id": "run-1",
        "example_id": "row-7",
        "attempt": 2,
        "level": "INFO",
        "logger": "prompt_app.engine",
        "message": "Scored 3",
    }
    assert outer["run_id"] == "run-1"
    assert "example_id" not in outer


async def test_concurrent_tasks_keep_their_own_ids() -> None:
    stream = configure(log_format="json")

    async def work(example_id: str) -> None:
        with logs.bind(example_id=example_id):
            await asyncio.sleep(0)
            logging.getLogger("prompt_app").info("%s", example_id)

    with logs.bind(run_id="run-1"):
        await asyncio.gather(*(work(f"row-{n}") for n in range(5)))
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(records) == 5
    assert all(record["example_id"] == record["message"] for record in records)
    assert all(record["run_id"] == "run-1" for record in records)


def test_a_text_record_is_one_line_whatever_its_message_holds() -> None:
    stream = configure()
    with logs.bind(run_id="run-1"):
        logging.getLogger("prompt_app").info("%s", "first\nsecond \x1b[31mred")
    (line,) = stream.getvalue().splitlines()
    assert line.endswith(r"INFO prompt_app run_id=run-1 first\nsecond \x1b[31mred")


def test_the_level_is_ours_and_libraries_speak_from_warning_on() -> None:
    stream = configure(log_level="DEBUG")
    logging.getLogger("prompt_app.engine").debug("ours")
    logging.getLogger("botocore.auth").info("noise")
    logging.getLogger("botocore.auth").warning("theirs")
    lines = stream.getvalue().splitlines()
    assert [line.split()[-1] for line in lines] == ["ours", "theirs"]


def test_configuring_twice_writes_once() -> None:
    first = configure()
    second = configure()
    logging.getLogger("prompt_app").info("once")
    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 1


def test_a_console_handler_of_a_library_is_taken_over() -> None:
    library, theirs = logging.getLogger("some_library"), io.StringIO()
    library.addHandler(logging.StreamHandler(theirs))
    library.propagate = False
    stream = configure()
    library.error("token=%s", "0123456789abcdef")
    assert theirs.getvalue() == ""
    assert "token=***" in stream.getvalue()
