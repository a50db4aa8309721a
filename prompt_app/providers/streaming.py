"""What streaming providers share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable

from prompt_app.datamodel.model import Reply, ReplyDelta, ReplyEvent


async def in_one_piece(call: Awaitable[Reply]) -> AsyncGenerator[ReplyEvent, None]:
    """The stream of a provider that cannot: each response as one piece."""
    reply = await call
    for index, output in enumerate(reply.outputs):
        if output.text:
            yield ReplyDelta(output.text, index)
    yield reply
