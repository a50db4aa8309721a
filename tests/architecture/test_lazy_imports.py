"""Heavy libraries are loaded by what needs them, not by starting a worker or asking for help."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "aiohttp.web",
    "alembic",
    "boto3",
    "botocore",
    "fastapi",
    "genai_prices",
    "openai",
    "openpyxl",
    "pandas",
    "pyarrow",
    "rouge_score",
    "sacrebleu",
    "scipy.stats",
    "streamlit",
)


@pytest.mark.parametrize(
    "module",
    [
        "prompt_app.cli",
        "prompt_app.datasets",
        "prompt_app.engine.worker",
        "prompt_app.metrics",
        "prompt_app.providers",
        "prompt_app.storage",
        "prompt_app.workbench",
    ],
)
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    program = f"import {module}, sys; print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
