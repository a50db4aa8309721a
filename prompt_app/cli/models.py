"""``prompt-app models``."""

from __future__ import annotations

from typing import Annotated

import typer

from prompt_app.cli.common import AsJson, print_json, print_table
from prompt_app.cli.opening import opened_workbench


def models(
    text: Annotated[str, typer.Argument(help="Part of the name.")] = "", as_json: AsJson = False
) -> None:
    """List known models with their prices in US dollars per million tokens."""
    with opened_workbench() as workbench:
        cards = [
            card
            for card in workbench.list_models()
            if text.casefold() in f"{card.reference} {card.title}".casefold()
        ]
    if as_json:
        print_json(cards)
        return
    rows = [
        [card.reference, card.title, f"{card.context:,}" if card.context else "",
         f"{card.price.input:g}" if card.price else "?",
         f"{card.price.output:g}" if card.price else "?"]
        for card in cards
    ]  # fmt: skip
    print_table(["model", "title", "context#", "in $", "out $"], rows, "No such model.")
