"""Starts the studio's server: ``streamlit run`` on its ASGI app, with a longer keep-alive."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from streamlit.web import cli

from prompt_app.ui import ASGI_FILE

KEEP_ALIVE_SECONDS = 75
"""Longer than the 60 s after which load balancers usually let go of an idle connection: one that
this server closes first would swallow a request that is on its way."""


class _PatientConfig(uvicorn.Config):
    """Streamlit offers no option for it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"timeout_keep_alive": KEEP_ALIVE_SECONDS, **options})


if __name__ == "__main__":
    uvicorn.Config = _PatientConfig  # type: ignore[misc]
    cli.main(["run", str(ASGI_FILE), *sys.argv[1:]])
