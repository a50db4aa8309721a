"""``prompt-app models``."""

from __future__ import annotations

from typing import Annotated

import typer

from prompt_app.cli.common import AsJson, print_json, print_table
from prompt_app.cli.opening import opened_workbench
from prompt_app.errors import UnknownNameError


def models(
    text: Annotated[str, typer.Argument(help="Part of the name.")] = "", as_json: AsJson = False
) -> None:
    """List known models with their prices in US dollars per million tokens.

    Exits with 2 where none has the text in its name.
    """
    with opened_workbench() as workbench:
        known = workbench.list_models()
    wanted = text.casefold()
    cards = [card for card in known if wanted in f"{card.reference} {card.title}".casefold()]
    if not cards:
        raise _no_model(text, [card.reference for card in known])
    if as_json:
        print_json(cards)
        return
    rows = [
        [card.reference, card.title, f"{card.context:,}" if card.context else "",
         f"{card.price.input:g}" if card.price else "?",
         f"{card.price.output:g}" if card.price else "?"]
        for card in cards
    ]  # fmt: skip
    print_table(["model", "title", "context#", "in $", "out $"], rows, "No models.")


def _no_model(text: str, references: list[str]) -> UnknownNameError:
    """With the nearest names: of those with a provider where ``text`` has one, else without."""
    from prompt_app.registry import nearest_names

    named = {each if ":" in text else each.partition(":")[2]: each for each in references}
    near = [named[name] for name in nearest_names(text, named)]
    return UnknownNameError("model", text, near, advice="prompt-app models lists all of them.")
