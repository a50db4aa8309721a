"""What every object of the data model has: frozen, validated, JSON and YAML, a content hash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)
_YAML_BREAKS = re.compile("[\r\x85\u2028\u2029\ufeff]")
"""What YAML reads as a line break besides the line feed, and the byte-order mark."""


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"give a number, not {str(value).lower()}")
    return value


Number = TypeVar("Number")
Numeric = Annotated[Number, BeforeValidator(_no_boolean)]
"""``Numeric[int]``: True is no 1. Of what people write; pydantic alone would take it."""


def problem_text(problem: Mapping[str, Any]) -> str:
    """One of a ValidationError's ``errors()`` in the words of who wrote the value: YAML and JSON
    have lists, not tuples."""
    said = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] in {"tuple_type", "too_short", "too_long"}:
        said = said.replace("tuple", "list").replace("Tuple", "List")
    return said


def sentence(text: str) -> str:
    """With a capital at its start and a full stop at its end."""
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return _CANONICAL.encode(value)


def content_hash(value: Any) -> str:
    """The first 24 hex digits (96 bits) of the SHA-256 of ``value`` as canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:24]


def yaml_text(data: Any) -> str:
    """YAML with keys in their order: text of several lines as a block, and what a block would
    change in quotes."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        style = None
        if _YAML_BREAKS.search(text):
            style = '"'
        elif "\n" in text:
            style = "|"
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent_text)
    return str(yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True))


class Record(BaseModel):
    """A frozen, validated value object."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @property
    def content_id(self) -> str:
        """Hash of the content. Fields at their default do not count, so that a field added
        later with a default leaves the ids of older objects as they were."""
        return content_hash(self.model_dump(mode="json", exclude_defaults=True))

    def to_json(self) -> str:
        """One line of JSON; :meth:`from_json` reads it back to an equal object."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Raises pydantic.ValidationError for text that is no such object."""
        return cls.model_validate_json(text)

    def to_yaml(self) -> str:
        """YAML with the fields in their order; :meth:`from_yaml` reads it back."""
        return yaml_text(self.model_dump(mode="json"))

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Raises yaml.YAMLError or pydantic.ValidationError."""
        from prompt_app.datamodel.yaml_reading import read_yaml

        return cls.model_validate(read_yaml(text))
