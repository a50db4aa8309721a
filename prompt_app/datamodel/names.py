"""Names that people give to what they keep."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from prompt_app.errors import InputError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""A name that is safe in an address, a label and a log; it never becomes a path."""

_NAME: TypeAdapter[str] = TypeAdapter(Name)


def require_name(name: str, whose: str) -> str:
    """``name`` without the blanks around it. Raises InputError where it cannot be the name of
    ``whose`` kind, e.g. "a dataset"."""
    try:
        return _NAME.validate_python(name.strip())
    except ValidationError:
        raise InputError(
            f"{name[:100]!r} cannot be {whose}'s name: use letters a to z, digits, '.', '_' and "
            "'-', at most 100, with a letter or digit first."
        ) from None
