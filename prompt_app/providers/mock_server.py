"""A model server over real sockets, with settable latency, limits and faults.

It speaks OpenAI's chat completions (also streamed), models and embeddings, Bedrock's Converse
(also streamed) and SageMaker's invocations. The answers come from the offline models by name; any
other name answers as ``extractive`` does. ``GET``/``POST /_control`` reads and changes the options
live, ``GET /_control/stats`` tells what was counted, ``POST /_control/reset`` sets it to zero.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, Self, TypeVar

from aiohttp import web

from prompt_app.providers.mock.application import MockApplication
from prompt_app.providers.mock.options import MockServerOptions

__all__ = ["MockServer", "MockServerOptions", "run_mock_server"]

Result = TypeVar("Result")
KEEP_ALIVE_SECONDS = 300.0
BACKLOG = 4096


async def _listen(
    application: MockApplication, host: str, port: int
) -> tuple[asyncio.Server, web.Server, str]:
    handler = web.Server(
        application.handle,
        handler_cancellation=True,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        access_log=None,
        lingering_time=0,
    )
    loop = asyncio.get_running_loop()
    server = await loop.create_server(handler, host, port, backlog=BACKLOG, reuse_address=True)
    bound_host, bound_port = server.sockets[0].getsockname()[:2]
    shown = f"[{bound_host}]" if ":" in bound_host else bound_host
    return server, handler, f"http://{shown}:{bound_port}"


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _serve(
    application: MockApplication,
    host: str,
    port: int,
    ready: Callable[[str], None],
    stopping: asyncio.Event,
) -> None:
    server, handler, url = await _listen(application, host, port)
    ready(url)
    try:
        await stopping.wait()
    finally:
        server.close()
        await handler.shutdown(timeout=0.1)


def run_mock_server(
    options: MockServerOptions | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until interrupted. ``ready`` gets the address once it listens; without it the
    address is printed on a line of its own. Raises OSError where the port is taken."""
    tell = ready or (lambda url: print(f"Mock server ready on {url}", flush=True))
    application = MockApplication(options or MockServerOptions())

    async def main() -> None:
        await _serve(application, host, port, tell, asyncio.Event())

    with asyncio.Runner(loop_factory=_new_loop) as runner, contextlib.suppress(KeyboardInterrupt):
        runner.run(main())


class MockServer:
    """A mock server on a thread of this process, for tests; a context manager.

    ``url`` is the server's address; OpenAI clients take ``url + "/v1"``.
    """

    def __init__(
        self, options: MockServerOptions | None = None, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._application = MockApplication(options or MockServerOptions())
        self._host, self._port = host, port
        self._loop = _new_loop()
        self._stopping = asyncio.Event()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="mock-server", daemon=True)
        self.url = ""

    def start(self) -> Self:
        """Returns when the server listens. Raises OSError where the port is taken."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        """Safe to call twice."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def control(self, **changes: Any) -> MockServerOptions:
        """Change options live; the rest stays."""
        return self._call(lambda: self._application.change(changes))

    def stats(self) -> dict[str, Any]:
        """See :meth:`prompt_app.providers.mock.options.Stats.as_dict`."""
        return self._call(self._application.stats.as_dict)

    def reset(self) -> None:
        """Set all counts to zero and begin the seeded faults anew."""
        self._call(self._application.reset)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(
                _serve(self._application, self._host, self._port, self._listens, self._stopping)
            )
        except BaseException as error:
            self._failure = error
        finally:
            self._loop.close()
            self._ready.set()

    def _listens(self, url: str) -> None:
        self.url = url
        self._ready.set()

    def _call(self, function: Callable[[], Result]) -> Result:
        async def run() -> Result:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()
