"""The gateway and the studio in one process, on one port."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import openai
import pytest
from browser.studio import running_studio

ASK = [{"role": "user", "content": "What colour is the sky?"}]


def test_the_studios_port_answers_the_openai_client(tmp_path: Path) -> None:
    with running_studio(tmp_path, worker=False) as url:
        # On this machine no token is needed; the client insists on sending one.
        ours = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
        reply = ours.chat.completions.create(model="offline:echo", messages=ASK)
        assert reply.choices[0].message.content == "What colour is the sky?"
        stream = ours.chat.completions.create(model="offline:echo", messages=ASK, stream=True)
        texts = [choice.delta.content or "" for chunk in stream for choice in chunk.choices]
        assert "".join(texts) == "What colour is the sky?"
        with pytest.raises(openai.AuthenticationError):
            openai.OpenAI(
                base_url=f"{url}/v1", api_key="sk-prompt-000000000000-wrong", max_retries=0
            ).models.list()
        with urllib.request.urlopen(f"{url}/") as page:
            assert b"<title>" in page.read()
        # Its name for health is the studio's.
        with urllib.request.urlopen(f"{url}/_stcore/health") as health:
            assert health.read() == b"ok"
