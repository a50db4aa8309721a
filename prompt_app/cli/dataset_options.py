"""How ``prompt-app datasets`` reads a file: the options and what is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

if TYPE_CHECKING:
    from prompt_app.datamodel.dataset import DatasetOptions

Option = typer.Option

ReferenceField = Annotated[str, Option(help="Field of the reference answers.")]
IdField = Annotated[str | None, Option(help="Field of a unique id.")]
ClusterField = Annotated[
    str | None,
    Option(help="Field of what groups dependent rows, such as the source document."),
]
SplitField = Annotated[str | None, Option(help="Field that names each row's split.")]
Splits = Annotated[
    list[str] | None,
    Option("--split", help="Or NAME=FRACTION, once for each split, such as test=0.2."),
]
Seed = Annotated[int, Option(help="Of --split: the same seed deals the rows alike.")]
Format = Annotated[
    str | None,
    Option(
        "--format",
        help="jsonl, json, csv, tsv, xlsx or parquet, where the file's ending does not tell.",
    ),
]
Sheet = Annotated[str | None, Option(help="Sheet of an XLSX file; the first when absent.")]


def dataset_options(*, split: list[str] | None = None, **given: Any) -> DatasetOptions:
    """Raises UnknownNameError for a format, InputError for a split that cannot be."""
    from prompt_app.datamodel.dataset import DatasetFormat, DatasetOptions
    from prompt_app.registry import unknown_name

    formats = get_args(DatasetFormat)
    if given["format"] not in {None, *formats}:
        raise unknown_name("dataset format", given["format"], formats)
    return DatasetOptions(**given, splits=_fractions(split or []))


def _fractions(given: list[str]) -> dict[str, float]:
    """``["train=0.8", "test=0.2"]`` by name."""
    from prompt_app.datamodel.names import require_name
    from prompt_app.errors import InputError

    fractions: dict[str, float] = {}
    for each in given:
        name, _, number = each.rpartition("=")
        try:
            fraction = float(number) if name else 0.0
        except ValueError:
            fraction = 0.0
        if not 0 < fraction <= 1:
            raise InputError(f"--split takes NAME=FRACTION, such as test=0.2, not {each!r}.")
        fractions[require_name(name, "a split")] = fraction
    if len(fractions) < len(given):
        raise InputError("--split names a split twice.")
    return fractions
