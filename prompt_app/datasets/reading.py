"""From a file's rows to examples: identity, splits, and what every row must have."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prompt_app.datamodel.base import content_hash
from prompt_app.datamodel.dataset import (
    DatasetOptions,
    Example,
    RowProblem,
    field_paths,
    field_value,
    sampling_key,
)
from prompt_app.datasets.exchange import EXCHANGES, Exchange
from prompt_app.datasets.sources import local_file
from prompt_app.datasets.values import RawRows, RowRefused
from prompt_app.errors import DatasetError
from prompt_app.registry import Registry, nearest_names
from prompt_app.settings import Settings

FORMATS = Registry(
    "dataset format",
    {
        "jsonl": "prompt_app.datasets.json_rows:read_jsonl",
        "json": "prompt_app.datasets.json_rows:read_json",
        "csv": "prompt_app.datasets.delimited:read_csv",
        "tsv": "prompt_app.datasets.delimited:read_tsv",
        "xlsx": "prompt_app.datasets.xlsx:read_xlsx",
        "parquet": "prompt_app.datasets.parquet:read_parquet",
    },
)
"""Format -> reader: (path, options) -> (line, fields) or RowProblem, row by row."""

_OTHER_ENDINGS = {"ndjson": "jsonl", "pq": "parquet"}
_LONGEST_ID = 256
_MOST_PATHS = 10_000


def read_rows(
    source: str | Path, options: DatasetOptions, settings: Settings
) -> Iterator[Example | RowProblem]:
    """Every row of the file in order: an example, or what is wrong with it.

    The file is streamed; what grows with it is 12 bytes of hash for each row. Raises
    DatasetError where the file as a whole cannot be read, where it holds no rows, or where no
    row at all has a field that ``options`` names.
    """
    file_format = _format_of(source, options)
    with _opened(source, settings) as path:
        yield from examples_of(_reader(file_format)(path, options), options)


def read_fields(
    source: str | Path, options: DatasetOptions, settings: Settings
) -> Iterator[dict[str, Any]]:
    """The fields of each row that can be read at all, before anything is required of them: what
    a person chooses the reference field from. Raises DatasetError as :func:`read_rows` does."""
    file_format = _format_of(source, options)
    with _opened(source, settings) as path:
        for row in _reader(file_format)(path, options):
            if not isinstance(row, RowProblem):
                yield row[1]


def _reader(file_format: str) -> Callable[[Path, DatasetOptions], RawRows]:
    if file_format in FORMATS:
        own: Callable[[Path, DatasetOptions], RawRows] = FORMATS.load(file_format)
        return own
    exchange: Exchange = EXCHANGES.load(file_format)
    return exchange.read


@contextmanager
def _opened(source: str | Path, settings: Settings) -> Iterator[Path]:
    """The file on this machine; errors about it name it."""
    with local_file(source, settings) as path:
        try:
            if path.stat().st_size == 0:
                raise DatasetError("The file is empty. Give one with at least one row.")
            yield path
        except OSError as error:
            raise DatasetError(f"{source} cannot be read: {error.strerror or error}.") from None
        except DatasetError as error:
            raise DatasetError(f"{source}: {error}") from None


class FieldPaths:
    """The columns and field paths that occur in the rows noted, in order of appearance; of
    columns and of paths the first 10,000."""

    def __init__(self) -> None:
        self._columns: dict[str, None] = {}
        self._paths: dict[str, None] = {}

    def note(self, fields: Mapping[str, Any]) -> None:
        if len(self._columns) < _MOST_PATHS:
            self._columns.update(dict.fromkeys(fields))
        if len(self._paths) < _MOST_PATHS:
            self._paths.update(dict.fromkeys(field_paths(fields)))

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._columns)[:_MOST_PATHS]

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self._paths)[:_MOST_PATHS]


def examples_of(rows: RawRows, options: DatasetOptions) -> Iterator[Example | RowProblem]:
    """The rows with their ids and splits, or what is wrong with them. Raises DatasetError where
    there are no rows, or where no row at all has a field that ``options`` names."""
    _check_options(options)
    required = _RequiredFields(options)
    identities = _Identities(options)
    is_empty = True
    position = 0
    for row in rows:
        is_empty = False
        if isinstance(row, RowProblem):
            yield row
            continue
        line, fields = row
        try:
            required.check(fields)
            example_id, base_id = identities.of(fields)
            split = _split_of(fields, base_id, options)
        except RowRefused as refused:
            yield RowProblem(line=line, reason=str(refused))
            continue
        yield Example(id=example_id, position=position, fields=fields, split=split)
        position += 1
    if is_empty:
        raise DatasetError("There are no rows in it. Give a file with at least one.")
    required.check_any()


class _RequiredFields:
    """The fields that the options name: a row without one is refused."""

    def __init__(self, options: DatasetOptions) -> None:
        named = {
            "reference field": options.reference_field,
            "id field": options.id_field,
            "cluster field": options.cluster_field,
            "split field": options.split_field,
        }
        self._paths = {what: path for what, path in named.items() if path is not None}
        self._missing = dict.fromkeys(self._paths, 0)
        self._seen = FieldPaths()
        self._rows = 0

    def check(self, fields: Mapping[str, Any]) -> None:
        self._rows += 1
        refusal = None
        for what, path in self._paths.items():
            try:
                field_value(fields, path)
            except KeyError:
                self._missing[what] += 1
                refusal = refusal or f"no {what} {path!r}{_nearest(path, field_paths(fields))}"
        if refusal is not None:
            self._seen.note(fields)
            raise RowRefused(refusal)

    def check_any(self) -> None:
        """Raise DatasetError for a field that every row lacked."""
        for what, path in self._paths.items():
            if self._rows and self._missing[what] == self._rows:
                columns = self._seen.columns
                listed = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
                raise DatasetError(
                    f"No row has the {what} {path!r}{_nearest(path, self._seen.paths)} "
                    f"(columns: {listed or 'none'})."
                )


class _Identities:
    """Gives each row its id, and keeps ids unique."""

    def __init__(self, options: DatasetOptions) -> None:
        self._path = options.id_field
        self._used: set[bytes] = set()
        self._repeats: dict[bytes, int] = {}

    def of(self, fields: Mapping[str, Any]) -> tuple[str, str]:
        """(id, the id that equal rows share). Raises RowRefused for an id that is unfit or was
        used before."""
        if self._path is None:
            base = content_hash(fields)
            count = self._count(bytes.fromhex(base))
            return (base if count == 1 else f"{base}~{count}"), base
        value = field_value(fields, self._path)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise RowRefused(f"the id in {self._path!r} is neither text nor a number")
        given = str(value).strip()
        if not given or len(given) > _LONGEST_ID:
            raise RowRefused(f"the id in {self._path!r} is empty or over {_LONGEST_ID} characters")
        if self._count(bytes.fromhex(content_hash(given))) > 1:
            raise RowRefused(f"the id {given!r} was used before")
        return given, given

    def _count(self, digest: bytes) -> int:
        if digest not in self._used:
            self._used.add(digest)
            return 1
        self._repeats[digest] = self._repeats.get(digest, 1) + 1
        return self._repeats[digest]


def _split_of(fields: Mapping[str, Any], base_id: str, options: DatasetOptions) -> str | None:
    if options.split_field is not None:
        value = field_value(fields, options.split_field)
        if value is None:
            return None
        if isinstance(value, dict | list):
            raise RowRefused(f"the split in {options.split_field!r} is neither text nor a number")
        return str(value).strip() or None
    if not options.splits:
        return None
    place = int(sampling_key(options.seed, base_id), 16) / 2**64
    # By name, because equal options must deal alike whatever their order.
    for name, fraction in sorted(options.splits.items()):
        if place < fraction:
            return name
        place -= fraction
    return None


def _check_options(options: DatasetOptions) -> None:
    if not options.splits:
        return
    if options.split_field is not None:
        raise DatasetError("Give either 'split_field' or 'splits', not both.")
    if min(options.splits.values()) <= 0 or math.fsum(options.splits.values()) > 1 + 1e-9:
        raise DatasetError("The fractions in 'splits' must be above 0 and add up to at most 1.")


def _format_of(source: str | Path, options: DatasetOptions) -> str:
    if options.format is not None:
        return options.format
    ending = str(source).rpartition("/")[2].rpartition(".")[2].lower()
    name = _OTHER_ENDINGS.get(ending, ending)
    if "." not in str(source) or name not in FORMATS:
        known = ", ".join(f".{each}" for each in FORMATS)
        raise DatasetError(f"{source}: the ending tells no known format; known are {known}.")
    return name


def _nearest(path: str, known: Any) -> str:
    nearest = nearest_names(path, known)
    return f", did you mean {' or '.join(repr(near) for near in nearest)}?" if nearest else ""
