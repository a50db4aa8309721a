"""Which addresses a model's base_url may point to."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from prompt_app.datamodel.model import GenerationRequest, ModelSpec
from prompt_app.datamodel.prompt import Message
from prompt_app.errors import InputError, RunBlockingError
from prompt_app.providers import connect
from prompt_app.providers.addresses import address_problem, check_base_url
from prompt_app.providers.http import Transport
from prompt_app.providers.mock_server import MockServer
from prompt_app.settings import Settings

METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "100.100.100.200",
    "168.63.129.16",
    "224.0.0.1",
    "ff02::1",
]
PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "::1",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "fc00::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "198.18.0.1",
    "240.0.0.1",
]
PUBLIC = ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", METADATA)
@pytest.mark.parametrize("allow_private", [True, False])
def test_metadata_and_link_local_addresses_are_never_allowed(
    address: str, allow_private: bool
) -> None:
    assert "never allowed" in (address_problem(address, allow_private) or "")


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_need_leave(address: str) -> None:
    assert address_problem(address, allow_private=True) is None
    assert "private" in (address_problem(address, allow_private=False) or "")


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    assert address_problem(address, allow_private=False) is None


@given(st.ip_addresses(network="169.254.0.0/16"))
def test_all_of_the_link_local_network_is_refused_in_every_writing(address: Any) -> None:
    number = int(address)
    for written in (
        str(address),
        f"::ffff:{address}",
        f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}",
    ):
        assert address_problem(written, allow_private=True) is not None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://example.com", "http"),
        ("file:///etc/passwd", "http"),
        ("example.com/v1", "http"),
        ("http://", "not a valid"),
        ("http://user:secret-word@example.com", "user name and password"),
        ("http://example.com:99999/", "not a valid"),
        ("http://example.com:0/", "not a valid"),
        ("http://exa mple.com/", "not a valid"),
        ("http://example.com\\@127.0.0.1/", "user name"),
        ("http://example.com\\x/", "not a valid"),
        ("http://example.com/\nHost: x", "not a valid"),
        ("http://example.com/?a=b", "'?'"),
        ("http://[::1", "not a valid"),
        ("http://no-such-host.invalid/", "cannot be resolved"),
    ],
)
def test_malformed_addresses_are_told_in_one_line(url: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        check_base_url(url, allow_private=True)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://localhost:11434/v1", "http://127.0.0.1/", "http://2130706433/", "http://127.1"]
)
def test_a_local_server_needs_leave_however_it_is_written(url: str) -> None:
    check_base_url(url, allow_private=True)
    with pytest.raises(InputError, match="private"):
        check_base_url(url, allow_private=False)


def test_the_metadata_service_is_refused_even_with_leave() -> None:
    with pytest.raises(InputError, match="never allowed"):
        check_base_url("http://169.254.169.254/latest/meta-data", allow_private=True)


async def test_a_name_that_resolves_elsewhere_later_is_caught_at_the_connection(
    mock_server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = URL(mock_server.url).port
    answers = iter(["93.184.216.34", "127.0.0.1"])

    def resolve(host: str, *_: object, **__: object) -> list[Any]:
        address = next(answers)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    url = f"http://rebinding.example:{port}/v1"
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    check_base_url(url, allow_private=False)
    transport = Transport(allow_private=False)
    with pytest.raises(RunBlockingError, match=r"rebinding\.example"):
        await transport.post(URL(f"{url}/chat/completions"), b"{}", {})
    await transport.close()
    assert mock_server.stats().get("received", 0) == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_a_forbidden_server_is_never_spoken_to(host: str, mock_server: MockServer) -> None:
    port = URL(mock_server.url).port
    model = ModelSpec(provider="openai", name="echo", base_url=f"http://{host}:{port}/v1")
    provider = connect(model, Settings(_env_file=None, allow_private_addresses=False))
    request = GenerationRequest(model=model, messages=(Message(role="user", content="x"),))
    with pytest.raises(RunBlockingError, match="must not be reached"):
        await provider.generate(request, 5)
    await provider.close()
    assert mock_server.stats().get("received", 0) == 0
