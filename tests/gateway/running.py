"""A gateway on a thread of the test's process, with real sockets."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any, Self

import uvicorn
from engine.runs import temporary_workbench
from pydantic import SecretStr

from prompt_app.datamodel.serving import UsageFilter, UsageRecord
from prompt_app.gateway import create_gateway
from prompt_app.workbench import Workbench


class RunningGateway:
    """``url`` is its address, ``token`` a token that may do everything but administer."""

    def __init__(
        self,
        folder: Path,
        upstream: str,
        *,
        open_here: bool = False,
        certificate: tuple[Path, Path] | None = None,
        visitor: Any = None,
        **settings: Any,
    ) -> None:
        self.workbench: Workbench = temporary_workbench(
            folder,
            _env_file=None,
            openai_api_key=SecretStr("sk-upstream-0123456789abcdef"),
            openai_base_url=f"{upstream}/v1",
            aws_region="us-east-1",
            bedrock_endpoint_url=upstream,
            sagemaker_endpoint_url=upstream,
            **settings,
        )
        self.token = self.workbench.access_tokens.create("test").secret
        self.app = create_gateway(self.workbench, open_here=open_here, visitor=visitor)
        self._socket = socket.create_server(("127.0.0.1", 0))
        scheme = "http" if certificate is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._socket.getsockname()[1]}"
        files: dict[str, Any] = {}
        if certificate is not None:
            files = {"ssl_certfile": certificate[0], "ssl_keyfile": certificate[1]}
        config = uvicorn.Config(
            self.app, log_config=None, access_log=False, lifespan="on",
            timeout_graceful_shutdown=1, **files,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def usage(self, count: int = 1, **conditions: Any) -> list[UsageRecord]:
        """The recorded calls, newest first, once there are ``count``."""
        end = time.monotonic() + 10
        while True:
            items = self.workbench.store.list_usage(UsageFilter(**conditions), limit=1000).items
            if len(items) >= count:
                return list(items)
            assert time.monotonic() < end, f"{len(items)} calls recorded"
            time.sleep(0.02)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the gateway did not start"
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(15)
        self.workbench.close()
