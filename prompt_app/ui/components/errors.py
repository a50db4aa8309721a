"""How errors reach a person: one clear message, never a traceback."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from pydantic import ValidationError

from prompt_app.datamodel.base import sentence
from prompt_app.errors import PromptAppError
from prompt_app.ui.components.verbatim import cut
from prompt_app.ui.components.wording import plain
from prompt_app.workbench.files import describe_problems

_logger = logging.getLogger(__name__)
_UNEXPECTED = "Something went wrong here. The server's log says what. Reload the page to go on."


def message_of(error: Exception) -> str:
    """What to show for ``error``; one that nobody foresaw is logged."""
    if isinstance(error, PromptAppError):
        return str(error)
    _logger.error("Unexpected error in the studio.", exc_info=error)
    return _UNEXPECTED


def show_message(message: str) -> None:
    """An error message as it is: no part of it is taken for markup."""
    st.error(plain(cut(message)), icon=":material/error:")


def show_error(error: Exception) -> bool:
    """The last resort for what a page or a callback raised."""
    show_message(message_of(error))
    return True


@contextmanager
def errors_shown() -> Iterator[None]:
    """Shows what the block raises, and lets the page go on behind it."""
    try:
        yield
    except PromptAppError as error:
        show_message(str(error))
    except ValidationError as error:
        told = describe_problems(error)
        whole = told.removeprefix("evaluation: ")  # of no single field
        show_message(told if whole == told else sentence(whole))
