"""What an endpoint declares of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from prompt_app.datamodel.serving import Scope
from prompt_app.gateway.errors import ErrorShape, problem
from prompt_app.gateway.exchange import Handler


@dataclass(frozen=True, slots=True)
class Address:
    """One endpoint: where it is, who may call it, and what its documentation says."""

    method: Literal["GET", "POST"]
    paths: tuple[str, ...]
    """The first is the documented one."""
    handler: Handler
    summary: str
    route: str
    """Its name in usage records, e.g. ``chat.completions``."""
    scope: Scope | None = Scope.INVOKE
    """That a token needs; None needs no token."""
    session: bool = False
    """Whether a login of the studio will do in the place of a token."""
    shape: ErrorShape = problem
    request: type[BaseModel] | None = None
    example: Any = None
    """Of a request."""
    answer: Any = None
    """Example of a response."""
    produces: str = "application/json"
    """Type of the response."""
    query: tuple[str, ...] = ()
    media: tuple[str, ...] = field(default=("application/json",))
    """Types of the request's body."""
