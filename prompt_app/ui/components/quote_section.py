"""What the evaluation will take, told before it starts."""

from __future__ import annotations

from functools import partial

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.evaluation import EvaluationSpec, Quote
from prompt_app.errors import PromptAppError
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.long_work import worked_out
from prompt_app.ui.components.wording import duration, money, plain, span
from prompt_app.ui.state import submission_key, workbench


def quote_section(spec: EvaluationSpec) -> bool:
    """Shows the quote, or the one message of what is wrong; returns whether it can start."""
    try:
        quote = worked_out(
            "quote",
            "Working out what this will take",
            (submission_key(spec.content_id),),
            partial(workbench().quote, spec),
        )
    except PromptAppError as error:
        show_message(str(error))
        return False
    if quote is None:
        return False
    st.caption(_grid(spec))
    figures = {
        "Samples": f"{quote.samples:,}",
        "Calls": f"{quote.calls:,}",
        "From cache": f"{quote.cached:,}",
        "Input tokens": f"{quote.input_tokens:,}",
        "Output tokens": span(f"{quote.output_tokens_low:,}", f"{quote.output_tokens_high:,}"),
        "Price": _price(quote),
        "Time": span(duration(quote.seconds_low), duration(quote.seconds_high)),
    }
    with st.grid("auto", min_column_width=150):
        for label, value in figures.items():
            st.metric(label, plain(value))
    if quote.batch_cost_usd_low is not None and quote.batch_cost_usd_high is not None:
        batch = span(money(quote.batch_cost_usd_low), money(quote.batch_cost_usd_high))
        st.caption(plain(f"By batch jobs (mode: batch), within a day: {batch}."))
    for note in quote.notes:
        st.caption(plain(note))
    if quote.unpriced_models:
        st.warning(plain(f"The price is unknown of: {', '.join(quote.unpriced_models)}."))
    return True


def _grid(spec: EvaluationSpec) -> str:
    """``2 prompts × 3 models = 6 runs, 5 repeats of each row.`` A model with two presets counts
    as two."""
    prompts, models = len(spec.prompts), len(spec.models)
    names = [
        counted(prompts, "prompt"),
        f"{counted(models, 'model')} with parameters",
    ]
    runs = prompts * models
    text = f"{' × '.join(names)} = {counted(runs, 'run')}"
    return f"{text}, {spec.repeats:,} repeats of each row." if spec.repeats > 1 else f"{text}."


def _price(quote: Quote) -> str:
    if quote.cost_usd_low is None or quote.cost_usd_high is None:
        return "unknown"
    return span(money(quote.cost_usd_low), money(quote.cost_usd_high))
