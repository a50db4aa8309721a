"""Files of other evaluation tools: read into rows, and written from them.

A row that a tool's format cannot express is named with the reason, and never bent into it.
"""

from __future__ import annotations

from prompt_app.datasets.exchange.shapes import Exchange, Layout
from prompt_app.registry import Registry

__all__ = ["EXCHANGES", "Exchange", "Layout"]

EXCHANGES = Registry(
    "file format of another tool",
    {
        "promptfoo": "prompt_app.datasets.exchange.promptfoo_yaml:FORMAT",
        "promptfoo-csv": "prompt_app.datasets.exchange.promptfoo_csv:FORMAT",
        "openai-evals": "prompt_app.datasets.exchange.openai_evals:FORMAT",
        "hosted-evals": "prompt_app.datasets.exchange.hosted_evals:FORMAT",
        "bedrock": "prompt_app.datasets.exchange.bedrock:FORMAT",
        "fmeval": "prompt_app.datasets.exchange.fmeval:FORMAT",
        "inspect": "prompt_app.datasets.exchange.inspect:FORMAT",
        "langfuse": "prompt_app.datasets.exchange.langfuse:FORMAT",
    },
)
"""Name -> Exchange."""
